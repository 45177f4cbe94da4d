// A group as a definition says it: its members, what it changes about them, what it aggregates.
#pragma once

#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/group.h"
#include "common/evaluation/task_definition.h"

namespace koeval::evaluation {

// One entry of a group's `task` list.
struct GroupMember {
  std::string name;  // of a task, group or tag
  bool inline_group =
      false;      // `group:` was written, so that `settings` may define the group itself
  Json settings;  // an object: the entry's other keys
};

struct GroupDefinition {
  Group group;  // without members and tasks
  std::vector<GroupMember> members;
  Json overrides;  // an object: keys that the group gives to all tasks below it
};

// The group called `name` from the keys `values`; `place` is where they stand ("file:line").
// INVALID_ARGUMENT and UNIMPLEMENTED name the place, the key and the remedy.
// Source: lm-evaluation-harness 0.4.13, GroupConfig, AggMetricConfig and TaskFactory.
Result<GroupDefinition> ReadGroup(const std::string& name, const Json& values,
                                  const std::string& place);

}  // namespace koeval::evaluation
