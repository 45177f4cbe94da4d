// What a dry run answers: the report of the checks, the planned work, and placement.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "koeval/v1/queue.pb.h"
#include "scheduler/core/core.h"
#include "scheduler/service/check_runner.h"
#include "scheduler/service/prepared.h"
#include "scheduler/service/suites.h"
#include "scheduler/service/token_sample.h"

namespace koeval::service {

struct DryRunParts {
  core::RequestSpec spec;  // complete, pinned
  std::string identity;    // "" where it is not known
  CheckReport report;
  std::shared_ptr<const PreparedSuite> suite;  // nullptr when the checks failed
  std::vector<TaskTokens> tokens;              // of its tasks; empty where nobody could count
  core::Preview preview;
  std::optional<int64_t> run_ms;  // nothing where no request tells
  std::string same;  // id of the request that a submission would be answered with; "" for none
};

// Bytes that a slot must have for the model; 0 when the checks did not find out. With `generation`
// they count the keys and values of the texts that one batch generates at a time.
int64_t MemoryNeed(const CheckReport& report, const GenerationNeed& generation);
// The row that a submission would have once its checks passed.
core::RequestRow RowOf(const DryRunParts& parts, WallTime now);
void FillDryRun(const DryRunParts& parts, v1::DryRunResponse* response);

}  // namespace koeval::service
