// A whole run of lm-evaluation-harness 0.4.13 over toy tasks of every type, done again from what
// its model said: tests/golden/harness_run, made by make_harness_run.py.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "common/base/file.h"
#include "common/evaluation/result_file.h"
#include "common/evaluation/task_folder.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

// Standard errors are roots and sums in numpy's or Python's order: the last digits may differ.
constexpr double kShare = 1e-12;

// Equal in keys, their order, texts and types; numbers to kShare of their size.
void ExpectSame(const Json& got, const Json& wanted, const std::string& where) {
  if (wanted.is_number_float() && got.is_number()) {
    const double value = wanted.get<double>();
    EXPECT_NEAR(got.get<double>(), value, kShare * std::abs(value)) << where;
    EXPECT_TRUE(got.is_number_float()) << where;
    return;
  }
  if (!wanted.is_structured() || !got.is_structured() || wanted.size() != got.size()) {
    EXPECT_EQ(got, wanted) << where;
    return;
  }
  for (auto a = got.items().begin(), b = wanted.items().begin(); b != wanted.items().end();
       ++a, ++b) {
    EXPECT_EQ(a.key(), b.key()) << where;
    ExpectSame(a.value(), b.value(), where + "/" + b.key());
  }
}

class HarnessRunTest : public testing::Test {
 protected:
  void SetUp() override {
    const char* source = std::getenv("KOEVAL_SOURCE_DIR");
    root_ = fs::path(source == nullptr ? "." : source) / "tests/golden/harness_run";
    wanted_ = *ParseJson(*ReadFile((root_ / "results.json").string()));
    const Json said = *ParseJson(*ReadFile((root_ / "responses.json").string()));
    // Datasets lie relative to the folder from which the harness was run.
    fs::current_path(root_);
    auto selection = LoadSelection("tasks", {"toy", "toy_rolling"});
    ASSERT_TRUE(selection.ok()) << selection.status().ToString();
    selection_ = *std::move(selection);
    for (const Task& task : selection_.tasks) {
      auto prepared = Prepare(task, {});
      ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
      responses_.push_back(ResponsesOf(*prepared, said[task.config.task]));
      auto score = Score(*prepared, responses_.back());
      ASSERT_TRUE(score.ok()) << score.status().ToString();
      prepared_.push_back(*std::move(prepared));
      scores_.push_back(*std::move(score));
    }
  }

  // The harness asks as often as `repeats` says, one after the other.
  static std::vector<Response> ResponsesOf(const PreparedTask& task, const Json& said) {
    const auto repeats = static_cast<size_t>(task.config.repeats);
    EXPECT_EQ(said.size(), task.requests.size() * repeats) << task.config.task;
    std::vector<Response> out;
    for (size_t i = 0; i < said.size(); i += repeats) {
      Response& response = out.emplace_back();
      if (said[i].is_string()) response.text = said[i];
      if (said[i].is_number()) response.log_likelihood = said[i];
      if (!said[i].is_array()) continue;
      response.log_likelihood = said[i][0];
      response.is_greedy = said[i][1];
    }
    return out;
  }

  fs::path root_;
  Json wanted_;
  TaskSelection selection_;
  std::vector<PreparedTask> prepared_;
  std::vector<std::vector<Response>> responses_;
  std::vector<TaskScore> scores_;
};

TEST_F(HarnessRunTest, ResultsAreTheHarnesses) {
  const auto groups = ScoreGroups(selection_.groups, scores_);
  ASSERT_TRUE(groups.ok()) << groups.status().ToString();
  std::vector<TaskRun> runs;
  for (size_t t = 0; t < scores_.size(); ++t) {
    TaskRun& run = runs.emplace_back();
    run.prepared = &prepared_[t];
    run.score = &scores_[t];
    run.original_documents = static_cast<int64_t>(selection_.tasks[t].docs.size());
    run.sample_digest = MakeSampleLog(prepared_[t], scores_[t], responses_[t]).digest;
  }
  const Json results = MakeResults({}, runs, std::nullopt, {selection_.groups, *groups});
  for (const auto& [key, value] : wanted_.items()) {
    ASSERT_TRUE(results.contains(key)) << key;
    ExpectSame(results[key], value, key);
  }
}

TEST_F(HarnessRunTest, SampleLinesAreTheHarnessesToTheByte) {
  size_t lines = 0;
  for (size_t t = 0; t < scores_.size(); ++t) {
    const std::string& name = scores_[t].task;
    std::istringstream wanted(*ReadFile((root_ / "samples" / (name + ".jsonl")).string()));
    for (const std::string& line : MakeSampleLog(prepared_[t], scores_[t], responses_[t]).lines) {
      std::string next;
      ASSERT_TRUE(std::getline(wanted, next)) << name;
      EXPECT_EQ(line, next) << name;
      ++lines;
    }
    std::string rest;
    EXPECT_FALSE(std::getline(wanted, rest)) << name;
  }
  EXPECT_EQ(lines, 39U);
}

}  // namespace
}  // namespace koeval::evaluation
