// Scores and suites to and from koeval.v1 and the JSON that the store keeps.
#pragma once

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/score.h"
#include "common/evaluation/suite.h"
#include "koeval/v1/catalogue.pb.h"
#include "koeval/v1/results.pb.h"
#include "scheduler/core/records.h"
#include "scheduler/service/suites.h"

namespace koeval::service {

// All that a request's scores say, as it is stored: entries, average, tasks, and the result file.
struct StoredScores {
  evaluation::SuiteScore suite;
  std::vector<evaluation::TaskScore> tasks;  // without per_document
  std::string results_json;                  // the complete result file
};

std::string ToJson(const StoredScores& scores);
// DATA_LOSS names the field.
Result<StoredScores> ScoresFromJson(const std::string& json);

v1::EntryScore ToProto(const evaluation::EntryScore& entry);
void FillResults(const core::RequestRow& row, const StoredScores& scores,
                 v1::GetResultsResponse* out);
v1::Suite ToProto(const LoadedSuite& suite, bool is_default);

}  // namespace koeval::service
