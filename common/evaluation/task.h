// A task: its definition in the harness's YAML format and the rows that it evaluates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

enum class OutputType { kMultipleChoice, kLoglikelihood };

struct MetricConfig {
  std::string metric;       // acc, acc_norm, acc_bytes, mc1, mc2, f1, exact_match, perplexity, ...
  std::string aggregation;  // mean, macro_f1, perplexity, ...
  bool higher_is_better = true;
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
  std::optional<int64_t> num_fewshot;
  std::string fewshot_sampler = "default";  // default, first_n
  // What shots write otherwise: doc_to_text, doc_to_target, doc_to_choice, target_delimiter,
  // fewshot_delimiter; null or an object.
  Json fewshot_config;
  std::string process_docs, process_results;
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
};

// All tasks of `names` found in the YAML files of `folder` (searched recursively; names are those
// of the `task:` key), with their datasets loaded. Relative dataset paths start beside the task
// file or, when nothing is there, in the working directory. NOT_FOUND names the known tasks;
// INVALID_ARGUMENT names file, line, key or row and the remedy.
Result<std::vector<Task>> LoadTasks(const std::string& folder,
                                    const std::vector<std::string>& names);

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
