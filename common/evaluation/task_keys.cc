// The keys of a task: those that decide something, those without effect here, and those refused.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string_view>

#include "common/evaluation/task_definition.h"

namespace koeval::evaluation {
namespace {

const std::set<std::string> kUnderstood = {"task",
                                           "task_alias",
                                           "include",
                                           "dataset_path",
                                           "dataset_name",
                                           "dataset_kwargs",
                                           "training_split",
                                           "validation_split",
                                           "test_split",
                                           "fewshot_split",
                                           "process_docs",
                                           "doc_to_text",
                                           "doc_to_target",
                                           "doc_to_choice",
                                           "process_results",
                                           "description",
                                           "target_delimiter",
                                           "fewshot_delimiter",
                                           "gen_prefix",
                                           "fewshot_config",
                                           "num_fewshot",
                                           "metric_list",
                                           "filter_list",
                                           "output_type",
                                           "generation_kwargs",
                                           "repeats",
                                           "tag",
                                           "metadata",
                                           "profile_overrides"};

// Without effect on prompts and scores: what each is for.
const std::map<std::string, std::string> kHarmless = {
    {"should_decontaminate", "overlap with training data is not looked for"},
    {"doc_to_decontamination_query", "overlap with training data is not looked for"},
    {"unsafe_code", "no code of a model is ever run"},
};

// Keys of the harness that need Python or another kind of model, and what to do instead.
const std::map<std::string, std::string> kRefused = {
    {"class", "a task that is a Python class cannot be run; evaluate it with the harness itself"},
    {"custom_dataset",
     "a dataset made by Python cannot be read; write its rows to a file and "
     "name it under dataset_kwargs.data_files"},
    {"doc_to_audio", "models here read text alone; evaluate this task with the harness itself"},
    {"doc_to_image", "models here read text alone; evaluate this task with the harness itself"},
    {"group", "a task file cannot name its group; write `tag`, or a group file that lists tasks"},
    {"use_prompt",
     "prompts of the promptsource package cannot be read; write the template "
     "under doc_to_text and doc_to_target"},
};

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t up = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = up;
    }
  }
  return row[b.size()];
}

std::string NearestKey(const std::string& key) {
  std::string best;
  for (const std::string& known : kUnderstood) {
    if (best.empty() || EditDistance(key, known) < EditDistance(key, best)) best = known;
  }
  return best;
}

std::string FunctionRemedy(const std::string& key) {
  if (key.starts_with("doc_to_") || key == "description") return "write it as a template";
  if (key == "fewshot_config") return "write samples as a list, and texts as templates";
  if (key == "filter_list") return "use the filters that the harness names";
  return "evaluate this task with the harness itself";
}

// Whether `!function` has a meaning at `path`, such as "metric_list/aggregation".
bool TakesFunction(std::string_view path) {
  static constexpr std::array<std::string_view, 4> kPlaces = {
      "process_docs", "process_results", "metric_list/aggregation", "fewshot_config/process_docs"};
  return std::find(kPlaces.begin(), kPlaces.end(), path) != kPlaces.end();
}

Status CheckFunctionsIn(const Definition& definition, const std::string& key,
                        const std::string& path, const Json& value) {
  if (const auto function = YamlFunction(value)) {
    if (TakesFunction(path)) return OkStatus();
    return Unimplemented(fmt::format("{}: !function {} is Python; {}", definition.Place(key),
                                     *function, FunctionRemedy(key)));
  }
  if (!value.is_structured()) return OkStatus();
  for (const auto& [name, member] : value.items()) {
    const std::string inner = value.is_array() ? path : path + "/" + name;
    RETURN_IF_ERROR(CheckFunctionsIn(definition, key, inner, member));
  }
  return OkStatus();
}

}  // namespace

Status CheckTaskKeys(Definition& definition) {
  for (const auto& [key, value] : definition.merged.items()) {
    if (kUnderstood.contains(key)) continue;
    const std::string place = definition.Place(key);
    if (const auto harmless = kHarmless.find(key); harmless != kHarmless.end()) {
      definition.notes.push_back(fmt::format("{}: has no effect: {}", place, harmless->second));
      continue;
    }
    const auto refused = kRefused.find(key);
    if (refused == kRefused.end()) {
      return InvalidArgument(
          fmt::format("{}: unknown key; did you mean {}?", place, NearestKey(key)));
    }
    if (!value.is_null()) return Unimplemented(fmt::format("{}: {}", place, refused->second));
  }
  return OkStatus();
}

Status CheckFunctions(const Definition& definition) {
  for (const auto& [key, value] : definition.merged.items()) {
    if (kHarmless.contains(key)) continue;
    RETURN_IF_ERROR(CheckFunctionsIn(definition, key, key, value));
  }
  return OkStatus();
}

}  // namespace koeval::evaluation
