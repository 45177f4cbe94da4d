// Suites: the suite file, the order of its tasks, and the average over its entries.
#include "common/evaluation/suite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>
#include <system_error>

#include "common/base/config.h"
#include "common/evaluation/statistics.h"
#include "common/evaluation/task_folder.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kShotsMax = 1000;
constexpr size_t kSuiteFilesMax = 1000;

// Names go into result files and addresses: letters, digits and a few marks.
bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 100 && std::all_of(name.begin(), name.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) || byte >= 0x80 || c == '-' || c == '_' || c == '.';
  });
}

constexpr const char* kLogitsDtypeRemedy =
    "must be float32, or as_model for the rounding of the model's own class; leave it out to take "
    "the worker's";

bool IsLogitsDtype(std::string_view name) {
  return name.empty() || name == "float32" || name == "as_model";
}

// The tasks of a group file, and whether the group weights the entry's metric by size.
Status ReadGroupTasks(const std::string& name, const std::string& tasks_dir, SuiteEntry& entry) {
  ASSIGN_OR_RETURN(const std::vector<Group> groups, LoadGroup(tasks_dir, name));
  const Group& group = groups.front();
  if (!group.overridden.empty()) {
    return InvalidArgument(fmt::format(
        "changes the definition of task {}, which a suite cannot follow; list the tasks "
        "and set num_fewshot in the suite",
        group.overridden.front()));
  }
  entry.tasks = group.tasks;
  const std::string metric = entry.metric.substr(0, entry.metric.find(','));
  for (const AggregateMetric& joined : group.metrics) {
    if (joined.metric == metric) entry.weight_by_size = joined.weight_by_size;
  }
  return OkStatus();
}

void ReadTasks(ConfigMap& map, const std::string& tasks_dir, SuiteEntry& entry) {
  const std::string task = map.String("task", "");
  const std::string group = map.String("group", "");
  entry.tasks = map.Strings("tasks");
  if (!task.empty() + !group.empty() + !entry.tasks.empty() > 1) {
    map.Fail("tasks", "task, tasks and group exclude each other");
  }
  if (!task.empty()) entry.tasks.push_back(task);
  if (!group.empty()) {
    const Status status = ReadGroupTasks(group, tasks_dir, entry);
    if (!status.ok()) map.Fail("group", status.message());
  }
  if (entry.tasks.empty()) map.Fail("task", "is missing; give task, tasks or group");
  std::set<std::string> seen;
  for (const std::string& name : entry.tasks) {
    if (!seen.insert(name).second) map.Fail("tasks", "names " + name + " twice");
  }
}

Result<SuiteEntry> ReadEntry(ConfigMap& map, const std::string& tasks_dir) {
  SuiteEntry entry;
  entry.name = map.String("name", "");
  if (entry.name.empty()) map.Fail("name", "is missing");
  entry.metric = map.String("metric", "");
  if (entry.metric.empty()) map.Fail("metric", "is missing");
  ReadTasks(map, tasks_dir, entry);
  if (map.Has("num_fewshot")) entry.num_fewshot = map.Int("num_fewshot", 0, 0, kShotsMax);
  entry.weight_by_size = map.Bool("weight_by_size", entry.weight_by_size);
  RETURN_IF_ERROR(map.Finish());
  return entry;
}

// A result file has one place for a task, so every entry must mean the same by it.
Status CheckEntries(const Suite& suite, const std::string& path) {
  std::set<std::string> names;
  std::map<std::string, std::optional<int64_t>> shots;
  for (const SuiteEntry& entry : suite.entries) {
    if (!names.insert(entry.name).second) {
      return InvalidArgument(fmt::format("{}: two entries are named {}", path, entry.name));
    }
    for (const std::string& task : entry.tasks) {
      const auto [found, added] = shots.emplace(task, entry.num_fewshot);
      if (!added && found->second != entry.num_fewshot) {
        return InvalidArgument(fmt::format(
            "{}: entry {}: task {} has another num_fewshot in an earlier entry; give both the same",
            path, entry.name, task));
      }
    }
  }
  return OkStatus();
}

Result<const MetricValue*> FindMetric(const SuiteEntry& entry, const std::string& task,
                                      std::span<const TaskScore> scores) {
  const auto score = std::find_if(scores.begin(), scores.end(),
                                  [&](const TaskScore& s) { return s.task == task; });
  if (score == scores.end()) {
    return InvalidArgument(fmt::format("entry {}: task {} has no score", entry.name, task));
  }
  for (const MetricValue& metric : score->metrics) {
    if (metric.metric == entry.metric || metric.metric + "," + metric.filter == entry.metric) {
      return &metric;
    }
  }
  return InvalidArgument(fmt::format(
      "entry {}: task {} has no metric {}; add it to the task's metric_list or change the suite",
      entry.name, task, entry.metric));
}

