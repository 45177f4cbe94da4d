// The groups of a result file: those of group files, and the entries of a suite that join tasks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "common/evaluation/result_file.h"

namespace koeval::evaluation {

// All groups of a run and their scores, each in its own order.
struct AllGroups {
  std::vector<Group> groups;
  std::vector<GroupScore> scores;

  const Group& Of(const GroupScore& score) const {
    return *std::find_if(groups.begin(), groups.end(),
                         [&](const Group& group) { return group.name == score.name; });
  }
};

// `run`'s groups, then the entries of `suite` that join several tasks and whose name is no task's.
AllGroups CollectGroups(std::span<const TaskRun> tasks, const std::optional<SuiteRun>& suite,
                        const GroupRun& run);

// Name -> value of a table of the result file.
using Table = std::vector<std::pair<std::string, Json>>;

// A group whose members all have the same number of shots has it too. Groups above others come
// first and do not see what those get, as in the harness.
void AddGroupShots(const AllGroups& all, Table& shots);

// metric -> higher is better, from a group's members; null where they disagree.
void AddGroupDirections(const AllGroups& all, Table& directions);

}  // namespace koeval::evaluation
