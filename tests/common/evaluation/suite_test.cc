// Tests of suite files and of the average over their entries.
#include "common/evaluation/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval::evaluation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char kGoodSuite[] = R"(# A suite.
suite: toy
title: Toy suite
version: "2"
profile: leaderboard-v1
tasks_dir: tasks
entries:
  - name: One
    task: first
    num_fewshot: 5
    metric: acc_norm
  - name: Many
    tasks: [second, third]
    metric: acc
  - name: Again
    tasks: [third, first]
    num_fewshot: 5
    metric: acc
)";

class SuiteFileTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = folder_ + "/" + name;
    EXPECT_TRUE(WriteFileAtomically(path, text).ok());
    return path;
  }
  std::string ErrorOf(const std::string& text) {
    return LoadSuite(Write("bad.yaml", text)).status().message();
  }

  const TempFolder temporary_;
  const std::string folder_ = temporary_.path();
};

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST_F(SuiteFileTest, EveryKeyIsRead) {
  std::string good = Replaced(kGoodSuite, "tasks: [second, third]\n    metric: acc",
                              "tasks: [second, fourth]\n    metric: acc\n    weight_by_size: true");
  const auto suite = LoadSuite(Write("toy.yaml", good));
  ASSERT_TRUE(suite.ok()) << suite.status().ToString();
  EXPECT_EQ(suite->name, "toy");
  EXPECT_EQ(suite->title, "Toy suite");
  EXPECT_EQ(suite->version, "2");
  EXPECT_EQ(suite->profile, Profile::kLeaderboardV1);
  EXPECT_EQ(suite->tasks_dir, std::filesystem::path(folder_ + "/tasks").lexically_normal());
  ASSERT_EQ(suite->entries.size(), 3U);
  EXPECT_EQ(suite->entries[0].num_fewshot, 5);
  EXPECT_FALSE(suite->entries[0].weight_by_size);
  EXPECT_TRUE(suite->entries[1].weight_by_size);
  EXPECT_FALSE(suite->entries[1].num_fewshot);
  EXPECT_THAT(SuiteTasks(*suite), ElementsAre("first", "second", "fourth", "third"));
  EXPECT_EQ(SuiteShots(*suite, "first"), 5);
  EXPECT_FALSE(SuiteShots(*suite, "second"));
  EXPECT_FALSE(SuiteShots(*suite, "unknown"));
}

TEST_F(SuiteFileTest, ErrorsNameFileLineAndKey) {
  EXPECT_THAT(ErrorOf(Replaced(kGoodSuite, "title: Toy suite", "tittle: Toy")),
              HasSubstr("bad.yaml:3: unknown key \"tittle\""));
  EXPECT_THAT(ErrorOf(Replaced(kGoodSuite, "    task: first\n", "    tusk: first\n")),
              HasSubstr("entries[0].task is missing"));
  EXPECT_THAT(ErrorOf(Replaced(kGoodSuite, "num_fewshot: 5", "num_fewshot: -1")),
              HasSubstr("bad.yaml:10: entries[0].num_fewshot"));
  EXPECT_THAT(ErrorOf(Replaced(kGoodSuite, "leaderboard-v1", "v9")), HasSubstr("bad.yaml:5"));
  EXPECT_THAT(ErrorOf(Replaced(kGoodSuite, "suite: toy", "suite: a/b")), HasSubstr("bad.yaml:2"));
  EXPECT_THAT(ErrorOf(Replaced(kGoodSuite, "tasks: [second, third]", "tasks: [second, second]")),
              HasSubstr("names second twice"));
  EXPECT_THAT(ErrorOf(Replaced(kGoodSuite, "name: Many", "name: One")),
              HasSubstr("two entries are named One"));
  EXPECT_THAT(ErrorOf(Replaced(kGoodSuite, "    metric: acc_norm\n", "")),
              HasSubstr("entries[0].metric is missing"));
  EXPECT_THAT(ErrorOf("suite: x\nversion: \"1\"\ntasks_dir: t\nentries: []\n"),
              HasSubstr("at least one entry"));
}

TEST_F(SuiteFileTest, TheRoundingOfLogProbabilitiesIsTheSuitesOrLeftOpen) {
  const std::string good = Replaced(kGoodSuite, "[third, first]", "[fifth]");
  const auto open = LoadSuite(Write("open.yaml", good));
  ASSERT_TRUE(open.ok()) << open.status().ToString();
  EXPECT_EQ(open->logits_dtype, "");
  for (const char* name : {"float32", "as_model"}) {
    const auto suite =
        LoadSuite(Write("set.yaml", "logits_dtype: " + std::string(name) + "\n" + good));
    ASSERT_TRUE(suite.ok()) << suite.status().ToString();
    EXPECT_EQ(suite->logits_dtype, name);
  }
  EXPECT_THAT(ErrorOf("logits_dtype: bfloat16\n" + good),
              HasSubstr("bad.yaml:1: logits_dtype must be float32, or as_model"));
}

