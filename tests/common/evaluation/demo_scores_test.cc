// The demo suite against the reference harness: prompts by their hashes, metrics and errors from
// the log-likelihoods that it stored in tests/golden/demo_scores. Needs no model.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/sample_line.h"
#include "common/evaluation/score.h"
#include "common/evaluation/suite.h"
#include "common/evaluation/task.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

// What a metric, all of them from 0 to 1, may differ by: mc2 takes exp() of the C library.
constexpr double kSlack = 1e-12;

fs::path Source() {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  return source == nullptr ? "." : source;
}

Json ReadJson(const fs::path& path) {
  const auto text = ReadFile(path.string());
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  const auto json = ParseJson(text.ok() ? *text : "null");
  EXPECT_TRUE(json.ok()) << path << json.status().ToString();
  return json.ok() ? *json : Json();
}

std::vector<Json> ReadLines(const fs::path& path) {
  const auto text = ReadFile(path.string());
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  std::vector<Json> rows;
  std::istringstream lines(text.ok() ? *text : "");
  for (std::string line; std::getline(lines, line);) rows.push_back(*ParseJson(line));
  return rows;
}

class DemoScoresTest : public testing::Test {
 protected:
  void SetUp() override {
    auto suite = LoadSuite((Source() / "configs/suites/demo.yaml").string());
    ASSERT_TRUE(suite.ok()) << suite.status().ToString();
    suite_ = *suite;
    auto tasks = LoadTasks(suite_.tasks_dir, SuiteTasks(suite_));
    ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
    tasks_ = *std::move(tasks);
  }

  PreparedTask PrepareOne(const Task& task, std::optional<int64_t> limit) const {
    Options options;
    options.profile = suite_.profile;
    options.num_fewshot = SuiteShots(suite_, task.config.task);
    options.limit = limit;
    auto prepared = Prepare(task, options);
    EXPECT_TRUE(prepared.ok()) << prepared.status().ToString();
    return prepared.ok() ? *std::move(prepared) : PreparedTask{};
  }

  Suite suite_;
  std::vector<Task> tasks_;
};

// Compares prompts, rows and targets by hash, and returns what the model said.
std::vector<Response> MatchLines(const PreparedTask& task, const std::vector<Json>& lines) {
  std::vector<Response> responses;
  EXPECT_EQ(task.documents.size(), lines.size());
  if (task.documents.size() != lines.size()) return {};
  for (const Json& line : lines) {
    for (size_t k = 0; k < line["ll"].size(); ++k) {
      responses.push_back({line["ll"][k], line["is_greedy"][k]});
    }
  }
  EXPECT_EQ(responses.size(), task.requests.size());
  return responses;
}

void ExpectHashes(const PreparedTask& task, const TaskScore& score,
                  const std::vector<Response>& responses, const std::vector<Json>& lines) {
  const SampleLog log = MakeSampleLog(task, score, responses);
  for (size_t i = 0; i < lines.size(); ++i) {
    const Json line = *ParseJson(log.lines[i]);
    for (const char* key : {"doc_id", "prompt_hash", "doc_hash", "target_hash"}) {
      EXPECT_EQ(line[key], lines[i][key]) << key << " of " << i;
    }
    for (const auto& [metric, value] : score.per_document[i].metrics) {
      const double wanted = lines[i][metric];
      EXPECT_NEAR(value.get<double>(), wanted, kSlack) << metric << " of " << i;
    }
  }
}

void ExpectMetrics(const TaskScore& score, const Json& wanted) {
  for (const MetricValue& metric : score.metrics) {
    const double value = wanted[metric.metric + ",none"];
    const double error = wanted[metric.metric + "_stderr,none"];
    EXPECT_NEAR(metric.value, value, kSlack) << metric.metric;
    EXPECT_NEAR(metric.stderr_value.value_or(-1), error, kSlack) << metric.metric;
  }
}

TEST_F(DemoScoresTest, SuiteHasFiveEntriesOfEightTasks) {
  EXPECT_EQ(suite_.entries.size(), 5U);
  EXPECT_EQ(tasks_.size(), 8U);
  for (const Task& task : tasks_) {
    EXPECT_GE(task.docs.size(), 60U) << task.config.task;
    EXPECT_LE(task.docs.size(), 200U) << task.config.task;
  }
}

TEST_F(DemoScoresTest, GoldIsInRangeEverywhere) {
  for (const Task& task : tasks_) {
    const PreparedTask prepared = PrepareOne(task, std::nullopt);
    for (const Document& document : prepared.documents) {
      ASSERT_EQ(document.gold.size(), 1U);
      EXPECT_GE(document.gold[0], 0);
      EXPECT_LT(document.gold[0], static_cast<int64_t>(document.choices.size()));
    }
  }
}

TEST_F(DemoScoresTest, PromptsAndScoresAreTheHarnesses) {
  int models = 0;
  for (const auto& folder : fs::directory_iterator(Source() / "tests/golden/demo_scores")) {
    if (!folder.is_directory()) continue;
    ++models;
    const Json report = ReadJson(folder.path() / "results.json");
    std::optional<int64_t> limit;
    if (!report["limit"].is_null()) limit = report["limit"].get<int64_t>();
    for (const Task& task : tasks_) {
      SCOPED_TRACE(folder.path().filename().string() + " " + task.config.task);
      const PreparedTask prepared = PrepareOne(task, limit);
      EXPECT_EQ(prepared.num_fewshot, report["n-shot"][task.config.task]);
      const auto lines = ReadLines(folder.path() / (task.config.task + ".jsonl"));
      const std::vector<Response> responses = MatchLines(prepared, lines);
      const auto score = Score(prepared, responses);
      ASSERT_TRUE(score.ok()) << score.status().ToString();
      ExpectHashes(prepared, *score, responses, lines);
      ExpectMetrics(*score, report["results"][task.config.task]);
    }
  }
  EXPECT_GE(models, 28);
}

// Chance is 0.25 for every entry but the truthful one, where it is what equal shares would give.
TEST_F(DemoScoresTest, TrainedModelIsClearlyAboveChance) {
  std::vector<TaskScore> scores;
  double chance = 0;
  for (const Task& task : tasks_) {
    const PreparedTask prepared = PrepareOne(task, std::nullopt);
    const fs::path path =
        Source() / "tests/golden/demo_scores/demo" / (task.config.task + ".jsonl");
    const auto score = Score(prepared, MatchLines(prepared, ReadLines(path)));
    ASSERT_TRUE(score.ok()) << score.status().ToString();
    scores.push_back(*score);
    if (task.config.process_results != "mc2") continue;
    for (const Json& doc : task.docs) {
      const Json& labels = doc["mc2_targets"]["labels"];
      const auto right = std::count(labels.begin(), labels.end(), 1);
      chance += static_cast<double>(right) / static_cast<double>(labels.size());
    }
    chance /= static_cast<double>(task.docs.size());
  }
  EXPECT_LT(chance, 0.5);
  const auto suite_score = ScoreSuite(suite_, scores);
  ASSERT_TRUE(suite_score.ok()) << suite_score.status().ToString();
  for (const EntryScore& entry : suite_score->entries) EXPECT_GE(entry.value, 0.6) << entry.name;
}

}  // namespace
}  // namespace koeval::evaluation
