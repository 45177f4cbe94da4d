// A task: its definition in the harness's YAML format and the rows that it evaluates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/dataset_source.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

enum class OutputType { kMultipleChoice, kLoglikelihood, kLoglikelihoodRolling, kGenerateUntil };

// The harness's word: "multiple_choice", "loglikelihood", "loglikelihood_rolling",
// "generate_until".
std::string_view OutputTypeName(OutputType type);
// Nothing for any other word.
std::optional<OutputType> ParseOutputType(std::string_view name);

struct MetricConfig {
  std::string metric;       // acc, acc_norm, acc_bytes, mc1, mc2, f1, exact_match, perplexity, ...
  std::string aggregation;  // mean, macro_f1, perplexity, ...; "" is the metric's own
  bool higher_is_better = true;
  Json options = {};  // other keys of the entry (ignore_case, ...); null or an object
};

// One step of a filter pipeline: the harness's name and the step's other keys.
struct FilterStep {
  std::string function;
  Json arguments;  // null or an object
};
// An entry of `filter_list`; metrics are keyed by its name.
struct FilterConfig {
  std::string name;
  std::vector<FilterStep> steps;
};

// The definition after `include`, defaults and checks. Only what the harness's YAML can say without
// Python; `!function utils.name` is the named built-in `name`.
struct TaskConfig {
  std::string task;
  std::string task_alias;
  OutputType output_type = OutputType::kMultipleChoice;
  std::string training_split, validation_split, test_split, fewshot_split;
  Json doc_to_text, doc_to_target, doc_to_choice;  // template, column, list, number or null
  std::string description;
  std::string target_delimiter = " ";
  std::string fewshot_delimiter = "\n\n";
  std::string gen_prefix;  // template or column: what the answer starts with; "": nothing
  std::optional<int64_t> num_fewshot;
  std::string fewshot_sampler = "default";  // default, first_n
  // What shots write otherwise: doc_to_text, doc_to_target, doc_to_choice, target_delimiter,
  // fewshot_delimiter, gen_prefix; null or an object.
  Json fewshot_config;
  std::string process_docs, process_results;
  Json generation_kwargs;  // of generate_until, with the harness's defaults; null otherwise
  int64_t repeats = 1;     // answers per request; all equal, since decoding is greedy
  std::vector<FilterConfig> filters;  // empty: the harness's own, "none", which takes the first
  std::vector<MetricConfig> metrics;
  std::string version;
  Json overrides;  // `profile_overrides`
  Json raw;        // the definition as it was read, for results and digests
};

// A task with the rows that it needs: what is sent to a worker, and what a digest is taken of.
struct Task {
  TaskConfig config;
  std::vector<Json> docs;             // the evaluated split, in dataset order, process_docs applied
  std::vector<Json> fewshot_docs;     // the pool of shots, process_docs applied; may be empty
  bool fewshot_pool_is_docs = false;  // the pool is `docs`; fewshot_docs is not looked at
  // The registered dataset that the rows are of; nothing when they lie in a folder.
  std::optional<DatasetOrigin> dataset = {};
  // What of the definition has no effect, one text each; neither sent nor part of the digest.
  std::vector<std::string> notes;
};

// The tasks that `names` (of tasks, groups or tags) select in the YAML files of `folder`, with
// their datasets loaded. Meaning and errors as LoadSelection (task_folder.h), which gives the
// groups too.
Result<std::vector<Task>> LoadTasks(const std::string& folder,
                                    const std::vector<std::string>& names,
                                    const DatasetSources& datasets = {});
// Whether loading failed because the rows of a dataset are not here at all: the definition is fine.
bool IsDatasetUnavailable(const Status& status);

// The definition of one task of `folder`, checked without looking for its rows. Errors as
// LoadTasks.
Result<TaskConfig> LoadTaskConfig(const std::string& folder, const std::string& name);

struct TaskListing {
  std::string task;
  std::string file;
};
// The tasks that `folder` defines, sorted by name.
Result<std::vector<TaskListing>> ListTasks(const std::string& folder);

// A task as one JSON value and back: the form in which it travels and whose SHA-256 is its digest.
Json TaskToJson(const Task& task);
Result<Task> TaskFromJson(const Json& json);
// SHA-256 (hex) of the canonical JSON of `task`.
std::string TaskDigest(const Task& task);

}  // namespace koeval::evaluation
