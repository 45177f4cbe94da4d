// Scores and suites to and from koeval.v1 and JSON.
#include "scheduler/service/results_convert.h"

#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "common/base/json.h"

namespace koeval::service {
namespace {

// JSON has no number for these; they are written as words.
Json NumberToJson(double value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

Json OptionalToJson(const std::optional<double>& value) {
  return value ? NumberToJson(*value) : Json();
}

Result<double> NumberFromJson(const Json& object, const char* key) {
  const Json* value = JsonFind(object, key);
  if (value != nullptr && value->is_number()) return value->get<double>();
  if (value != nullptr && *value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value != nullptr && *value == "inf") return std::numeric_limits<double>::infinity();
  if (value != nullptr && *value == "-inf") return -std::numeric_limits<double>::infinity();
  return DataLoss(std::string("stored scores: ") + key + " is no number");
}

Result<std::optional<double>> OptionalFromJson(const Json& object, const char* key) {
  if (JsonFind(object, key) == nullptr) return std::optional<double>();
  ASSIGN_OR_RETURN(const double value, NumberFromJson(object, key));
  return std::optional<double>(value);
}

Json ToJson(const evaluation::EntryScore& entry) {
  return {{"name", entry.name},
          {"metric", entry.metric},
          {"value", NumberToJson(entry.value)},
          {"stderr", OptionalToJson(entry.stderr_value)}};
}

Json ToJson(const evaluation::TaskScore& task) {
  Json metrics = Json::array();
  for (const evaluation::MetricValue& metric : task.metrics) {
    metrics.push_back({{"metric", metric.metric},
                       {"filter", metric.filter},
                       {"value", NumberToJson(metric.value)},
                       {"stderr", OptionalToJson(metric.stderr_value)},
                       {"higher_is_better", metric.higher_is_better}});
  }
  return {{"task", task.task},
          {"alias", task.alias},
          {"num_fewshot", task.num_fewshot},
          {"documents", task.documents},
          {"metrics", std::move(metrics)}};
}

constexpr const char* kWhere = "stored scores";

Result<evaluation::EntryScore> EntryFromJson(const Json& json) {
  evaluation::EntryScore out;
  ASSIGN_OR_RETURN(out.name, JsonString(json, "name", kWhere));
  ASSIGN_OR_RETURN(out.metric, JsonString(json, "metric", kWhere));
  ASSIGN_OR_RETURN(out.value, NumberFromJson(json, "value"));
  ASSIGN_OR_RETURN(out.stderr_value, OptionalFromJson(json, "stderr"));
  return out;
}

Result<evaluation::MetricValue> MetricFromJson(const Json& json) {
  evaluation::MetricValue out;
  ASSIGN_OR_RETURN(out.metric, JsonString(json, "metric", kWhere));
  ASSIGN_OR_RETURN(out.filter, JsonString(json, "filter", kWhere));
  ASSIGN_OR_RETURN(out.value, NumberFromJson(json, "value"));
  ASSIGN_OR_RETURN(out.stderr_value, OptionalFromJson(json, "stderr"));
  ASSIGN_OR_RETURN(out.higher_is_better, JsonBool(json, "higher_is_better", kWhere));
  return out;
}

Result<evaluation::TaskScore> TaskFromJson(const Json& json) {
  evaluation::TaskScore out;
  ASSIGN_OR_RETURN(out.task, JsonString(json, "task", kWhere));
  ASSIGN_OR_RETURN(out.alias, JsonString(json, "alias", kWhere));
  ASSIGN_OR_RETURN(out.num_fewshot, JsonInt(json, "num_fewshot", kWhere));
  ASSIGN_OR_RETURN(out.documents, JsonInt(json, "documents", kWhere));
  const Json* metrics = JsonFind(json, "metrics");
  if (metrics == nullptr || !metrics->is_array()) return DataLoss("stored scores: metrics");
  for (const Json& metric : *metrics) {
    ASSIGN_OR_RETURN(evaluation::MetricValue read, MetricFromJson(metric));
    out.metrics.push_back(std::move(read));
  }
  return out;
}

Result<StoredScores> Read(const Json& json) {
  StoredScores out;
  ASSIGN_OR_RETURN(out.suite.average, NumberFromJson(json, "average"));
  ASSIGN_OR_RETURN(out.results_json, JsonString(json, "results", kWhere));
  const Json* entries = JsonFind(json, "entries");
  const Json* tasks = JsonFind(json, "tasks");
  if (entries == nullptr || !entries->is_array()) return DataLoss("stored scores: entries");
  if (tasks == nullptr || !tasks->is_array()) return DataLoss("stored scores: tasks");
  for (const Json& entry : *entries) {
    ASSIGN_OR_RETURN(evaluation::EntryScore read, EntryFromJson(entry));
    out.suite.entries.push_back(std::move(read));
  }
  for (const Json& task : *tasks) {
    ASSIGN_OR_RETURN(evaluation::TaskScore read, TaskFromJson(task));
    out.tasks.push_back(std::move(read));
  }
  return out;
}

v1::TaskScore ToProto(const evaluation::TaskScore& task) {
  v1::TaskScore out;
  out.set_task(task.task);
  out.set_alias(task.alias);
  out.set_num_fewshot(task.num_fewshot);
  out.set_documents(task.documents);
  for (const evaluation::MetricValue& metric : task.metrics) {
    v1::MetricScore* added = out.add_metrics();
    added->set_metric(metric.metric);
    added->set_filter(metric.filter);
    added->set_value(metric.value);
    if (metric.stderr_value) added->set_stderr_value(*metric.stderr_value);
    added->set_higher_is_better(metric.higher_is_better);
  }
  return out;
}

}  // namespace

v1::EntryScore ToProto(const evaluation::EntryScore& entry) {
  v1::EntryScore out;
  out.set_name(entry.name);
  out.set_metric(entry.metric);
  out.set_value(entry.value);
  if (entry.stderr_value) out.set_stderr_value(*entry.stderr_value);
  return out;
}

std::string ToJson(const StoredScores& scores) {
  Json entries = Json::array();
  for (const auto& entry : scores.suite.entries) entries.push_back(ToJson(entry));
  Json tasks = Json::array();
  for (const auto& task : scores.tasks) tasks.push_back(ToJson(task));
  return CompactJson({{"average", NumberToJson(scores.suite.average)},
                      {"entries", std::move(entries)},
                      {"tasks", std::move(tasks)},
                      {"results", scores.results_json}});
}

Result<StoredScores> ScoresFromJson(const std::string& text) {
  auto json = ParseJson(text);
  if (!json.ok()) return DataLoss("stored scores: " + json.status().message());
  auto read = Read(*json);
  if (!read.ok()) return DataLoss(read.status().message());
  return read;
}

void FillResults(const core::RequestRow& row, const StoredScores& scores,
                 v1::GetResultsResponse* out) {
  out->set_request_id(row.id.text);
  out->set_suite(row.spec.suite);
  for (const auto& entry : scores.suite.entries) *out->add_entries() = ToProto(entry);
  out->set_average(scores.suite.average);
  for (const auto& task : scores.tasks) *out->add_tasks() = ToProto(task);
  out->set_results_json(scores.results_json);
  out->set_finished_at_us(row.finished_at.micros);
}

v1::Suite ToProto(const LoadedSuite& loaded, bool is_default) {
  v1::Suite out;
  out.set_name(loaded.suite.name);
  out.set_title(loaded.suite.title);
  out.set_version(loaded.suite.version);
  out.set_profile(std::string(evaluation::ProfileName(loaded.suite.profile)));
  out.set_bundle_digest(loaded.bundle_digest);
  for (const evaluation::SuiteEntry& entry : loaded.suite.entries) {
    v1::SuiteEntry* added = out.add_entries();
    added->set_name(entry.name);
    for (const std::string& task : entry.tasks) added->add_tasks(task);
    added->set_metric(entry.metric);
    if (entry.num_fewshot) added->set_num_fewshot(*entry.num_fewshot);
  }
  out.set_is_default(is_default);
  out.set_documents(loaded.documents);
  out.set_unavailable(loaded.unavailable);
  return out;
}

}  // namespace koeval::service
