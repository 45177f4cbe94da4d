// A database with a filled leaderboard, for the browser tests and the bench of the pages.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/status.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {

struct FillOptions {
  int64_t models = 2'000;
  int64_t samples_per_model = 0;       // stored answers, in batches of kFillBatchSamples
  int64_t result_file_bytes = 20'000;  // of each stored result file
  int64_t failed = 3;
  int64_t pending = 3;
};
inline constexpr int64_t kFillBatchSamples = 100;

// The suite "ko-h5" of five columns over the toy tasks, beside the suite "toy" of WriteToySuite.
void WriteFillSuite(const std::string& folder);
// Commits finished requests "r-0"... of "ko-h5", every 50th of 10 documents alone,
// every 31st with a chat template, every 97th of a flagged model, then
// "failed-0"... and "pending-0"..., which need kLargeModelBytes, into an empty store. Names and
// scores follow from the number alone.
Status FillStore(const FillOptions& options, store::JobStore& store);

}  // namespace koeval::service
