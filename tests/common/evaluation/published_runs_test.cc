// Groups and errors of published result files, computed again from their parts. Needs
// KOEVAL_TEST_DATA.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/evaluation/group.h"
#include "common/evaluation/statistics.h"
#include "tests/common/test_data.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

// Mean and error of `right` ones among `size` scores of 0 and 1.
std::pair<double, double> MeanOf(int64_t right, int64_t size) {
  std::vector<double> values(static_cast<size_t>(size), 0.0);
  std::fill_n(values.begin(), right, 1.0);
  return {Mean(values), *MeanStderr(values)};
}

// How many scores of 0 and 1 have this mean and error.
int64_t SizeOf(double mean, double error) {
  return std::llround(mean * (1 - mean) / (error * error) + 1);
}

class PublishedRunsTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto data = TestData("results");
    if (!data.ok()) GTEST_SKIP() << data.status().message();
    root_ = *data;
  }

  Json File(const std::string& name) {
    const auto text = ReadFile((root_ / name).string());
    EXPECT_TRUE(text.ok()) << text.status().ToString();
    return *ParseJson(text.ok() ? *text : "{}");
  }

  fs::path root_;
};

// lm-eval 0.4.2 pooled level by level: subjects into four groups, and those into mmlu.
TEST_F(PublishedRunsTest, GroupsOfARunOfLmEval042AreJoinedLevelByLevel) {
  const Json file = File("evalverse-SOLAR/mmlu_5.json");
  const Json& results = file["results"];
  std::vector<Group> groups;
  std::vector<TaskScore> scores;
  for (const auto& [name, members] : file["group_subtasks"].items()) {
    Group group;
    group.name = name;
    group.members = members.get<std::vector<std::string>>();
    group.metrics.push_back({"acc", std::nullopt, true});
    group.rule = GroupRule::kLevels;
    for (const std::string& member : group.members) {
      if (file["group_subtasks"].contains(member)) continue;
      group.tasks.push_back(member);
      TaskScore score;
      score.task = member;
      const double acc = results[member]["acc,none"];
      const double error = results[member]["acc_stderr,none"];
      score.documents = SizeOf(acc, error);
      score.metrics.push_back({"acc", "none", acc, error, true});
      scores.push_back(std::move(score));
    }
    groups.push_back(std::move(group));
  }
  for (Group& group : groups) {
    if (group.name != "mmlu") continue;
    for (const TaskScore& score : scores) group.tasks.push_back(score.task);
  }
  ASSERT_EQ(scores.size(), 57U);
  const auto joined = ScoreGroups(groups, scores);
  ASSERT_TRUE(joined.ok()) << joined.status().ToString();
  ASSERT_EQ(joined->size(), 5U);
  EXPECT_EQ(joined->back().name, "mmlu");
  EXPECT_EQ(joined->back().documents, 14042);
  for (const GroupScore& group : *joined) {
    SCOPED_TRACE(group.name);
    ASSERT_EQ(group.metrics.size(), 1U);
    EXPECT_NEAR(group.metrics[0].value, results[group.name]["acc,none"].get<double>(), 1e-12);
    EXPECT_NEAR(*group.metrics[0].stderr_value,
                results[group.name]["acc_stderr,none"].get<double>(), 1e-12);
  }
}

TEST_F(PublishedRunsTest, TasksOfARunAreMeansOfTheirDocuments) {
  struct Published {
    const char* file;
    const char* task;
    int64_t documents;
    std::vector<std::string> metrics;
  };
  const std::vector<Published> runs = {
      {"arc_challenge_25", "arc_challenge", 1172, {"acc,none", "acc_norm,none"}},
      {"hellaswag_10", "hellaswag", 10042, {"acc,none", "acc_norm,none"}},
      {"winogrande_5", "winogrande", 1267, {"acc,none"}},
      {"gsm8k_5", "gsm8k", 1319, {"exact_match,strict-match", "exact_match,flexible-extract"}}};
  for (const Published& run : runs) {
    SCOPED_TRACE(run.task);
    const Json results = File(std::string("evalverse-SOLAR/") + run.file + ".json")["results"];
    for (const std::string& key : run.metrics) {
      const double value = results[run.task][key];
      const std::string error_key = std::string(key).insert(key.find(','), "_stderr");
      const auto [mean, error] =
          MeanOf(std::llround(value * static_cast<double>(run.documents)), run.documents);
      EXPECT_NEAR(mean, value, 1e-12) << key;
      EXPECT_NEAR(error, results[run.task][error_key].get<double>(), 1e-12) << key;
    }
  }
}

