// Scores joined over groups.
#include "common/evaluation/group.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "common/evaluation/statistics.h"

namespace koeval::evaluation {
namespace {

// What a task or an inner group brings to a group.
struct Part {
  int64_t documents = 0;
  const std::vector<MetricValue>* metrics = nullptr;
};

const MetricValue* FindMetric(const Part& part, const std::string& metric,
                              const std::string& filter) {
  for (const MetricValue& value : *part.metrics) {
    if (value.metric == metric && value.filter == filter) return &value;
  }
  return nullptr;
}

// The filters behind which any part has `metric`, sorted.
std::vector<std::string> FiltersOf(const std::vector<Part>& parts, const std::string& metric) {
  std::set<std::string> filters;
  for (const Part& part : parts) {
    for (const MetricValue& value : *part.metrics) {
      if (value.metric == metric) filters.insert(value.filter);
    }
  }
  return {filters.begin(), filters.end()};
}

class GroupScorer {
 public:
  GroupScorer(std::span<const Group> groups, std::span<const TaskScore> scores)
      : groups_(groups), scores_(scores) {}

  Result<std::vector<GroupScore>> Run() {
    for (const Group& group : groups_) RETURN_IF_ERROR(Visit(group));
    return std::move(out_);
  }

 private:
  const Group* FindGroup(const std::string& name) const {
    const auto found = std::find_if(groups_.begin(), groups_.end(),
                                    [&](const Group& group) { return group.name == name; });
    return found == groups_.end() ? nullptr : &*found;
  }

  // Members before the group that holds them. The file reader bounds how deep groups lie.
  Status Visit(const Group& group) {
    if (!visited_.insert(group.name).second) return OkStatus();
    for (const std::string& member : group.members) {
      const Group* inner = FindGroup(member);
      if (inner != nullptr) RETURN_IF_ERROR(Visit(*inner));
    }
    ASSIGN_OR_RETURN(GroupScore score, ScoreOne(group));
    out_.push_back(std::move(score));
    return OkStatus();
  }

  Result<Part> TaskPart(const Group& group, const std::string& task) const {
    const auto score = std::find_if(scores_.begin(), scores_.end(),
                                    [&](const TaskScore& s) { return s.task == task; });
    if (score == scores_.end()) {
      return InvalidArgument(fmt::format("group {}: task {} has no score", group.name, task));
    }
    return Part{score->documents, &score->metrics};
  }

  // All tasks below the group, or by the older rule what lies directly below it.
  Result<std::vector<Part>> PartsOf(const Group& group) const {
    std::vector<Part> parts;
    const bool levels = group.rule == GroupRule::kLevels;
    for (const std::string& name : levels ? group.members : group.tasks) {
      const auto inner = std::find_if(out_.begin(), out_.end(),
                                      [&](const GroupScore& s) { return s.name == name; });
      if (inner != out_.end()) {
        parts.push_back({inner->documents, &inner->metrics});
        continue;
      }
      ASSIGN_OR_RETURN(const Part part, TaskPart(group, name));
      parts.push_back(part);
    }
    return parts;
  }

  Result<GroupScore> ScoreOne(const Group& group) const {
    GroupScore out;
    out.name = group.name;
    for (const std::string& task : group.tasks) {
      ASSIGN_OR_RETURN(const Part part, TaskPart(group, task));
      out.documents += part.documents;
    }
    if (group.metrics.empty()) return out;
    ASSIGN_OR_RETURN(const std::vector<Part> parts, PartsOf(group));
    for (const AggregateMetric& metric : group.metrics) {
      const auto filters = metric.filters ? *metric.filters : FiltersOf(parts, metric.metric);
      for (const std::string& filter : filters) {
        Join(parts, metric, filter, metric.weight_by_size || group.rule == GroupRule::kLevels, out);
      }
    }
    return out;
  }

  static void Join(const std::vector<Part>& parts, const AggregateMetric& metric,
                   const std::string& filter, bool weighted, GroupScore& out) {
    std::vector<std::optional<double>> errors;
    std::vector<int64_t> sizes;
    double sum = 0;
    double weights = 0;
    MetricValue joined{metric.metric, filter, 0, std::nullopt, true};
    for (const Part& part : parts) {
      const MetricValue* value = FindMetric(part, metric.metric, filter);
      if (value == nullptr) continue;
      const double weight = weighted ? static_cast<double>(part.documents) : 1;
      sum += value->value * weight;
      weights += weight;
      errors.push_back(value->stderr_value);
      sizes.push_back(part.documents);
      joined.higher_is_better = value->higher_is_better;
    }
    if (sizes.empty()) return;
    joined.value = sum / weights;
    joined.stderr_value = weighted ? PooledStderr(errors, sizes) : PlainStderr(errors);
    int64_t covered = 0;
    for (const int64_t size : sizes) covered += size;
    out.counts.emplace_back(fmt::format("{},{}", metric.metric, filter), covered);
    out.metrics.push_back(std::move(joined));
  }

  const std::span<const Group> groups_;
  const std::span<const TaskScore> scores_;
  std::set<std::string> visited_;
  std::vector<GroupScore> out_;
};

}  // namespace

Result<std::vector<GroupScore>> ScoreGroups(std::span<const Group> groups,
                                            std::span<const TaskScore> scores) {
  return GroupScorer(groups, scores).Run();
}

}  // namespace koeval::evaluation
