// About how long an evaluation runs, by what others like it took.
#pragma once

#include <cstdint>
#include <optional>

#include "common/base/status.h"
#include "scheduler/core/records.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {

// Milliseconds of a request of `spec` whose model has `parameters`: the median of milliseconds for
// a parameter over the newest kRunsCompared finished requests of the same suite and version,
// profile, limit and precision, times its own parameters. All of these have the same documents, so
// that their prompts differ by the tokenizer alone. Nothing where there is no such request. From
// the start of its first attempt to its end: waits between attempts count. Errors of the reader.
Result<std::optional<int64_t>> EstimateRunMs(store::Reader& reader, const core::RequestSpec& spec,
                                             int64_t parameters);

}  // namespace koeval::service
