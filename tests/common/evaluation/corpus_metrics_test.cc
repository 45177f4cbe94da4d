// bleu, chrf, chrf++ and ter against what the harness gave: cases/corpus_metrics.json, made by
// make_corpus_cases.py.
#include "common/evaluation/corpus_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/base/file.h"
#include "common/evaluation/generation.h"
#include "common/evaluation/metrics.h"
#include "common/evaluation/score.h"
#include "common/evaluation/translation_edit_rate.h"

namespace koeval::evaluation {
namespace {

using testing::HasSubstr;

constexpr std::array<const char*, 4> kNames = {"bleu", "chrf", "chrf++", "ter"};

Json Cases() {
  const char* root = std::getenv("KOEVAL_SOURCE_DIR");
  const auto text = ReadFile(std::string(root == nullptr ? "." : root) +
                             "/tests/common/evaluation/cases/corpus_metrics.json");
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  const auto json = ParseJson(text.ok() ? *text : "[]");
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? *json : Json::array();
}

// A generation task whose documents are the [right, generated] texts of `corpus`.
TaskScore ScoreOf(const Json& corpus, Profile profile) {
  PreparedTask task;
  task.config.task = "toy";
  task.config.output_type = OutputType::kGenerateUntil;
  task.config.generation_kwargs = *FillGenerationKwargs(nullptr, "\n\n");
  for (const char* name : kNames) task.config.metrics.push_back({name, "", HigherIsBetter(name)});
  task.options.profile = profile;
  task.request_kind = RequestKind::kGenerate;
  std::vector<Response> responses;
  for (const Json& pair : corpus) {
    Document document;
    document.doc_id = static_cast<int64_t>(responses.size());
    document.doc = Json::object();
    document.target = document.answer = pair[0];
    document.first_request = static_cast<int32_t>(responses.size());
    document.request_count = 1;
    task.documents.push_back(std::move(document));
    task.requests.push_back({static_cast<int32_t>(responses.size()), 0, "ask", ""});
    responses.emplace_back().text = pair[1].get<std::string>();
  }
  auto score = Score(task, responses);
  EXPECT_TRUE(score.ok()) << score.status().ToString();
  return score.ok() ? *std::move(score) : TaskScore{};
}

TEST(CorpusMetricsTest, ScoresAndTheirErrorsAreTheHarnesses) {
  const Json cases = Cases();
  ASSERT_GE(cases.size(), 50U);
  size_t errors = 0;
  for (size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    const Json& item = cases[i];
    const TaskScore score = ScoreOf(item["corpus"], Profile::kLmEval04);
    ASSERT_EQ(score.metrics.size(), kNames.size());
    for (const MetricValue& metric : score.metrics) {
      SCOPED_TRACE(metric.metric);
      const auto wanted = item["scores"][metric.metric].get<double>();
      EXPECT_NEAR(metric.value, wanted, 1e-12 * (1 + wanted));
      EXPECT_EQ(metric.stderr_value.has_value(), item["corpus"].size() > 1);
      if (!item.contains("errors")) continue;
      ++errors;
      EXPECT_NEAR(*metric.stderr_value, item["errors"][metric.metric][0].get<double>(), 1e-9);
    }
  }
  EXPECT_GE(errors, 40U);
}

TEST(CorpusMetricsTest, TheOldProfileResamplesMoreOften) {
  for (const Json& item : Cases()) {
    if (!item.contains("errors")) continue;
    for (const MetricValue& metric : ScoreOf(item["corpus"], Profile::kLeaderboardV1).metrics) {
      EXPECT_NEAR(*metric.stderr_value, item["errors"][metric.metric][1].get<double>(), 1e-9)
          << metric.metric;
    }
  }
}

TEST(CorpusMetricsTest, DocumentsShowBothTextsAndTerIsBetterWhenLess) {
  const TaskScore score = ScoreOf(Json::parse(R"([["a b", "a c"]])"), Profile::kLmEval04);
  EXPECT_EQ(score.per_document[0].metrics[0].second.dump(), R"(["a b","a c"])");
  for (const MetricValue& metric : score.metrics) {
    EXPECT_EQ(metric.higher_is_better, metric.metric != "ter");
  }
}

TEST(CorpusMetricsTest, SettingsThatTheHarnessWouldNotFollowAreRefused) {
  TaskConfig config;
  config.task = "toy";
  config.output_type = OutputType::kGenerateUntil;
  config.metrics = {{"bleu", "", true, {{"tokenize", "ko-mecab"}}}};
  const Status status = CheckMetrics(config);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(),
              HasSubstr("metric bleu does not know \"tokenize\", and the harness computes it with "
                        "sacrebleu's defaults whatever it says; remove it"));
  config.metrics = {{"ter", "mean", false}};
  EXPECT_THAT(CheckMetrics(config).message(), HasSubstr("use ter"));
  config.output_type = OutputType::kMultipleChoice;
  config.metrics = {{"chrf", "", true}};
  EXPECT_THAT(CheckMetrics(config).message(), HasSubstr("unknown metric \"chrf\""));
}

TEST(TranslationEditsTest, AMovedRunCostsOneAndTextsWithoutWordsTheirLength) {
  EXPECT_EQ(TranslationEdits({"c", "d", "a", "b"}, {"a", "b", "c", "d"}), 1);
  EXPECT_EQ(TranslationEdits({"a", "b"}, {}), 2);
  EXPECT_EQ(TranslationEdits({}, {"a", "b", "c"}), 3);
  EXPECT_EQ(TranslationEdits({}, {}), 0);
}

}  // namespace
}  // namespace koeval::evaluation
