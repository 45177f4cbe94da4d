// Scores against the golden files of the 2023 harness: its dummy model answers request i with
// -random() under seed 42, over the rebuilt tasks. Needs KOEVAL_TEST_DATA.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/python_random.h"
#include "common/evaluation/score.h"
#include "tests/common/evaluation/testdata_tasks.h"

namespace koeval::evaluation {
namespace {

constexpr double kTolerance = 1e-12;

Json ExpectedScores(const std::string& folder, const std::string& name) {
  const auto text = ReadFile(folder + "/lm-eval-testdata/" + name + "-v0-res.json");
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  const auto json = ParseJson(text.ok() ? *text : "null");
  EXPECT_TRUE(json.ok());
  return json.ok() ? json->at("results").at(name) : Json();
}

std::vector<Response> DummyResponses(size_t count) {
  PythonRandom random(42);
  std::vector<Response> responses(count);
  for (Response& response : responses) response.log_likelihood = -random.Random();
  return responses;
}

void ExpectScores(const TaskScore& score, const Json& expected) {
  size_t compared = 0;
  for (const MetricValue& metric : score.metrics) {
    ASSERT_TRUE(expected.contains(metric.metric)) << metric.metric;
    EXPECT_NEAR(metric.value, expected[metric.metric].get<double>(), kTolerance) << metric.metric;
    EXPECT_NEAR(metric.stderr_value.value_or(-1), expected[metric.metric + "_stderr"].get<double>(),
                kTolerance)
        << metric.metric;
    compared += 2;
  }
  EXPECT_EQ(compared, expected.size());
}

TEST(TestdataScoresTest, MetricsAndErrorsAreTheHarnesses) {
  const auto folder = TestDataFolder();
  if (!folder) GTEST_SKIP() << "KOEVAL_TEST_DATA is not set or no folder";
  int tasks = 0;
  for (const std::string& name : TestdataTaskNames(*folder)) {
    if (name == "gsm8k") continue;  // generation: its file has no log-likelihoods
    SCOPED_TRACE(name);
    const auto task = MakeTestdataTask(*folder, name);
    ASSERT_TRUE(task.ok()) << task.status().ToString();
    Options options;
    options.profile = Profile::kLeaderboardV1;
    const auto prepared = Prepare(*task, options);
    ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
    const auto score = Score(*prepared, DummyResponses(prepared->requests.size()));
    ASSERT_TRUE(score.ok()) << score.status().ToString();
    ExpectScores(*score, ExpectedScores(*folder, name));
    ++tasks;
  }
  EXPECT_EQ(tasks, 23);
}

}  // namespace
}  // namespace koeval::evaluation
