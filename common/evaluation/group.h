// Groups: tasks under one name, and the scores that are joined over them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/score.h"

namespace koeval::evaluation {

// An entry of `aggregate_metric_list`.
struct AggregateMetric {
  std::string metric;
  std::optional<std::vector<std::string>> filters;  // absent: every one that the tasks have
  bool weight_by_size = true;                       // by documents; else the plain mean
};

// How a group of groups is joined.
enum class GroupRule {
  kLeaves,  // over all tasks below it: lm-evaluation-harness 0.4.3 and later
  kLevels,  // over its members, a group counting as one with all its documents: 0.4.2
};

struct Group {
  std::string name;
  std::string alias;                    // what tables show; the name where the file gives none
  std::vector<std::string> members;     // tasks and groups directly below, in the file's order
  std::vector<std::string> tasks;       // all tasks below, in evaluation order
  std::vector<std::string> overridden;  // those whose definition it changes beyond the alias
  std::vector<AggregateMetric> metrics;
  GroupRule rule = GroupRule::kLeaves;
  std::string version;  // of its metadata; "N/A" where there is none
};

struct GroupScore {
  std::string name;
  int64_t documents = 0;
  std::vector<MetricValue> metrics;
  std::vector<std::pair<std::string, int64_t>> counts;  // "acc,none" -> documents that it covers
};

// The scores of `groups` in the order of the harness's results: members before the groups that hold
// them. A metric that no task below a group has is left out; a task without it is not counted. The
// error is absent when one of the parts has none. A group without aggregate metrics has none.
// Sources: lm-evaluation-harness 0.4.13, Group.aggregate (kLeaves); 0.4.2, evaluator.evaluate
// (kLevels: values and errors weighted by size whatever the entry says).
// INVALID_ARGUMENT when a task of a group has no score.
Result<std::vector<GroupScore>> ScoreGroups(std::span<const Group> groups,
                                            std::span<const TaskScore> scores);

}  // namespace koeval::evaluation
