// Groups of a result file.
#include "common/evaluation/result_groups.h"

#include <fmt/format.h>

#include <algorithm>

namespace koeval::evaluation {
namespace {

// The entries of a suite that join several tasks, and whose name is no task's.
std::vector<size_t> Groups(const SuiteRun& run, std::span<const TaskRun> tasks) {
  std::vector<size_t> out;
  for (size_t i = 0; i < run.suite->entries.size(); ++i) {
    const SuiteEntry& entry = run.suite->entries[i];
    const bool is_task = std::any_of(tasks.begin(), tasks.end(), [&](const TaskRun& task) {
      return task.score->task == entry.name;
    });
    if (entry.tasks.size() > 1 && !is_task) out.push_back(i);
  }
  return out;
}

// An entry of a suite that joins several tasks, as a group.
std::pair<Group, GroupScore> EntryGroup(const SuiteRun& run, size_t index,
                                        std::span<const TaskRun> tasks) {
  const SuiteEntry& entry = run.suite->entries[index];
  Group group;
  group.name = group.alias = entry.name;
  group.members = group.tasks = entry.tasks;
  group.version = "N/A";
  const size_t comma = entry.metric.find(',');
  const std::string metric = entry.metric.substr(0, comma);
  group.metrics.push_back({metric, std::nullopt, entry.weight_by_size});
  GroupScore score;
  score.name = entry.name;
  std::string filter = comma == std::string::npos ? "" : entry.metric.substr(comma + 1);
  bool higher_is_better = true;
  for (const TaskRun& task : tasks) {
    if (std::find(entry.tasks.begin(), entry.tasks.end(), task.score->task) == entry.tasks.end()) {
      continue;
    }
    score.documents += task.score->documents;
    for (const MetricValue& value : task.score->metrics) {
      if (value.metric != metric) continue;
      if (filter.empty()) filter = value.filter;
      higher_is_better = value.higher_is_better;
    }
  }
  const EntryScore& joined = run.score->entries[index];
  score.metrics.push_back({metric, filter, joined.value, joined.stderr_value, higher_is_better});
  score.counts.emplace_back(fmt::format("{},{}", metric, filter), score.documents);
  return {std::move(group), std::move(score)};
}

const Json* FindIn(const Table& table, const std::string& name) {
  const auto found =
      std::find_if(table.begin(), table.end(), [&](const auto& row) { return row.first == name; });
  return found == table.end() ? nullptr : &found->second;
}

}  // namespace

AllGroups CollectGroups(std::span<const TaskRun> tasks, const std::optional<SuiteRun>& suite,
                        const GroupRun& run) {
  AllGroups out;
  out.groups.assign(run.groups.begin(), run.groups.end());
  out.scores.assign(run.scores.begin(), run.scores.end());
  if (!suite) return out;
  for (const size_t index : Groups(*suite, tasks)) {
    auto [group, score] = EntryGroup(*suite, index, tasks);
    out.groups.push_back(std::move(group));
    out.scores.push_back(std::move(score));
  }
  return out;
}

void AddGroupShots(const AllGroups& all, Table& shots) {
  for (const Group& group : all.groups) {
    const Json* common = nullptr;
    bool same = true;
    for (const std::string& member : group.members) {
      const Json* value = FindIn(shots, member);
      if (value == nullptr) continue;
      same &= common == nullptr || *common == *value;
      common = value;
    }
    if (common != nullptr && same) shots.emplace_back(group.name, Json(*common));
  }
}

void AddGroupDirections(const AllGroups& all, Table& directions) {
  for (const Group& group : all.groups) {
    Json joined = Json::object();
    for (const std::string& member : group.members) {
      const Json* of_member = FindIn(directions, member);
      if (of_member == nullptr) continue;
      for (const auto& [metric, better] : of_member->items()) {
        if (!joined.contains(metric)) {
          joined[metric] = better;
        } else if (joined[metric] != better) {
          joined[metric] = nullptr;
        }
      }
    }
    if (!joined.empty()) directions.emplace_back(group.name, std::move(joined));
  }
}

}  // namespace koeval::evaluation
