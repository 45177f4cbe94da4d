// Score: the responses of a task become its metrics, per document and in all.
#include "common/evaluation/score.h"

#include <fmt/format.h>

#include <cmath>

#include "common/evaluation/filter.h"
#include "common/evaluation/metrics.h"
#include "common/evaluation/text_metrics.h"

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

// The metrics of the documents behind one filter, and their sums, added to `out`.
class FilterScorer {
 public:
  FilterScorer(const PreparedTask& task, std::span<const Response> responses)
      : task_(task), responses_(responses) {}

  Status Add(const FilterPipeline& pipeline, const TextScorer& texts, TaskScore& out) {
    std::vector<std::vector<DocumentMetric>> by_metric;
    for (size_t i = 0; i < task_.documents.size(); ++i) {
      DocumentScore score;
      score.filter = pipeline.name();
      score.document = static_cast<int32_t>(i);
      ASSIGN_OR_RETURN(std::vector<DocumentMetric> metrics, ScoreOne(pipeline, texts, score));
      by_metric.resize(metrics.size());
      for (size_t m = 0; m < metrics.size(); ++m) {
        score.metrics.emplace_back(metrics[m].metric, metrics[m].logged);
        by_metric[m].push_back(std::move(metrics[m]));
      }
      out.per_document.push_back(std::move(score));
    }
    for (const std::vector<DocumentMetric>& values : by_metric) {
      const MetricConfig metric = MetricOf(task_.config, values[0].metric);
      ASSIGN_OR_RETURN(MetricValue value,
                       AggregateMetric(task_.config, task_.options.profile, metric, values));
      value.filter = pipeline.name();
      out.metrics.push_back(std::move(value));
    }
    return OkStatus();
  }

 private:
  Result<std::vector<DocumentMetric>> ScoreOne(const FilterPipeline& pipeline,
                                               const TextScorer& texts, DocumentScore& score) {
    const Document& document = task_.documents[static_cast<size_t>(score.document)];
    const auto mine = responses_.subspan(static_cast<size_t>(document.first_request),
                                         static_cast<size_t>(document.request_count));
    if (task_.config.output_type != OutputType::kGenerateUntil) {
      return ScoreDocument(task_.config, task_.options.profile, document, mine);
    }
    // Greedy decoding gives the same text as often as it is asked.
    const std::vector<std::string> answers(static_cast<size_t>(task_.config.repeats),
                                           mine.front().text);
    auto filtered = pipeline.Apply(answers, document.doc);
    if (!filtered.ok()) {
      return filtered.status().WithContext(
          fmt::format("task {}, document {}", task_.config.task, document.doc_id));
    }
    score.filtered = *std::move(filtered);
    return texts.Score(document, score.filtered);
  }

  const PreparedTask& task_;
  const std::span<const Response> responses_;
};

}  // namespace

Result<TaskScore> Score(const PreparedTask& task, std::span<const Response> responses) {
  RETURN_IF_ERROR(CheckMetrics(task.config));
  RETURN_IF_ERROR(CheckResponses(task, responses));
  TaskScore out;
  out.task = task.config.task;
  out.alias = task.config.task_alias.empty() ? task.config.task : task.config.task_alias;
  out.num_fewshot = task.num_fewshot;
  out.documents = static_cast<int64_t>(task.documents.size());
  const auto pipelines = MakeFilters(task.config);
  if (!pipelines.ok()) return pipelines.status().WithContext("task " + task.config.task);
  const auto texts = TextScorer::Make(task);
  if (!texts.ok()) return texts.status().WithContext("task " + task.config.task);
  FilterScorer scorer(task, responses);
  for (const FilterPipeline& pipeline : *pipelines) {
    RETURN_IF_ERROR(scorer.Add(pipeline, *texts, out));
  }
  return out;
}

}  // namespace koeval::evaluation
