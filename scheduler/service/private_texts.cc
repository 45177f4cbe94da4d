// What readers get of private evaluations.
#include "scheduler/service/private_texts.h"

#include <algorithm>
#include <array>
#include <set>

#include "common/base/json.h"
#include "common/evaluation/result_file.h"
#include "scheduler/board/json_fields.h"

namespace koeval::service {
namespace {

constexpr PythonJsonOptions kLineStyle = {.ensure_ascii = false, .sort_keys = false, .indent = -1};

// Members of a sample line that hold texts, or a digest that is easily turned back into one.
constexpr std::array<const char*, 4> kSampleTexts = {"doc", "target", "arguments", "target_hash"};

// Members of a task's definition in a result file that hold no text of rows or prompts.
const std::set<std::string>& PlainDefinition() {
  static const std::set<std::string> keys = {"task",
                                             "task_alias",
                                             "tag",
                                             "group",
                                             "dataset_path",
                                             "dataset_name",
                                             "training_split",
                                             "test_split",
                                             "validation_split",
                                             "fewshot_split",
                                             "output_type",
                                             "metric_list",
                                             "repeats",
                                             "num_fewshot",
                                             "should_decontaminate",
                                             "metadata",
                                             "process_docs",
                                             "process_results",
                                             "target_delimiter",
                                             "fewshot_delimiter",
                                             "unsafe_code",
                                             "version"};
  return keys;
}

RowsOrigin OriginOf(const std::string& task, const Json& definition, const Json& results) {
  RowsOrigin origin{task, board::TextOf(&definition, "dataset_path"), std::nullopt};
  const Json* own = JsonFind(results, "koeval");
  const Json* tasks = own == nullptr ? nullptr : JsonFind(*own, "tasks");
  const Json* entry = tasks == nullptr ? nullptr : JsonFind(*tasks, task);
  const Json* dataset = entry == nullptr ? nullptr : JsonFind(*entry, "dataset");
  if (dataset != nullptr)
    origin.registered = {board::TextOf(dataset, "name"), board::TextOf(dataset, "digest")};
  return origin;
}

}  // namespace

TextAccess::TextAccess(const core::Actor& actor, const ServiceConfig& config,
                       const DatasetStore& datasets)
    : is_operator_(actor.role == "operator"), config_(config), datasets_(datasets) {}

bool TextAccess::MaySee(const RowsOrigin& origin) const {
  if (is_operator_) return true;
  if (origin.registered) return datasets_.IsPublic(origin.registered->digest);
  const auto& open = config_.public_datasets;
  return std::any_of(open.begin(), open.end(), [&origin](const std::string& name) {
    return name == origin.task || name == origin.dataset_path;
  });
}

Result<std::string> WithoutTexts(const std::string& sample_line, bool is_generated) {
  auto line = ParseJson(sample_line);
  if (!line.ok() || !line->is_object()) return DataLoss("a sample line cannot be read");
  for (const char* key : kSampleTexts) (*line)[key] = nullptr;
  if (is_generated) {
    (*line)["resps"] = nullptr;
    (*line)["filtered_resps"] = nullptr;
  }
  return PythonJsonDumps(*line, kLineStyle);
}

Result<std::string> TextAccess::WithoutPrivateDefinitions(const std::string& results_json) const {
  if (is_operator_) return results_json;
  auto results = ParseJson(results_json);
  if (!results.ok() || !results->is_object()) return DataLoss("a result file cannot be read");
  const auto configs = results->find("configs");
  if (configs == results->end() || !configs->is_object()) return results_json;
  bool changed = false;
  for (auto& [task, definition] : configs->items()) {
    if (!definition.is_object() || MaySee(OriginOf(task, definition, *results))) continue;
    for (auto& [key, value] : definition.items()) {
      if (!PlainDefinition().contains(key)) value = nullptr;
    }
    changed = true;
  }
  return changed ? evaluation::ResultsText(*results) : results_json;
}

}  // namespace koeval::service
