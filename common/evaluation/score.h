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

// What one document scored behind one filter.
struct DocumentScore {
  std::string filter;
  int32_t document = 0;  // position in PreparedTask::documents
  Json filtered;         // generate_until: what the filter made of the answer; null otherwise
  std::vector<std::pair<std::string, Json>> metrics;  // (metric, value) as the sample log shows it
};

struct TaskScore {
  std::string task;
  std::string alias;
  int64_t num_fewshot = 0;
  int64_t documents = 0;
  std::vector<MetricValue> metrics;  // filter after filter, each in the harness's order
  // Filter after filter, each with the documents in PreparedTask order.
  std::vector<DocumentScore> per_document;
};

// `responses` in request order, one for each request of `task`. INVALID_ARGUMENT when the counts
// differ, a log-likelihood is NaN, or a row or an answer lacks what a metric needs;
// RESOURCE_EXHAUSTED when a pattern of a filter takes too long.
Result<TaskScore> Score(const PreparedTask& task, std::span<const Response> responses);

}  // namespace koeval::evaluation