TEST_F(SuiteFileTest, OneTaskCannotHaveTwoNumbersOfShots) {
  EXPECT_THAT(ErrorOf(kGoodSuite), HasSubstr("entry Again: task third has another num_fewshot"));
}

TEST_F(SuiteFileTest, FolderIsReadInNameOrderAndNamesAreUnique) {
  const std::string good = Replaced(kGoodSuite, "[third, first]", "[fifth]");
  Write("b.yaml", Replaced(good, "suite: toy", "suite: alpha"));
  Write("a.yaml", good);
  Write("notes.txt", "no suite");
  const auto suites = LoadSuites(folder_);
  ASSERT_TRUE(suites.ok()) << suites.status().ToString();
  ASSERT_EQ(suites->size(), 2U);
  EXPECT_EQ((*suites)[0].name, "alpha");
  EXPECT_EQ((*suites)[1].name, "toy");
  Write("c.yaml", good);
  EXPECT_THAT(LoadSuites(folder_).status().message(), HasSubstr("another file"));
  EXPECT_EQ(LoadSuites(folder_ + "/absent").status().code(), Code::kNotFound);
}

TaskScore OneMetric(const std::string& task, int64_t documents, const std::string& metric,
                    double value, std::optional<double> error) {
  TaskScore score;
  score.task = task;
  score.documents = documents;
  score.metrics.push_back({metric, "none", value, error, true});
  return score;
}

Suite TwoEntries(bool weight_by_size) {
  Suite suite;
  suite.name = "toy";
  suite.entries.push_back({"One", {"first"}, std::nullopt, "acc_norm", false});
  suite.entries.push_back({"Many", {"second", "third"}, std::nullopt, "acc", weight_by_size});
  return suite;
}

std::vector<TaskScore> ThreeScores() {
  return {OneMetric("first", 100, "acc_norm", 0.25, 0.02), OneMetric("second", 10, "acc", 0.2, 0.1),
          OneMetric("third", 30, "acc", 0.6, 0.2)};
}

TEST(SuiteScoreTest, EntriesOfSeveralTasksAreAPlainMean) {
  const auto score = ScoreSuite(TwoEntries(false), ThreeScores());
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_DOUBLE_EQ(score->entries[0].value, 0.25);
  EXPECT_DOUBLE_EQ(*score->entries[0].stderr_value, 0.02);
  EXPECT_DOUBLE_EQ(score->entries[1].value, 0.4);
  EXPECT_DOUBLE_EQ(*score->entries[1].stderr_value, std::sqrt(0.01 + 0.04) / 2);
  EXPECT_DOUBLE_EQ(score->average, 0.325);
}

TEST(SuiteScoreTest, EntriesCanBeWeightedBySize) {
  const auto score = ScoreSuite(TwoEntries(true), ThreeScores());
  ASSERT_TRUE(score.ok());
  EXPECT_DOUBLE_EQ(score->entries[1].value, (0.2 * 10 + 0.6 * 30) / 40);
  EXPECT_DOUBLE_EQ(*score->entries[1].stderr_value,
                   std::sqrt((9 * 0.01 * 10 + 29 * 0.04 * 30) / 38 / 40));
}

TEST(SuiteScoreTest, MissingTaskOrMetricIsAnError) {
  std::vector<TaskScore> scores = ThreeScores();
  scores[2].metrics[0].metric = "f1";
  EXPECT_THAT(ScoreSuite(TwoEntries(false), scores).status().message(),
              HasSubstr("entry Many: task third has no metric acc"));
  scores.pop_back();
  EXPECT_THAT(ScoreSuite(TwoEntries(false), scores).status().message(),
              HasSubstr("task third has no score"));
}

TEST(SuiteScoreTest, MissingErrorStaysMissing) {
  std::vector<TaskScore> scores = ThreeScores();
  scores[1].metrics[0].stderr_value.reset();
  for (const bool weighted : {false, true}) {
    EXPECT_FALSE(ScoreSuite(TwoEntries(weighted), scores)->entries[1].stderr_value);
  }
}

TEST(SuiteScoreTest, Mc2WithoutANumberCountsAsZero) {
  Suite suite;
  suite.entries.push_back({"Truth", {"first"}, std::nullopt, "mc2", false});
  const std::vector<TaskScore> scores = {
      OneMetric("first", 3, "mc2", std::numeric_limits<double>::quiet_NaN(), std::nullopt)};
  EXPECT_EQ(ScoreSuite(suite, scores)->average, 0);
}

// A row of the published leaderboard: five columns and their average, in percent.
TEST(SuiteScoreTest, AverageIsThatOfAPublishedRow) {
  Suite suite;
  std::vector<TaskScore> scores;
  for (const double percent : {73.55, 72.07, 57.93, 79.32, 55.96}) {
    const std::string task = "t" + std::to_string(scores.size());
    suite.entries.push_back({task, {task}, std::nullopt, "acc", false});
    scores.push_back(OneMetric(task, 10, "acc", percent / 100, std::nullopt));
  }
  EXPECT_NEAR(ScoreSuite(suite, scores)->average, 0.6777, 5e-5);
}

}  // namespace
}  // namespace koeval::evaluation
