// A task as one JSON value: the form in which it travels and whose digest names it.
#include <fmt/core.h>

#include <array>
#include <utility>

#include "common/base/sha256.h"
#include "common/evaluation/task.h"

namespace koeval::evaluation {
namespace {

constexpr const char* kWhere = "task";

constexpr std::array<std::pair<OutputType, std::string_view>, 4> kOutputTypes = {
    {{OutputType::kMultipleChoice, "multiple_choice"},
     {OutputType::kLoglikelihood, "loglikelihood"},
     {OutputType::kLoglikelihoodRolling, "loglikelihood_rolling"},
     {OutputType::kGenerateUntil, "generate_until"}}};

Json MetricsToJson(const TaskConfig& config) {
  Json metrics = Json::array();
  for (const MetricConfig& metric : config.metrics) {
    Json& item = metrics.emplace_back();
    item["metric"] = metric.metric;
    item["aggregation"] = metric.aggregation;
    item["higher_is_better"] = metric.higher_is_better;
    if (!metric.options.is_null()) item["options"] = metric.options;
  }
  return metrics;
}

Json FiltersToJson(const TaskConfig& config) {
  Json filters = Json::array();
  for (const FilterConfig& filter : config.filters) {
    Json steps = Json::array();
    for (const FilterStep& step : filter.steps) {
      steps.push_back({{"function", step.function}, {"arguments", step.arguments}});
    }
    filters.push_back({{"name", filter.name}, {"steps", std::move(steps)}});
  }
  return filters;
}

// What only tasks that generate have; left out elsewhere, so that their digests stay as they were.
void AddGeneration(const TaskConfig& config, Json& out) {
  if (!config.generation_kwargs.is_null()) out["generation_kwargs"] = config.generation_kwargs;
  if (config.repeats != 1) out["repeats"] = config.repeats;
  if (!config.filters.empty()) out["filters"] = FiltersToJson(config);
}

Json ConfigToJson(const TaskConfig& config) {
  Json out = {{"task", config.task},
              {"task_alias", config.task_alias},
              {"output_type", std::string(OutputTypeName(config.output_type))},
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
              {"metrics", MetricsToJson(config)},
              {"version", config.version},
              {"overrides", config.overrides},
              {"raw", config.raw}};
  // Left out where there is none, so that digests of other tasks stay as they were.
  if (!config.gen_prefix.empty()) out["gen_prefix"] = config.gen_prefix;
  AddGeneration(config, out);
  return out;
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
    if (const Json* options = JsonFind(item, "options")) metric.options = *options;
  }
  return OkStatus();
}

Status TakeFilters(const Json& json, std::vector<FilterConfig>& out) {
  const Json* filters = JsonFind(json, "filters");
  if (filters == nullptr) return OkStatus();
  if (!filters->is_array()) return InvalidArgument("task: field \"filters\" must be a list");
  for (const Json& item : *filters) {
    FilterConfig& filter = out.emplace_back();
    ASSIGN_OR_RETURN(filter.name, JsonString(item, "name", "task filter"));
    const Json* steps = JsonFind(item, "steps");
    if (steps == nullptr || !steps->is_array()) {
      return InvalidArgument("task filter: field \"steps\" must be a list");
    }
    for (const Json& entry : *steps) {
      FilterStep& step = filter.steps.emplace_back();
      ASSIGN_OR_RETURN(step.function, JsonString(entry, "function", "task filter"));
      if (const Json* arguments = JsonFind(entry, "arguments")) step.arguments = *arguments;
    }
  }
  return OkStatus();
}

Status TakeGeneration(const Json& json, TaskConfig& config) {
  if (const Json* kwargs = JsonFind(json, "generation_kwargs")) config.generation_kwargs = *kwargs;
  if (JsonFind(json, "repeats") != nullptr) {
    ASSIGN_OR_RETURN(config.repeats, JsonInt(json, "repeats", kWhere));
    if (config.repeats < 1) return InvalidArgument("task: repeats must be at least 1");
  }
  return TakeFilters(json, config.filters);
}

Result<TaskConfig> ConfigFromJson(const Json& json) {
  TaskConfig config;
  std::string type;
  RETURN_IF_ERROR(Take(json, "task", config.task));
  RETURN_IF_ERROR(Take(json, "task_alias", config.task_alias));
  RETURN_IF_ERROR(Take(json, "output_type", type));
  const auto known = ParseOutputType(type);
  if (!known) return InvalidArgument("task: output_type \"" + type + "\" is not known");
  config.output_type = *known;
  RETURN_IF_ERROR(TakeGeneration(json, config));
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
  if (JsonFind(json, "gen_prefix") != nullptr) {
    RETURN_IF_ERROR(Take(json, "gen_prefix", config.gen_prefix));
  }
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

std::string_view OutputTypeName(OutputType type) {
  for (const auto& [known, name] : kOutputTypes) {
    if (known == type) return name;
  }
  return "";
}

std::optional<OutputType> ParseOutputType(std::string_view name) {
  for (const auto& [type, known] : kOutputTypes) {
    if (known == name) return type;
  }
  return std::nullopt;
}

Json TaskToJson(const Task& task) {
  Json out = {{"config", ConfigToJson(task.config)},
              {"docs", task.docs},
              {"fewshot_docs", task.fewshot_docs},
              {"fewshot_pool_is_docs", task.fewshot_pool_is_docs}};
  // Left out where there is none, so that digests of other tasks stay as they were.
  if (task.dataset)
    out["dataset"] = {{"name", task.dataset->name}, {"digest", task.dataset->digest}};
  return out;
}

Result<Task> TaskFromJson(const Json& json) {
  const Json* config = JsonFind(json, "config");
  if (config == nullptr) return InvalidArgument("task: field \"config\" is missing");
  Task task;
  ASSIGN_OR_RETURN(task.config, ConfigFromJson(*config));
  RETURN_IF_ERROR(TakeRows(json, "docs", task.docs));
  RETURN_IF_ERROR(TakeRows(json, "fewshot_docs", task.fewshot_docs));
  ASSIGN_OR_RETURN(task.fewshot_pool_is_docs, JsonBool(json, "fewshot_pool_is_docs", kWhere));
  if (const Json* dataset = JsonFind(json, "dataset")) {
    DatasetOrigin& origin = task.dataset.emplace();
    ASSIGN_OR_RETURN(origin.name, JsonString(*dataset, "name", "task dataset"));
    ASSIGN_OR_RETURN(origin.digest, JsonString(*dataset, "digest", "task dataset"));
  }
  return task;
}

std::string TaskDigest(const Task& task) {
  return Sha256Hex(CompactJson(TaskToJson(task)));
}

}  // namespace koeval::evaluation
