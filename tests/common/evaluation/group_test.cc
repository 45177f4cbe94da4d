// Tests of groups: both rules of joining, missing parts, and the tables of a result file.
#include "common/evaluation/group.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "common/evaluation/result_table.h"

namespace koeval::evaluation {
namespace {

TaskScore Task(const std::string& name, int64_t documents, double value,
               std::optional<double> error, const std::string& filter = "none") {
  TaskScore score;
  score.task = score.alias = name;
  score.documents = documents;
  score.metrics.push_back({"acc", filter, value, error, true});
  return score;
}

Group MakeGroup(const std::string& name, std::vector<std::string> members,
                std::vector<std::string> tasks, bool weighted = true) {
  Group group;
  group.name = group.alias = name;
  group.members = std::move(members);
  group.tasks = std::move(tasks);
  group.metrics.push_back({"acc", std::nullopt, weighted});
  return group;
}

const GroupScore& Find(const std::vector<GroupScore>& scores, const std::string& name) {
  for (const GroupScore& score : scores) {
    if (score.name == name) return score;
  }
  ADD_FAILURE() << "no group " << name;
  return scores.front();
}

class GroupTest : public testing::Test {
 protected:
  const std::vector<TaskScore> scores_ = {Task("a", 10, 0.5, 0.1), Task("b", 30, 0.9, 0.05),
                                          Task("c", 20, 0.2, 0.08)};
  // outer holds inner (a, b) and c.
  std::vector<Group> groups_ = {MakeGroup("outer", {"inner", "c"}, {"a", "b", "c"}),
                                MakeGroup("inner", {"a", "b"}, {"a", "b"})};
};

TEST_F(GroupTest, WeightedGroupsPoolTheirLeavesAndComeAfterTheirMembers) {
  const auto scores = ScoreGroups(groups_, scores_);
  ASSERT_TRUE(scores.ok()) << scores.status().ToString();
  EXPECT_EQ((*scores)[0].name, "inner");
  const GroupScore& outer = (*scores)[1];
  EXPECT_DOUBLE_EQ(outer.metrics[0].value, (5 + 27 + 4) / 60.0);
  const double variance = (9 * 0.01 * 10 + 29 * 0.0025 * 30 + 19 * 0.0064 * 20) / 57;
  EXPECT_DOUBLE_EQ(*outer.metrics[0].stderr_value, std::sqrt(variance / 60));
  EXPECT_EQ(outer.documents, 60);
  EXPECT_EQ(outer.counts[0].first, "acc,none");
}

TEST_F(GroupTest, ByTheOlderRuleAGroupCountsAsOnePart) {
  groups_[0].rule = GroupRule::kLevels;
  const auto scores = ScoreGroups(groups_, scores_);
  ASSERT_TRUE(scores.ok());
  const double inner = *Find(*scores, "inner").metrics[0].stderr_value;
  const GroupScore& outer = Find(*scores, "outer");
  EXPECT_DOUBLE_EQ(outer.metrics[0].value, (5 + 27 + 4) / 60.0);
  const double variance = (39 * inner * inner * 40 + 19 * 0.0064 * 20) / 58;
  EXPECT_DOUBLE_EQ(*outer.metrics[0].stderr_value, std::sqrt(variance / 60));
}

TEST_F(GroupTest, PlainGroupsAreMeansOfTheirTasks) {
  groups_[0].metrics[0].weight_by_size = false;
  const auto scores = ScoreGroups(groups_, scores_);
  ASSERT_TRUE(scores.ok());
  const GroupScore& outer = Find(*scores, "outer");
  EXPECT_DOUBLE_EQ(outer.metrics[0].value, (0.5 + 0.9 + 0.2) / 3);
  EXPECT_DOUBLE_EQ(*outer.metrics[0].stderr_value, std::sqrt(0.01 + 0.0025 + 0.0064) / 3);
}

TEST_F(GroupTest, PartsWithoutTheMetricOrItsErrorAreLeftOut) {
  std::vector<TaskScore> scores = scores_;
  scores[2].metrics[0].metric = "f1";
  scores[0].metrics[0].stderr_value.reset();
  const auto joined = ScoreGroups(groups_, scores);
  ASSERT_TRUE(joined.ok());
  const GroupScore& outer = Find(*joined, "outer");
  EXPECT_DOUBLE_EQ(outer.metrics[0].value, (5 + 27) / 40.0);
  EXPECT_FALSE(outer.metrics[0].stderr_value);
  EXPECT_EQ(outer.counts[0].second, 40);
  EXPECT_EQ(outer.documents, 60);
  scores.pop_back();
  EXPECT_THAT(ScoreGroups(groups_, scores).status().message(),
              testing::HasSubstr("group outer: task c has no score"));
}

TEST_F(GroupTest, EveryFilterIsJoinedUnlessTheGroupNamesThem) {
  std::vector<TaskScore> scores = scores_;
  for (TaskScore& score : scores) score.metrics.push_back({"acc", "strict", 1, 0.0, true});
  auto joined = ScoreGroups(groups_, scores);
  ASSERT_TRUE(joined.ok());
  ASSERT_EQ((*joined)[0].metrics.size(), 2U);
  EXPECT_EQ((*joined)[0].metrics[1].filter, "strict");
  groups_[1].metrics[0].filters = {"strict"};
  joined = ScoreGroups(groups_, scores);
  ASSERT_EQ((*joined)[0].metrics.size(), 1U);
}

TEST_F(GroupTest, WithoutAggregateMetricsAGroupHasNone) {
  groups_[0].metrics.clear();
  const auto scores = ScoreGroups(groups_, scores_);
  ASSERT_TRUE(scores.ok());
  EXPECT_TRUE(Find(*scores, "outer").metrics.empty());
}

// What pytablewriter makes of the same cells.
TEST(ResultsTableTest, GroupsAreIndentedAndColumnsEven) {
  const Json results = {
      {"results",
       {{"b", {{"alias", "b"}, {"acc,none", 0.5}, {"acc_stderr,none", 0.0123}}},
        {"a", {{"alias", "모델"}, {"acc,none", 0.25}, {"acc_stderr,none", "N/A"}}},
        {"outer", {{"alias", "Outer"}, {"acc,none", 0.375}, {"acc_stderr,none", 0.01}}},
        {"z", {{"alias", "z"}, {"f1,x|y", 1.0}}}}},
      {"groups", {{"outer", {{"alias", "Outer"}, {"acc,none", 0.375}}}}},
      {"group_subtasks", {{"outer", {"b", "a"}}}},
      {"versions", {{"a", 1.0}, {"b", 2.5}, {"outer", "N/A"}}},
      {"n-shot", {{"a", 0}, {"b", 5}}},
      {"higher_is_better", {{"a", {{"acc", true}}}, {"b", {{"acc", false}}}}}};
  EXPECT_EQ(ResultsTable(results, TableKind::kTasks),
            "| Tasks |Version|Filter|n-shot|Metric|   |Value|   |Stderr|\n"
            "|-------|-------|------|-----:|------|---|----:|---|------|\n"
            "|Outer  |N/A    |none  |      |acc   |   |0.375|±  |0.0100|\n"
            "| - 모델|      1|none  |     0|acc   |↑  |0.250|±  |   N/A|\n"
            "| - b   |    2.5|none  |     5|acc   |↓  |0.500|±  |0.0123|\n"
            "|z      |    N/A|x\\|y   |      |f1    |   |1.000|   |      |\n");
  EXPECT_EQ(ResultsTable(results, TableKind::kGroups),
            "|Groups|Version|Filter|n-shot|Metric|   |Value|   |Stderr|\n"
            "|------|-------|------|------|------|---|----:|---|------|\n"
            "|Outer |N/A    |none  |      |acc   |   |0.375|   |      |\n");
}

}  // namespace
}  // namespace koeval::evaluation