// 154 runs of a Korean fork: every acc is a whole number of its test rows over their number.
TEST_F(PublishedRunsTest, AccuraciesOfTheKoreanForkAreSharesOfItsRows) {
  const std::map<std::string, int64_t> rows = {
      {"boolq", 3270},          {"copa", 100},         {"hellaswag", 10042},
      {"kobest_boolq", 1404},   {"kobest_copa", 1000}, {"kobest_hellaswag", 500},
      {"kobest_sentineg", 397}, {"nsmc", 50000},       {"klue_nli", 3000},
      {"klue_sts", 519},        {"wic", 638}};
  std::map<std::string, int> checked;
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "ko-lm-eval")) {
    if (entry.path().extension() != ".json") continue;
    ++files;
    const Json file = File(fs::relative(entry.path(), root_).string());
    if (!file.contains("results")) continue;
    for (const auto& [task, metrics] : file["results"].items()) {
      const auto size = rows.find(task);
      if (size == rows.end()) continue;
      for (const std::string metric : {"acc", "acc_norm"}) {
        if (!metrics.contains(metric)) continue;
        const double value = metrics[metric];
        const auto [mean, error] =
            MeanOf(std::llround(value * static_cast<double>(size->second)), size->second);
        EXPECT_NEAR(mean, value, 1e-12) << entry.path() << " " << task;
        EXPECT_NEAR(error, metrics[metric + "_stderr"].get<double>(), 1e-9)
            << entry.path() << " " << task;
        ++checked[task];
      }
    }
  }
  EXPECT_EQ(files, 154);
  EXPECT_EQ(checked["kobest_boolq"], 53);
  EXPECT_EQ(checked["kobest_copa"], 53);
  EXPECT_EQ(checked["kobest_hellaswag"], 106);
  EXPECT_EQ(checked["kobest_sentineg"], 53);
  EXPECT_EQ(checked["nsmc"], 51);
  EXPECT_EQ(checked["klue_nli"] + checked["klue_sts"], 22);
  EXPECT_EQ(checked["boolq"] + checked["copa"] + checked["hellaswag"] + checked["wic"], 14);
}

// Other 0/1 metrics of those runs, whose number of rows follows from accuracy and error.
TEST_F(PublishedRunsTest, ErrorsFollowFromAccuracyAndSize) {
  int checked = 0;
  for (const auto& entry : fs::recursive_directory_iterator(root_ / "ko-lm-eval")) {
    if (entry.path().extension() != ".json") continue;
    const Json file = File(fs::relative(entry.path(), root_).string());
    if (!file.contains("results")) continue;
    for (const auto& [task, metrics] : file["results"].items()) {
      if (!metrics.contains("acc") || !metrics.contains("acc_stderr")) continue;
      const double acc = metrics["acc"];
      const double error = metrics["acc_stderr"];
      if (error == 0) continue;
      const int64_t size = SizeOf(acc, error);
      if (size > 100'000) continue;
      const auto computed = MeanOf(std::llround(acc * static_cast<double>(size)), size);
      EXPECT_NEAR(computed.first, acc, 1e-12) << entry.path() << " " << task;
      EXPECT_NEAR(computed.second, error, 1e-9) << entry.path() << " " << task;
      ++checked;
    }
  }
  EXPECT_GE(checked, 100);
}

}  // namespace
}  // namespace koeval::evaluation
