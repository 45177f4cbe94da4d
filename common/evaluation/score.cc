// Score: the responses of a task become its metrics, per document and in all.
#include "common/evaluation/score.h"

#include <fmt/format.h>

#include <cmath>

#include "common/evaluation/metrics.h"

namespace koeval::evaluation {
namespace {

Status CheckResponses(const PreparedTask& task, std::span<const Response> responses) {
  if (responses.size() != task.requests.size()) {
    return InvalidArgument(fmt::format("task {}: {} requests have {} responses", task.config.task,
                                       task.requests.size(), responses.size()));
  }
  for (size_t i = 0; i < responses.size(); ++i) {
    if (std::isnan(responses[i].log_likelihood)) {
      return InvalidArgument(
          fmt::format("task {}: the log-likelihood of request {} is NaN", task.config.task, i));
    }
  }
  for (const Document& document : task.documents) {
    const auto first = static_cast<size_t>(document.first_request);
    const auto count = static_cast<size_t>(document.request_count);
    if (document.first_request < 0 || document.request_count < 1 ||
        first + count > responses.size()) {
      return InvalidArgument(fmt::format("task {}, document {}: requests out of range",
                                         task.config.task, document.doc_id));
    }
  }
  if (task.documents.empty()) {
    return InvalidArgument(fmt::format("task {}: has no documents", task.config.task));
  }
  return OkStatus();
}

// The task's own entry for `metric`; a mean for one that the profile adds.
MetricConfig MetricOf(const TaskConfig& config, const std::string& metric) {
  for (const MetricConfig& listed : config.metrics) {
    if (listed.metric == metric) return listed;
  }
  return {.metric = metric, .aggregation = "mean", .higher_is_better = true};
}

}  // namespace

Result<TaskScore> Score(const PreparedTask& task, std::span<const Response> responses) {
  RETURN_IF_ERROR(CheckMetrics(task.config));
  RETURN_IF_ERROR(CheckResponses(task, responses));
  TaskScore out;
  out.task = task.config.task;
  out.alias = task.config.task_alias.empty() ? task.config.task : task.config.task_alias;
  out.num_fewshot = task.num_fewshot;
  out.documents = static_cast<int64_t>(task.documents.size());
  std::vector<std::vector<DocumentMetric>> by_metric;
  for (const Document& document : task.documents) {
    const auto mine = responses.subspan(static_cast<size_t>(document.first_request),
                                        static_cast<size_t>(document.request_count));
    ASSIGN_OR_RETURN(std::vector<DocumentMetric> metrics,
                     ScoreDocument(task.config, task.options.profile, document, mine));
    by_metric.resize(metrics.size());
    std::vector<std::pair<std::string, Json>>& logged = out.per_document.emplace_back();
    for (size_t i = 0; i < metrics.size(); ++i) {
      logged.emplace_back(metrics[i].metric, metrics[i].logged);
      by_metric[i].push_back(std::move(metrics[i]));
    }
  }
  for (const std::vector<DocumentMetric>& values : by_metric) {
    const MetricConfig metric = MetricOf(task.config, values[0].metric);
    ASSIGN_OR_RETURN(MetricValue value, AggregateMetric(task.config, metric, values));
    out.metrics.push_back(std::move(value));
  }
  return out;
}

}  // namespace koeval::evaluation
