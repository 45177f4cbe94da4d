// From responses to metrics: per document, per task, per suite. The only place where scores are
// made.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/evaluation/prepare.h"

namespace koeval::evaluation {

struct MetricValue {
  std::string metric;           // "acc"
  std::string filter = "none";  // key in result files: "acc,none"
  double value = 0;
  std::optional<double> stderr_value;  // absent: "N/A" in result files
  bool higher_is_better = true;
};

struct TaskScore {
  std::string task;
  std::string alias;
  int64_t num_fewshot = 0;
  int64_t documents = 0;
  std::vector<MetricValue> metrics;  // in the harness's order, see ScoreDocument
  // Per document, in PreparedTask order: (metric, value) as the sample log shows it.
  std::vector<std::vector<std::pair<std::string, Json>>> per_document;
};

// `responses` in request order, one for each request of `task`. INVALID_ARGUMENT when the counts
// differ or a log-likelihood is NaN.
Result<TaskScore> Score(const PreparedTask& task, std::span<const Response> responses);

}  // namespace koeval::evaluation
