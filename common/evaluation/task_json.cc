// A task as one JSON value: the form in which it travels and whose digest names it.
#include <fmt/core.h>

#include "common/base/sha256.h"
#include "common/evaluation/task.h"

namespace koeval::evaluation {
namespace {

constexpr const char* kWhere = "task";

std::string OutputTypeName(OutputType type) {
  return type == OutputType::kMultipleChoice ? "multiple_choice" : "loglikelihood";
}

Json ConfigToJson(const TaskConfig& config) {
  Json metrics = Json::array();
  for (const MetricConfig& metric : config.metrics) {
    metrics.push_back({{"metric", metric.metric},
                       {"aggregation", metric.aggregation},
                       {"higher_is_better", metric.higher_is_better}});
  }
  return {{"task", config.task},
          {"task_alias", config.task_alias},
          {"output_type", OutputTypeName(config.output_type)},
          {"training_split", config.training_split},
          {"validation_split", config.validation_split},
          {"test_split", config.test_split},
          {"fewshot_split", config.fewshot_split},
          {"doc_to_text", config.doc_to_text},
          {"doc_to_target", config.doc_to_target},
          {"doc_to_choice", config.doc_to_choice},
          {"description", config.description},
          {"target_delimiter", config.target_delimiter},
          {"fewshot_delimiter", config.fewshot_delimiter},
          {"num_fewshot", config.num_fewshot ? Json(*config.num_fewshot) : Json(nullptr)},
          {"fewshot_sampler", config.fewshot_sampler},
          {"fewshot_config", config.fewshot_config},
          {"process_docs", config.process_docs},
          {"process_results", config.process_results},
          {"metrics", metrics},
          {"version", config.version},
          {"overrides", config.overrides},
          {"raw", config.raw}};
}

// A string member that must be there.
Status Take(const Json& json, const char* key, std::string& out) {
  ASSIGN_OR_RETURN(out, JsonString(json, key, kWhere));
  return OkStatus();
}

Status TakeAny(const Json& json, const char* key, Json& out) {
  if (!json.contains(key))
    return InvalidArgument(fmt::format("task: field \"{}\" is missing", key));
  out = json.at(key);
  return OkStatus();
}

Status TakeMetrics(const Json& json, std::vector<MetricConfig>& out) {
  const Json* metrics = JsonFind(json, "metrics");
  if (metrics == nullptr || !metrics->is_array()) {
    return InvalidArgument("task: field \"metrics\" must be a list");
  }
  for (const Json& item : *metrics) {
    MetricConfig& metric = out.emplace_back();
    ASSIGN_OR_RETURN(metric.metric, JsonString(item, "metric", "task metric"));
    ASSIGN_OR_RETURN(metric.aggregation, JsonString(item, "aggregation", "task metric"));
    ASSIGN_OR_RETURN(metric.higher_is_better, JsonBool(item, "higher_is_better", "task metric"));
  }
  return OkStatus();
}

Result<TaskConfig> ConfigFromJson(const Json& json) {
  TaskConfig config;
  std::string type;
  RETURN_IF_ERROR(Take(json, "task", config.task));
  RETURN_IF_ERROR(Take(json, "task_alias", config.task_alias));
  RETURN_IF_ERROR(Take(json, "output_type", type));
  if (type != "multiple_choice" && type != "loglikelihood") {
    return InvalidArgument("task: output_type \"" + type + "\" is not known");
  }
  config.output_type =
      type == "loglikelihood" ? OutputType::kLoglikelihood : OutputType::kMultipleChoice;
  RETURN_IF_ERROR(Take(json, "training_split", config.training_split));
  RETURN_IF_ERROR(Take(json, "validation_split", config.validation_split));
  RETURN_IF_ERROR(Take(json, "test_split", config.test_split));
  RETURN_IF_ERROR(Take(json, "fewshot_split", config.fewshot_split));
  RETURN_IF_ERROR(TakeAny(json, "doc_to_text", config.doc_to_text));
  RETURN_IF_ERROR(TakeAny(json, "doc_to_target", config.doc_to_target));
  RETURN_IF_ERROR(TakeAny(json, "doc_to_choice", config.doc_to_choice));
  RETURN_IF_ERROR(Take(json, "description", config.description));
  RETURN_IF_ERROR(Take(json, "target_delimiter", config.target_delimiter));
  RETURN_IF_ERROR(Take(json, "fewshot_delimiter", config.fewshot_delimiter));
  if (JsonFind(json, "num_fewshot") != nullptr) {
    ASSIGN_OR_RETURN(config.num_fewshot, JsonInt(json, "num_fewshot", kWhere));
  }
  RETURN_IF_ERROR(Take(json, "fewshot_sampler", config.fewshot_sampler));
  RETURN_IF_ERROR(TakeAny(json, "fewshot_config", config.fewshot_config));
  RETURN_IF_ERROR(Take(json, "process_docs", config.process_docs));
  RETURN_IF_ERROR(Take(json, "process_results", config.process_results));
  RETURN_IF_ERROR(TakeMetrics(json, config.metrics));
  RETURN_IF_ERROR(Take(json, "version", config.version));
  RETURN_IF_ERROR(TakeAny(json, "overrides", config.overrides));
  RETURN_IF_ERROR(TakeAny(json, "raw", config.raw));
  return config;
}

Status TakeRows(const Json& json, const char* key, std::vector<Json>& out) {
  const Json* rows = JsonFind(json, key);
  if (rows == nullptr || !rows->is_array()) {
    return InvalidArgument(fmt::format("task: field \"{}\" must be a list of rows", key));
  }
  for (const Json& row : *rows) {
    if (!row.is_object()) {
      return InvalidArgument(
          fmt::format("task: row {} of \"{}\" must be an object", out.size(), key));
    }
    out.push_back(row);
  }
  return OkStatus();
}

}  // namespace

Json TaskToJson(const Task& task) {
  return {{"config", ConfigToJson(task.config)},
          {"docs", task.docs},
          {"fewshot_docs", task.fewshot_docs},
          {"fewshot_pool_is_docs", task.fewshot_pool_is_docs}};
}

Result<Task> TaskFromJson(const Json& json) {
  const Json* config = JsonFind(json, "config");
  if (config == nullptr) return InvalidArgument("task: field \"config\" is missing");
  Task task;
  ASSIGN_OR_RETURN(task.config, ConfigFromJson(*config));
  RETURN_IF_ERROR(TakeRows(json, "docs", task.docs));
  RETURN_IF_ERROR(TakeRows(json, "fewshot_docs", task.fewshot_docs));
  ASSIGN_OR_RETURN(task.fewshot_pool_is_docs, JsonBool(json, "fewshot_pool_is_docs", kWhere));
  return task;
}

std::string TaskDigest(const Task& task) {
  return Sha256Hex(CompactJson(TaskToJson(task)));
}

}  // namespace koeval::evaluation