Result<EntryScore> ScoreEntry(const SuiteEntry& entry, std::span<const TaskScore> scores) {
  std::vector<double> values;
  std::vector<std::optional<double>> errors;
  std::vector<int64_t> sizes;
  for (const std::string& task : entry.tasks) {
    ASSIGN_OR_RETURN(const MetricValue* metric, FindMetric(entry, task, scores));
    // The leaderboard's reader counts an mc2 without a number, which underflow gives, as 0.
    values.push_back(std::isnan(metric->value) && entry.metric == "mc2" ? 0 : metric->value);
    errors.push_back(metric->stderr_value);
    sizes.push_back(std::find_if(scores.begin(), scores.end(), [&](const TaskScore& s) {
                      return s.task == task;
                    })->documents);
  }
  EntryScore out{entry.name, entry.metric, 0, std::nullopt};
  if (values.size() == 1) {
    out.value = values[0];
    out.stderr_value = errors[0];
  } else if (entry.weight_by_size) {
    double total = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      out.value += values[i] * static_cast<double>(sizes[i]);
      total += static_cast<double>(sizes[i]);
    }
    out.value /= total;
    out.stderr_value = PooledStderr(errors, sizes);
  } else {
    out.value = Mean(values);
    out.stderr_value = PlainStderr(errors);
  }
  return out;
}

}  // namespace

Result<Suite> LoadSuite(const std::string& path) {
  ASSIGN_OR_RETURN(ConfigMap map, ConfigMap::Load(path));
  Suite suite;
  suite.name = map.String("suite", "");
  if (!IsName(suite.name)) {
    map.Fail("suite", "must be a name of at most 100 letters, digits, '-', '_' and '.'");
  }
  suite.title = map.String("title", suite.name);
  suite.version = map.String("version", "");
  if (suite.version.empty()) map.Fail("version", "is missing");
  const auto profile = ParseProfile(map.String("profile", "lm-eval-0.4"));
  if (profile.ok()) {
    suite.profile = profile.value();
  } else {
    map.Fail("profile", profile.status().message());
  }
  suite.logits_dtype = map.String("logits_dtype", "");
  if (!IsLogitsDtype(suite.logits_dtype)) {
    map.Fail("logits_dtype", kLogitsDtypeRemedy);
  }
  const std::string tasks_dir = map.String("tasks_dir", "");
  if (tasks_dir.empty()) map.Fail("tasks_dir", "is missing");
  suite.tasks_dir =
      (fs::absolute(path).parent_path() / fs::path(tasks_dir)).lexically_normal().string();
  std::vector<ConfigMap> entries = map.Maps("entries");
  if (entries.empty()) map.Fail("entries", "must list at least one entry");
  RETURN_IF_ERROR(map.Finish());
  for (ConfigMap& entry_map : entries) {
    ASSIGN_OR_RETURN(SuiteEntry entry, ReadEntry(entry_map, suite.tasks_dir));
    suite.entries.push_back(std::move(entry));
  }
  RETURN_IF_ERROR(CheckEntries(suite, path));
  return suite;
}

Result<std::vector<Suite>> LoadSuites(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> paths;
  for (fs::directory_iterator item(folder, error), end; !error && item != end;
       item.increment(error)) {
    if (item->path().extension() == ".yaml") paths.push_back(item->path().string());
    if (paths.size() > kSuiteFilesMax) {
      return ResourceExhausted(fmt::format("{}: more than {} suite files", folder, kSuiteFilesMax));
    }
  }
  if (error) {
    return NotFound(
        fmt::format("{}: cannot read the folder of suites: {}", folder, error.message()));
  }
  std::sort(paths.begin(), paths.end());
  std::vector<Suite> suites;
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(Suite suite, LoadSuite(path));
    for (const Suite& other : suites) {
      if (other.name == suite.name) {
        return InvalidArgument(fmt::format(
            "{}: suite {} is defined in another file of the folder too", path, suite.name));
      }
    }
    suites.push_back(std::move(suite));
  }
  std::sort(suites.begin(), suites.end(),
            [](const Suite& a, const Suite& b) { return a.name < b.name; });
  return suites;
}

std::vector<std::string> SuiteTasks(const Suite& suite) {
  std::vector<std::string> tasks;
  std::set<std::string> seen;
  for (const SuiteEntry& entry : suite.entries) {
    for (const std::string& task : entry.tasks) {
      if (seen.insert(task).second) tasks.push_back(task);
    }
  }
  return tasks;
}

std::optional<int64_t> SuiteShots(const Suite& suite, const std::string& task) {
  for (const SuiteEntry& entry : suite.entries) {
    if (std::find(entry.tasks.begin(), entry.tasks.end(), task) != entry.tasks.end()) {
      return entry.num_fewshot;
    }
  }
  return std::nullopt;
}

Result<SuiteScore> ScoreSuite(const Suite& suite, std::span<const TaskScore> scores) {
  SuiteScore out;
  std::vector<double> values;
  for (const SuiteEntry& entry : suite.entries) {
    ASSIGN_OR_RETURN(EntryScore score, ScoreEntry(entry, scores));
    values.push_back(score.value);
    out.entries.push_back(std::move(score));
  }
  if (values.empty()) return InvalidArgument("suite " + suite.name + " has no entries");
  out.average = Mean(values);
  return out;
}

}  // namespace koeval::evaluation
