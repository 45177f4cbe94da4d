// A plan's facts as JSON text, the one column that holds more than a value.
#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "scheduler/core/records.h"

namespace koeval::store {

std::string EncodePlan(const core::PlanInfo& plan);
// INVALID_ARGUMENT names the field that is missing or of a wrong type; unknown fields are ignored.
Result<core::PlanInfo> DecodePlan(std::string_view text);

}  // namespace koeval::store
