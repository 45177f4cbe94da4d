// A folder of task files: which tasks, groups and tags it defines, and loading them by name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/group.h"
#include "common/evaluation/task.h"

namespace koeval::evaluation {

// Tasks in the order in which they are evaluated, and the groups over them: each group before those
// that it holds.
struct TaskSelection {
  std::vector<Task> tasks;
  std::vector<Group> groups;
};

// A folder that was scanned once, for callers that ask it more than once. One thread.
class TaskFolder {
 public:
  // Reads every YAML file below `path`. NOT_FOUND without such a folder; INVALID_ARGUMENT for a
  // name that two files define. A file that cannot be read is told by the first call that needs it.
  static Result<TaskFolder> Open(const std::string& path);
  TaskFolder(TaskFolder&&) noexcept;
  TaskFolder& operator=(TaskFolder&&) noexcept;
  ~TaskFolder();

  // As LoadSelection, LoadTaskConfig, LoadGroup, ListTasks and ListGroups.
  Result<TaskSelection> Load(const std::vector<std::string>& names, const DatasetSources& datasets);
  Result<TaskConfig> Config(const std::string& name);
  Result<std::vector<Group>> GroupsOf(const std::string& name);
  Result<std::vector<TaskListing>> Tasks() const;
  Result<std::vector<TaskListing>> Groups() const;

 private:
  struct Impl;
  explicit TaskFolder(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

// What `names` select in the YAML files of `folder` (searched recursively): a task, a group with
// all that it holds, or every task of a tag, sorted. Includes, overrides of groups and the datasets
// are loaded. A dataset is looked for in `datasets`, as
// <dataset_path>/<dataset_name>/<split>.jsonl (.json, .csv, .tsv, .parquet); relative paths start
// beside the task file or, when nothing is there, in the working directory. NOT_FOUND names what
// there is; INVALID_ARGUMENT names file, line, key or row and the remedy, also for a task that is
// selected twice; UNIMPLEMENTED names what would need Python. Source: lm-evaluation-harness 0.4.13,
// TaskManager.load.
Result<TaskSelection> LoadSelection(const std::string& folder,
                                    const std::vector<std::string>& names,
                                    const DatasetSources& datasets = {});

// The groups that `name` selects, with the names of their tasks, without reading datasets or the
// definitions of tasks: the first is `name` itself. NOT_FOUND when `name` is no group;
// INVALID_ARGUMENT as LoadSelection.
Result<std::vector<Group>> LoadGroup(const std::string& folder, const std::string& name);

// The groups that `folder` defines, sorted by name.
Result<std::vector<TaskListing>> ListGroups(const std::string& folder);

}  // namespace koeval::evaluation
