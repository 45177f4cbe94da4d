// About how long an evaluation runs and when it starts, by what others like it took.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/base/status.h"
#include "scheduler/core/core.h"
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

// What a new request would wait for.
struct Ahead {
  std::vector<int64_t> etas;  // milliseconds until each slot comes free that has been measured
  // Requests that would be served before, in that order; nothing when there are more than
  // kAheadMax.
  std::optional<std::vector<core::RequestRow>> waiting;
};
// Dispatcher's thread.
Ahead AheadOf(const core::Core& core, int64_t priority);

// Milliseconds until a slot comes free for a request, when those ahead of it take the first slots
// that come free, in order, and hold each for its time in `runs`. Nothing where no slot was
// measured or a time is missing.
std::optional<int64_t> StartMs(std::vector<int64_t> etas,
                               std::span<const std::optional<int64_t>> runs);
// The same with the times of EstimateRunMs. Errors of the reader.
Result<std::optional<int64_t>> EstimateStartMs(store::Reader& reader, const Ahead& ahead);

}  // namespace koeval::service
