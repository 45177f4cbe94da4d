// A suite: a versioned list of tasks with shots and metric, and the plain average over its entries.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/score.h"
#include "common/evaluation/types.h"

namespace koeval::evaluation {

// One column of the leaderboard: one task, or several (subjects) under one name.
struct SuiteEntry {
  std::string name;
  std::vector<std::string> tasks;
  std::optional<int64_t> num_fewshot;
  // acc, acc_norm, mc2, ...; with a filter's name, "exact_match,strict-match", that filter's value,
  // else the first filter's.
  std::string metric;
  bool weight_by_size = false;  // mean over tasks weighted by documents; plain otherwise
};

struct Suite {
  std::string name;
  std::string title;
  std::string version;
  Profile profile = Profile::kLmEval04;
  // What log-probabilities of its tasks are rounded to, "float32" or "as_model"; "": as the worker,
  // or the command, is set.
  std::string logits_dtype;
  std::string tasks_dir;  // absolute; the file may give it relative to itself
  std::vector<SuiteEntry> entries;
};

// The suite file (YAML): keys suite, title, version, profile, logits_dtype, tasks_dir,
// entries[{name, task | tasks | group, num_fewshot, metric, weight_by_size}]. `group` names a group
// file of tasks_dir and stands for all tasks below it, weighted as it says; a group that changes
// their definitions is refused. Errors name file, line, key.
Result<Suite> LoadSuite(const std::string& path);
// Every *.yaml in `folder`, sorted by name; INVALID_ARGUMENT for two suites of one name.
Result<std::vector<Suite>> LoadSuites(const std::string& folder);

// Distinct task names in entry order: the order of tasks in a plan.
std::vector<std::string> SuiteTasks(const Suite& suite);
// Shots for `task` in this suite, or nothing when the suite leaves it to the task.
std::optional<int64_t> SuiteShots(const Suite& suite, const std::string& task);

struct EntryScore {
  std::string name;
  std::string metric;
  double value = 0;  // 0..1
  std::optional<double> stderr_value;
};
struct SuiteScore {
  std::vector<EntryScore> entries;
  double average = 0;  // plain mean of the entries
};

// `scores` in SuiteTasks order. INVALID_ARGUMENT when a task or its metric is missing.
Result<SuiteScore> ScoreSuite(const Suite& suite, std::span<const TaskScore> scores);

}  // namespace koeval::evaluation
