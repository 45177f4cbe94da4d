// Functions that templates call by name, and the members of `loop`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/evaluation/template_call.h"
#include "common/evaluation/template_evaluate.h"

namespace koeval::evaluation {

// Whether chat templates have a function of that name.
bool IsFunctionName(std::string_view name);

// range(start, stop, step): a list of at most 100000 whole numbers.
Result<Value> Range(const CallArguments& arguments);

// loop.name, undefined for what loop does not have; and all members as a dict.
Value LoopMember(const LoopState& loop, const std::string& name);
Value LoopValue(const LoopState& loop);

// strftime of the C locale for a moment in UTC. INVALID_ARGUMENT for a format over 256 bytes, or
// one that gives over 1024.
Result<Value> FormatTime(const std::string& format, int64_t seconds);

}  // namespace koeval::evaluation
