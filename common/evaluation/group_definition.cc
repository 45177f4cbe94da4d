// Groups from YAML.
#include "common/evaluation/group_definition.h"

#include <fmt/core.h>

#include <set>

namespace koeval::evaluation {
namespace {

// Keys of a group itself; any other is for its tasks.
const std::set<std::string> kGroupKeys = {
    "group",    "group_alias", "task",    "aggregate_metric_list",
    "metadata", "tag",         "include", "profile_overrides"};

Result<std::vector<std::string>> ReadFilterNames(const Json& value) {
  const Json list = value.is_array() ? value : Json::array({value});
  std::vector<std::string> names;
  for (const Json& name : list) {
    if (!name.is_string()) return InvalidArgument("filter_list must be names of filters");
    names.push_back(name.get<std::string>());
  }
  return names;
}

Result<AggregateMetric> ReadAggregate(const Json& item) {
  AggregateMetric out;
  ASSIGN_OR_RETURN(out.metric, JsonString(item, "metric", "an entry"));
  for (const auto& [key, value] : item.items()) {
    if (key == "metric") continue;
    if (key == "weight_by_size") {
      if (!value.is_boolean()) return InvalidArgument("weight_by_size must be true or false");
      out.weight_by_size = value.get<bool>();
    } else if (key == "aggregation") {
      if (value != "mean") {
        return Unimplemented("aggregation: groups are joined by mean alone; write mean");
      }
    } else if (key == "filter_list") {
      if (value.is_null()) continue;
      ASSIGN_OR_RETURN(out.filters, ReadFilterNames(value));
    } else if (key != "higher_is_better") {
      return InvalidArgument(fmt::format(
          "\"{}\" is not known; known are metric, aggregation, weight_by_size, filter_list", key));
    }
  }
  return out;
}

Status ReadAggregates(const Json& values, Group& group) {
  const Json* given = JsonFind(values, "aggregate_metric_list");
  if (given == nullptr) return OkStatus();
  const Json list = given->is_array() ? *given : Json::array({*given});
  for (const Json& item : list) {
    auto metric = ReadAggregate(item);
    if (!metric.ok()) return metric.status().WithContext("aggregate_metric_list");
    group.metrics.push_back(*std::move(metric));
  }
  return OkStatus();
}

// `profile_overrides: {group_rule: levels}` joins groups as lm-eval 0.4.2 did.
Status ReadRule(const Json& values, Group& group) {
  const Json* overrides = JsonFind(values, "profile_overrides");
  if (overrides == nullptr) return OkStatus();
  for (const auto& [key, value] : overrides->items()) {
    if (key != "group_rule" || (value != "leaves" && value != "levels")) {
      return InvalidArgument(
          "profile_overrides: known is group_rule: leaves (default) or levels "
          "(as lm-eval 0.4.2)");
    }
    group.rule = value == "levels" ? GroupRule::kLevels : GroupRule::kLeaves;
  }
  return OkStatus();
}

Result<GroupMember> ReadMember(const Json& item) {
  GroupMember out;
  out.settings = Json::object();
  if (item.is_string()) {
    out.name = item.get<std::string>();
    return out;
  }
  const Json* group = JsonFind(item, "group");
  const Json* name = group == nullptr ? JsonFind(item, "task") : group;
  if (name == nullptr || !name->is_string()) {
    return InvalidArgument("task: an entry must be a name, or a mapping with task or group");
  }
  out.name = name->get<std::string>();
  out.inline_group = group != nullptr;
  for (const auto& [key, value] : item.items()) {
    if (key != (out.inline_group ? "group" : "task")) out.settings[key] = value;
  }
  return out;
}

Status ReadMembers(const Json& values, GroupDefinition& out) {
  const Json* given = JsonFind(values, "task");
  if (given == nullptr) {
    return InvalidArgument("task: a group needs a list of tasks");
  }
  const Json list = given->is_array() ? *given : Json::array({*given});
  for (const Json& item : list) {
    ASSIGN_OR_RETURN(GroupMember member, ReadMember(item));
    out.members.push_back(std::move(member));
  }
  return OkStatus();
}

Status ReadInto(const Json& values, GroupDefinition& out) {
  RETURN_IF_ERROR(ReadMembers(values, out));
  RETURN_IF_ERROR(ReadAggregates(values, out.group));
  RETURN_IF_ERROR(ReadRule(values, out.group));
  if (const Json* alias = JsonFind(values, "group_alias")) {
    if (!alias->is_string()) return InvalidArgument("group_alias: must be text");
    out.group.alias = alias->get<std::string>();
  }
  const Json* metadata = JsonFind(values, "metadata");
  const Json* version = metadata == nullptr ? nullptr : JsonFind(*metadata, "version");
  out.group.version = version == nullptr     ? "N/A"
                      : version->is_string() ? version->get<std::string>()
                                             : PythonJsonDumps(*version);
  out.overrides = Json::object();
  for (const auto& [key, value] : values.items()) {
    if (!kGroupKeys.contains(key)) out.overrides[key] = value;
  }
  return OkStatus();
}

}  // namespace

Result<GroupDefinition> ReadGroup(const std::string& name, const Json& values,
                                  const std::string& place) {
  GroupDefinition out;
  out.group.name = name;
  out.group.alias = name;
  const Status status = ReadInto(values, out);
  if (!status.ok()) return status.WithContext(fmt::format("{}: group {}", place, name));
  return out;
}

}  // namespace koeval::evaluation
