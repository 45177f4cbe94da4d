// The requests of the demo tasks through tokenizer, plan and engine, against the log-likelihoods
// that the reference harness found for the same models (tests/golden/demo_scores).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/suite.h"
#include "common/evaluation/task.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/worker/engine/engine_test_util.h"
#include "worker/plan/encode.h"

namespace koeval::engine {
namespace {

namespace fs = std::filesystem;
using evaluation::PreparedTask;

// The trained demo model answers all documents, and is not what differs between families.
constexpr const char* kTrained = "demo";

std::vector<std::string> ScoredModels() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(GoldenDir() + "/demo_scores")) {
    const std::string name = entry.path().filename();
    if (entry.is_directory() && name != kTrained) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

Json ReadJson(const fs::path& path) {
  const auto text = ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  auto json = ParseJson(text.ok() ? *text : "null");
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? std::move(json).value() : Json();
}

struct Wanted {
  double log_likelihood = 0;
  bool is_greedy = false;
};

std::vector<Wanted> ReadWanted(const fs::path& path) {
  std::vector<Wanted> out;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    const auto line = ParseJson(text);
    EXPECT_TRUE(line.ok()) << path;
    if (!line.ok()) return {};
    for (size_t i = 0; i < line->at("ll").size(); ++i) {
      out.push_back({line->at("ll")[i].get<double>(), line->at("is_greedy")[i].get<bool>()});
    }
  }
  return out;
}

class DemoRequestsTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    scores_ = GoldenDir() + "/demo_scores/" + GetParam();
    report_ = ReadJson(scores_ / "results.json");
    auto suite = evaluation::LoadSuite(GoldenDir() + "/../../configs/suites/demo.yaml");
    ASSERT_TRUE(suite.ok()) << suite.status().ToString();
    suite_ = *std::move(suite);
    engine_ = LoadGolden(GetParam());
    auto tokenizer = tokenizer::LoadTokenizer(
        GoldenModelDir(GetParam()),
        {.generation = tokenizer::Generation::k5, .model_type = engine_->facts().model_type});
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
    tokenizer_ = std::move(tokenizer).value();
  }

  // The answers of `task`, in request order.
  std::vector<Answer> Run(const evaluation::Task& task) {
    evaluation::Options options;
    options.profile = suite_.profile;
    options.num_fewshot = evaluation::SuiteShots(suite_, task.config.task);
    options.limit = report_["limit"].get<int64_t>();
    const auto prepared = evaluation::Prepare(task, options);
    EXPECT_TRUE(prepared.ok()) << prepared.status().ToString();
    if (!prepared.ok()) return {};
    const auto encoded = plan::EncodeRequests(
        *tokenizer_, prepared->requests,
        {.profile = suite_.profile, .max_length = engine_->facts().max_length});
    EXPECT_TRUE(encoded.ok()) << encoded.status().ToString();
    if (!encoded.ok()) return {};
    const auto plan = plan::BuildPlan(encoded->sequences, {});
    EXPECT_TRUE(plan.ok()) << plan.status().ToString();
    if (!plan.ok()) return {};
    auto answers = RunPlan(*engine_, *plan);
    EXPECT_TRUE(answers.ok()) << answers.status().ToString();
    return answers.ok() ? *std::move(answers) : std::vector<Answer>{};
  }

  fs::path scores_;
  Json report_;
  evaluation::Suite suite_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
};

TEST_P(DemoRequestsTest, LogLikelihoodsAreTheHarnesses) {
  const auto tasks = evaluation::LoadTasks(suite_.tasks_dir, evaluation::SuiteTasks(suite_));
  ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
  double worst = 0;
  for (const evaluation::Task& task : *tasks) {
    SCOPED_TRACE(task.config.task);
    const std::vector<Wanted> wanted = ReadWanted(scores_ / (task.config.task + ".jsonl"));
    const std::vector<Answer> answers = Run(task);
    ASSERT_FALSE(wanted.empty());
    ASSERT_EQ(answers.size(), wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      const double expected = wanted[i].log_likelihood;
      EXPECT_NEAR(answers[i].log_likelihood, expected, 1e-3 + 2e-6 * std::abs(expected)) << i;
      EXPECT_EQ(answers[i].is_greedy, wanted[i].is_greedy) << i;
      worst = std::max(worst, std::abs(answers[i].log_likelihood - expected));
    }
  }
  RecordProperty("worst_difference", std::to_string(worst));
}

INSTANTIATE_TEST_SUITE_P(Models, DemoRequestsTest, testing::ValuesIn(ScoredModels()),
                         [](const auto& model) { return model.param; });

}  // namespace
}  // namespace koeval::engine
