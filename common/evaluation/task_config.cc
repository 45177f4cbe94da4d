// TaskConfig from a definition.
#include "common/evaluation/task_config.h"

#include <fmt/format.h>

#include <set>

#include "common/evaluation/builtin.h"
#include "common/evaluation/filter.h"
#include "common/evaluation/generation.h"
#include "common/evaluation/metrics.h"

namespace koeval::evaluation {
namespace {

constexpr int64_t kRepeatsMax = 1000;

// Keys of fewshot_config that write shots otherwise than documents.
const std::set<std::string> kShotKeys = {"doc_to_text",      "doc_to_target",     "doc_to_choice",
                                         "target_delimiter", "fewshot_delimiter", "gen_prefix"};

// `hf_evaluate` fetches the function that compares texts; other metrics never call theirs, and that
// of exact_match is built in.
bool NeedsFetchedMetric(OutputType type, const Json& item) {
  const Json* fetched = JsonFind(item, "hf_evaluate");
  return type == OutputType::kGenerateUntil && fetched != nullptr && *fetched == true &&
         item.value("metric", Json()) != "exact_match";
}

Result<MetricConfig> ReadMetric(OutputType type, const Json& item) {
  if (NeedsFetchedMetric(type, item)) {
    return Unimplemented("hf_evaluate fetches a metric in Python; use a metric that is built in");
  }
  MetricConfig metric;
  for (const auto& [key, value] : item.items()) {
    if (key == "metric") {
      if (!value.is_string()) return InvalidArgument("metric must be a name");
      metric.metric = value.get<std::string>();
    } else if (key == "aggregation") {
      const auto function = YamlFunction(value);
      if (!function && !value.is_string()) return InvalidArgument("aggregation must be a name");
      metric.aggregation = function ? *function : value.get<std::string>();
    } else if (key == "higher_is_better") {
      if (!value.is_boolean()) return InvalidArgument("higher_is_better must be true or false");
    } else if (key != "hf_evaluate") {
      metric.options[key] = value;
    }
  }
  if (metric.metric.empty()) return InvalidArgument("every entry needs a \"metric\"");
  const Json* higher = JsonFind(item, "higher_is_better");
  metric.higher_is_better = higher == nullptr ? HigherIsBetter(metric.metric) : higher->get<bool>();
  return metric;
}

void ReadMetrics(DefinitionView& view, TaskConfig& config) {
  const Json* list = view.Find("metric_list");
  if (list == nullptr) {
    config.metrics = DefaultMetrics(config.output_type);
    return;
  }
  if (!list->is_array()) return view.Fail("metric_list", "must be a list");
  for (const Json& item : *list) {
    if (!item.is_object()) return view.Fail("metric_list", "an entry must be a mapping");
    auto metric = ReadMetric(config.output_type, item);
    if (!metric.ok()) return view.Fail("metric_list", metric.status().message());
    config.metrics.push_back(*std::move(metric));
  }
}

Result<FilterConfig> ReadFilter(const Json& item) {
  FilterConfig filter;
  ASSIGN_OR_RETURN(filter.name, JsonString(item, "name", "an entry"));
  const Json* steps = JsonFind(item, "filter");
  if (steps == nullptr || !steps->is_array() || steps->empty()) {
    return InvalidArgument(fmt::format("\"{}\" needs a list \"filter\"", filter.name));
  }
  for (const Json& entry : *steps) {
    FilterStep step;
    ASSIGN_OR_RETURN(step.function, JsonString(entry, "function", "a step"));
    step.arguments = Json::object();
    for (const auto& [key, value] : entry.items()) {
      if (key != "function") step.arguments[key] = value;
    }
    filter.steps.push_back(std::move(step));
  }
  return filter;
}

void ReadFilters(DefinitionView& view, TaskConfig& config) {
  const Json* list = view.Find("filter_list");
  if (list == nullptr) return;
  if (!list->is_array()) return view.Fail("filter_list", "must be a list");
  std::set<std::string> names;
  for (const Json& item : *list) {
    auto filter = ReadFilter(item);
    if (!filter.ok()) return view.Fail("filter_list", filter.status().message());
    if (!names.insert(filter->name).second) {
      return view.Fail("filter_list", fmt::format("two entries are named \"{}\"", filter->name));
    }
    config.filters.push_back(*std::move(filter));
  }
}

void ReadFewshotConfig(DefinitionView& view, TaskConfig& config) {
  const Json* fewshot = view.Find("fewshot_config");
  if (fewshot == nullptr) return;
  if (!fewshot->is_object()) return view.Fail("fewshot_config", "must be a mapping");
  for (const auto& [key, value] : fewshot->items()) {
    if (key == "sampler" && (value == "default" || value == "first_n")) {
      config.fewshot_sampler = value.get<std::string>();
    } else if (key == "split" && value.is_string()) {
      config.fewshot_split = value.get<std::string>();
    } else if (kShotKeys.contains(key)) {
      config.fewshot_config[key] = value;
    } else if (key != "samples" && !(value.is_null() && key != "sampler")) {
      return view.Fail("fewshot_config",
                       fmt::format("\"{}\" is not supported; known are sampler (default, "
                                   "first_n), split, samples, {}",
                                   key, fmt::join(kShotKeys, ", ")));
    }
  }
}

void ReadOverrides(DefinitionView& view, TaskConfig& config) {
  config.overrides = view.Any("profile_overrides");
  if (config.overrides.is_null()) {
    config.overrides = Json::object();
    return;
  }
  if (!config.overrides.is_object()) return view.Fail("profile_overrides", "must be a mapping");
  for (const auto& [key, value] : config.overrides.items()) {
    if (key != "shuffle_documents" || !value.is_boolean()) {
      return view.Fail("profile_overrides",
                       fmt::format("\"{}\": known is shuffle_documents: true or false", key));
    }
  }
}

void ReadOutputType(DefinitionView& view, TaskConfig& config) {
  const std::string name = view.Text("output_type", "generate_until");
  const auto type = ParseOutputType(name);
  if (type) {
    config.output_type = *type;
  } else {
    view.Fail("output_type", fmt::format("\"{}\" is not known; use multiple_choice, loglikelihood, "
                                         "loglikelihood_rolling or generate_until",
                                         name));
  }
}

void ReadGeneration(DefinitionView& view, Definition& definition, TaskConfig& config) {
  const Json kwargs = view.Any("generation_kwargs");
  if (config.output_type != OutputType::kGenerateUntil) {
    if (!kwargs.is_null()) {
      definition.notes.push_back(definition.Place("generation_kwargs") +
                                 ": has no effect without output_type generate_until");
    }
    return;
  }
  auto filled = FillGenerationKwargs(kwargs, config.fewshot_delimiter);
  if (!filled.ok()) return view.Fail("generation_kwargs", filled.status().message());
  config.generation_kwargs = *std::move(filled);
  const auto limits = ReadGenerationLimits(config.generation_kwargs);
  if (!limits.ok()) view.Fail("generation_kwargs", limits.status().message());
}

void ReadVersion(DefinitionView& view, TaskConfig& config) {
  const Json* metadata = view.Find("metadata");
  if (metadata == nullptr) return;
  if (!metadata->is_object()) return view.Fail("metadata", "must be a mapping");
  if (const Json* version = JsonFind(*metadata, "version")) {
    config.version = version->is_string() ? version->get<std::string>() : version->dump();
  }
}

void ReadRepeats(DefinitionView& view, TaskConfig& config) {
  config.repeats = view.Int("repeats").value_or(1);
  if (config.repeats < 1 || config.repeats > kRepeatsMax) {
    view.Fail("repeats", fmt::format("must be from 1 to {}", kRepeatsMax));
  }
}

void ReadTexts(DefinitionView& view, TaskConfig& config) {
  config.task = view.Text("task");
  config.task_alias = view.Text("task_alias");
  config.training_split = view.Text("training_split");
  config.validation_split = view.Text("validation_split");
  config.test_split = view.Text("test_split");
  config.fewshot_split = view.Text("fewshot_split");
  config.doc_to_text = view.Any("doc_to_text");
  config.doc_to_target = view.Any("doc_to_target");
  config.doc_to_choice = view.Any("doc_to_choice");
  config.description = view.Text("description");
  config.target_delimiter = view.Text("target_delimiter", " ");
  config.gen_prefix = view.Text("gen_prefix", "");
  config.fewshot_delimiter = view.Text("fewshot_delimiter", "\n\n");
  config.num_fewshot = view.Int("num_fewshot");
  config.process_docs = view.Name("process_docs");
  config.process_results = view.Name("process_results");
}

}  // namespace

Result<TaskConfig> ReadTaskConfig(Definition& definition) {
  RETURN_IF_ERROR(CheckTaskKeys(definition));
  RETURN_IF_ERROR(CheckFunctions(definition));
  DefinitionView view(definition);
  TaskConfig config;
  config.raw = WithPlainFunctions(definition.merged);
  ReadTexts(view, config);
  ReadOutputType(view, config);
  ReadMetrics(view, config);
  ReadFilters(view, config);
  ReadRepeats(view, config);
  ReadGeneration(view, definition, config);
  ReadFewshotConfig(view, config);
  ReadOverrides(view, config);
  ReadVersion(view, config);
  if (!config.process_docs.empty() && !IsDocsBuiltin(config.process_docs)) {
    view.Fail("process_docs", fmt::format("unknown built-in \"{}\"; known: {}", config.process_docs,
                                          DocsBuiltins()));
  }
  RETURN_IF_ERROR(view.status());
  for (const Status& status : {CheckMetrics(config), CheckFilters(config)}) {
    if (!status.ok()) return status.WithContext(definition.path);
  }
  return config;
}

}  // namespace koeval::evaluation
