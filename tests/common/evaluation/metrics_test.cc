// Tests of the metrics of a document and of their sums. Expected f1 and mc2: sklearn and numpy.
#include "common/evaluation/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/evaluation/score.h"
#include "score_fixtures.h"

namespace koeval::evaluation {
namespace {

using testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double ValueOf(const TaskScore& score, const std::string& metric) {
  for (const MetricValue& value : score.metrics) {
    if (value.metric == metric) return value.value;
  }
  ADD_FAILURE() << "no metric " << metric;
  return kNan;
}

TEST(ArgMaxTest, FirstOfEqualValuesWins) {
  EXPECT_EQ(ArgMax(std::vector<double>{-2, -1, -1}), 1U);
  EXPECT_EQ(ArgMax(std::vector<double>{-1}), 0U);
}

TEST(ArgMaxTest, FirstNanWins) {
  EXPECT_EQ(ArgMax(std::vector<double>{-1, kNan, 0, kNan}), 1U);
}

TEST(ChoiceMetricsTest, LengthsAreCodePointsOrBytesOfTheBareChoice) {
  PreparedTask task = ChoiceTask({"acc", "acc_norm", "acc_bytes"});
  // Per choice: log-likelihood -4, -6, -9; code points 1, 2, 6; bytes 3, 2, 6.
  AddDocument(task, {"가", "ab", "abcdef"}, {0});
  AddDocument(task, {"가", "ab", "abcdef"}, {2});
  AddDocument(task, {"가", "ab", "abcdef"}, {0});
  const auto score = Score(task, Responses({-4, -6, -9, -4, -6, -9, -4, -6, -9}));
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_DOUBLE_EQ(ValueOf(*score, "acc"), 2.0 / 3);
  EXPECT_DOUBLE_EQ(ValueOf(*score, "acc_norm"), 1.0 / 3);
  // -4/3 beats -9/6 only by bytes.
  EXPECT_DOUBLE_EQ(ValueOf(*score, "acc_bytes"), 2.0 / 3);
}

TEST(ChoiceMetricsTest, AnyGoldOfAListCounts) {
  PreparedTask task = ChoiceTask({"acc", "exact_match"});
  AddDocument(task, {"a", "b", "c"}, {0, 2});
  std::vector<Response> responses = Responses({-3, -2, -1});
  responses[0].is_greedy = true;
  const auto score = Score(task, responses);
  ASSERT_TRUE(score.ok());
  EXPECT_EQ(ValueOf(*score, "acc"), 1);
  EXPECT_EQ(ValueOf(*score, "exact_match"), 1);
}

TEST(ChoiceMetricsTest, UnknownGoldScoresZero) {
  PreparedTask task = ChoiceTask({"acc", "acc_norm", "exact_match"});
  AddDocument(task, {"a", "b"}, {-100});
  std::vector<Response> responses = Responses({-3, -2});
  responses[1].is_greedy = true;
  const auto score = Score(task, responses);
  ASSERT_TRUE(score.ok());
  for (const char* metric : {"acc", "acc_norm", "exact_match"}) {
    EXPECT_EQ(ValueOf(*score, metric), 0) << metric;
  }
}

TEST(ChoiceMetricsTest, MetricsComeInTheHarnessesOrder) {
  PreparedTask task = ChoiceTask({"exact_match", "acc_norm", "f1", "acc"});
  AddDocument(task, {"a", "b"}, {1});
  const auto score = Score(task, Responses({-3, -2}));
  ASSERT_TRUE(score.ok());
  std::vector<std::string> names;
  for (const auto& [name, value] : score->per_document[0].metrics) names.push_back(name);
  EXPECT_THAT(names, testing::ElementsAre("acc", "f1", "acc_norm", "exact_match"));
  EXPECT_EQ(score->per_document[0].metrics[0].second.dump(), "1.0");
  EXPECT_EQ(score->per_document[0].metrics[1].second.dump(), "[1,1]");
  EXPECT_EQ(score->per_document[0].metrics[3].second.dump(), "0");
}

TEST(ChoiceMetricsTest, OldProfileReportsAccAndAccNormUnasked) {
  PreparedTask task = ChoiceTask({"acc"}, Profile::kLeaderboardV1);
  AddDocument(task, {"a", "bbbb"}, {1});
  const auto score = Score(task, Responses({-2, -3}));
  ASSERT_TRUE(score.ok());
  EXPECT_EQ(ValueOf(*score, "acc"), 0);
  EXPECT_EQ(ValueOf(*score, "acc_norm"), 1);
}

TEST(F1Test, MacroAveragesOverTheClassesOfEitherSide) {
  const std::vector<std::pair<int64_t, int64_t>> pairs = {{0, 0}, {1, 1}, {1, 0}, {0, 0},
                                                          {2, 1}, {2, 2}, {1, 2}, {3, 0}};
  EXPECT_DOUBLE_EQ(MacroF1(pairs), 0.39166666666666666);
}

TEST(F1Test, BinaryCountsClassOne) {
  const std::vector<std::pair<int64_t, int64_t>> pairs = {{0, 0}, {1, 1}, {1, 0}, {0, 0}, {1, 1},
                                                          {0, 1}, {1, 1}, {1, 0}, {0, 1}};
  EXPECT_DOUBLE_EQ(BinaryF1(pairs), 0.6);
}

TEST(F1Test, BinaryHasABootstrapError) {
  PreparedTask task = ChoiceTask({"f1"});
  task.config.metrics[0].aggregation = "f1";
  std::vector<double> values;
  const std::vector<std::pair<int64_t, int64_t>> pairs = {{0, 0}, {1, 1}, {1, 0}, {0, 0}, {1, 1},
                                                          {0, 1}, {1, 1}, {1, 0}, {0, 1}};
  for (const auto& [gold, predicted] : pairs) {
    AddDocument(task, {"a", "b"}, {gold});
    values.insert(values.end(), {predicted == 0 ? -1.0 : -2.0, -1.5});
  }
  const auto score = Score(task, Responses(values));
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_DOUBLE_EQ(score->metrics[0].value, 0.6);
  EXPECT_NEAR(*score->metrics[0].stderr_value, 0.19671282118995026, 1e-13);
}

TEST(F1Test, BinaryRefusesAThirdClass) {
  PreparedTask task = ChoiceTask({"f1"});
  task.config.metrics[0].aggregation = "f1";
  AddDocument(task, {"a", "b", "c"}, {2});
  EXPECT_THAT(Score(task, Responses({-1, -2, -3})).status().message(), HasSubstr("macro_f1"));
}

TEST(F1Test, GoldListIsRefused) {
  PreparedTask task = ChoiceTask({"f1"});
  AddDocument(task, {"a", "b"}, {0, 1});
  EXPECT_THAT(Score(task, Responses({-1, -2})).status().message(), HasSubstr("document 0"));
}

TEST(F1Test, MacroHasNoError) {
  PreparedTask task = ChoiceTask({"f1"});
  AddDocument(task, {"a", "b"}, {0});
  AddDocument(task, {"a", "b"}, {1});
  const auto score = Score(task, Responses({-1, -2, -1, -2}));
  ASSERT_TRUE(score.ok());
  EXPECT_FALSE(score->metrics[0].stderr_value);
}

const std::vector<double> kTenValues = {-3.25, -1.5,  -2.0, -0.75, -4.0,
                                        -2.5,  -1.25, -3.0, -2.25, -1.0};

TEST(Mc2Test, NewProfileTakesTheLabelsWhereverTheyStand) {
  const std::vector<int64_t> labels = {1, 1, 1, 0, 0, 1, 0, 0, 0, 0};
  EXPECT_NEAR(Mc2(Profile::kLmEval04, kTenValues, labels), 0.2693474626425888, 1e-15);
}

TEST(Mc2Test, OldProfileSplitsAtTheFirstFalseLabel) {
  const std::vector<int64_t> labels = {1, 1, 1, 0, 0, 1, 0, 0, 0, 0};
  EXPECT_NEAR(Mc2(Profile::kLeaderboardV1, kTenValues, labels), 0.22322134309560307, 1e-15);
}

TEST(Mc2Test, UnderflowOfEveryChoiceIsNoNumber) {
  const std::vector<double> values = {-800, -900};
  const std::vector<int64_t> labels = {1, 0};
  EXPECT_TRUE(std::isnan(Mc2(Profile::kLmEval04, values, labels)));
  EXPECT_TRUE(std::isnan(Mc2(Profile::kLeaderboardV1, values, labels)));
}

PreparedTask TruthfulTask(Profile profile, const std::vector<std::string>& metrics) {
  PreparedTask task = ChoiceTask(metrics, profile);
  task.config.process_results = "mc2";
  return task;
}

TEST(Mc2Test, BothChoiceListsOfOneDocumentAreTakenApart) {
  PreparedTask task = TruthfulTask(Profile::kLeaderboardV1, {"mc1", "mc2"});
  AddDocument(
      task, {"a", "b", "c", "d", "e"}, {0},
      Json{{"mc1_targets", {{"labels", {1, 0}}}}, {"mc2_targets", {{"labels", {1, 1, 0}}}}});
  const auto score = Score(task, Responses({-1, -2, std::log(0.2), std::log(0.3), std::log(0.5)}));
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_EQ(ValueOf(*score, "mc1"), 1);
  EXPECT_NEAR(ValueOf(*score, "mc2"), 0.5, 1e-15);
}

TEST(Mc2Test, AccIsTheNewHarnessesNameForIt) {
  PreparedTask task = TruthfulTask(Profile::kLmEval04, {"acc"});
  AddDocument(task, {"a", "b"}, {0}, Json{{"mc2_targets", {{"labels", {0, 1}}}}});
  const auto score = Score(task, Responses({std::log(0.25), std::log(0.75)}));
  ASSERT_TRUE(score.ok());
  EXPECT_NEAR(ValueOf(*score, "acc"), 0.75, 1e-15);
}

TEST(Mc2Test, BadLabelsAreNamedByPlace) {
  PreparedTask task = TruthfulTask(Profile::kLmEval04, {"mc2"});
  AddDocument(task, {"a", "b"}, {0}, Json{{"mc2_targets", {{"labels", {2, 1}}}}});
  const Status status = Score(task, Responses({-1, -2})).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("task toy, document 0, mc2_targets.labels"));
}

TEST(Mc2Test, OldProfileNeedsAFalseLabel) {
  PreparedTask task = TruthfulTask(Profile::kLeaderboardV1, {"mc2"});
  AddDocument(task, {"a", "b"}, {0}, Json{{"mc2_targets", {{"labels", {1, 1}}}}});
  EXPECT_THAT(Score(task, Responses({-1, -2})).status().message(), HasSubstr("no label 0"));
}

TEST(LoglikelihoodTest, PerplexityAndGreedyAccuracy) {
  PreparedTask task = ChoiceTask({});
  task.config.output_type = OutputType::kLoglikelihood;
  task.config.metrics = {{"perplexity", "perplexity", false}, {"acc", "mean", true}};
  for (int i = 0; i < 5; ++i) {
    AddDocument(task, {"x"}, {});
    task.documents.back().choices.clear();
  }
  std::vector<Response> responses = Responses({-1, -1.5, -2, -2.5, -3});
  responses[2].is_greedy = true;
  const auto score = Score(task, responses);
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_DOUBLE_EQ(ValueOf(*score, "perplexity"), 7.38905609893065);
  EXPECT_NEAR(*score->metrics[0].stderr_value, 2.50882066599906, 1e-13);
  EXPECT_FALSE(score->metrics[0].higher_is_better);
  EXPECT_DOUBLE_EQ(ValueOf(*score, "acc"), 0.2);
  EXPECT_EQ(score->per_document[2].metrics[1].second.dump(), "1");
}

TEST(ScoreTest, CountsMustMatch) {
  PreparedTask task = ChoiceTask({"acc"});
  AddDocument(task, {"a", "b"}, {0});
  EXPECT_THAT(Score(task, Responses({-1})).status().message(),
              HasSubstr("2 requests have 1 responses"));
}

TEST(ScoreTest, NanIsRefused) {
  PreparedTask task = ChoiceTask({"acc"});
  AddDocument(task, {"a", "b"}, {0});
  EXPECT_THAT(Score(task, Responses({-1, kNan})).status().message(), HasSubstr("request 1 is NaN"));
}

TEST(ScoreTest, TaskWithoutDocumentsIsRefused) {
  EXPECT_EQ(Score(ChoiceTask({"acc"}), {}).status().code(), Code::kInvalidArgument);
}

TEST(ScoreTest, OneDocumentHasNoError) {
  PreparedTask task = ChoiceTask({"acc"});
  AddDocument(task, {"a", "b"}, {0});
  const auto score = Score(task, Responses({-1, -2}));
  ASSERT_TRUE(score.ok());
  EXPECT_FALSE(score->metrics[0].stderr_value);
}

TEST(ChoiceMetricsTest, MutualInformationTakesTheChoicesAloneOff) {
  PreparedTask task = ChoiceTask({"acc", "acc_mutual_info"});
  AddDocument(task, {"a", "b"}, {1});
  AddDocument(task, {"a", "b"}, {1});
  // Every document also asks for its choices without a context.
  task.requests.resize(8);
  task.documents[0].request_count = task.documents[1].request_count = 4;
  task.documents[1].first_request = 4;
  const auto score = Score(task, Responses({-1, -2, -1, -5, -1, -2, -1, -2}));
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_EQ(ValueOf(*score, "acc"), 0);
  EXPECT_EQ(ValueOf(*score, "acc_mutual_info"), 0.5);
}

// sklearn.metrics.matthews_corrcoef; numpy for brier_score.
TEST(ChoiceMetricsTest, CorrelationAndBrierScoreAreThoseOfSklearnAndNumpy) {
  const std::vector<std::pair<int64_t, int64_t>> pairs = {{0, 0}, {1, 2}, {2, 2}, {1, 1},
                                                          {0, 1}, {2, 2}, {2, 0}, {1, 1}};
  EXPECT_DOUBLE_EQ(MatthewsCorrelation(pairs), 0.42857142857142855);
  EXPECT_EQ(MatthewsCorrelation(std::vector<std::pair<int64_t, int64_t>>{{0, 1}, {1, 1}}), 0);
  PreparedTask task = ChoiceTask({"brier_score"});
  task.config.metrics[0].aggregation = "";
  AddDocument(task, {"a", "b", "c"}, {2});
  AddDocument(task, {"a", "b", "c"}, {0});
  auto score = Score(task, Responses({-1.0, -2.5, -0.3, -4.0, -0.25, -3.0}));
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_DOUBLE_EQ(ValueOf(*score, "brier_score"), 1.0246462226293453);
  EXPECT_FALSE(score->metrics[0].stderr_value);
  AddDocument(task, {"a", "b"}, {0});
  EXPECT_THAT(Score(task, Responses({-1, -2, -3, -1, -2, -3, -1, -2})).status().message(),
              HasSubstr("equally many choices"));
}

// The error: 100,000 resamples with CPython's random and sorted().
TEST(AggregationTest, MedianHasABootstrapError) {
  PreparedTask task = ChoiceTask({"mc2"});
  task.config.process_results = "process_results_mc2";
  const MetricConfig median{"mc2", "median", true};
  std::vector<DocumentMetric> values;
  for (const double value : {1.0, 0.0, 3.0, 2.0, 5.0}) {
    values.push_back({.metric = "mc2", .logged = value, .value = value});
  }
  auto scored = AggregateMetric(task.config, Profile::kLmEval04, median, values);
  ASSERT_TRUE(scored.ok());
  EXPECT_EQ(scored->value, 2);
  EXPECT_NEAR(*scored->stderr_value, 1.1327649906161403, 1e-12);
  values[0].value = kNan;
  scored = AggregateMetric(task.config, Profile::kLmEval04, {"mc2", "nanmean", true}, values);
  EXPECT_EQ(scored->value, 2.5);
}

TEST(RollingMetricsTest, LikelihoodsAreWeightedByWordsAndBytes) {
  PreparedTask task;
  task.config.task = "toy";
  task.config.output_type = OutputType::kLoglikelihoodRolling;
  task.config.metrics = DefaultMetrics(task.config.output_type);
  std::vector<Response> responses;
  // Words as re.split(r"\s+") counts them: 2, and 4 with the empty ones at both ends.
  for (const std::string text : {"a 가", " b\u3000\n c "}) {
    Document document;
    document.target = text;
    document.first_request = static_cast<int32_t>(task.requests.size());
    document.request_count = 1;
    task.requests.push_back({document.first_request, 0, "", text});
    task.documents.push_back(document);
  }
  responses = Responses({-10, -20});
  const auto score = Score(task, responses);
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_EQ(score->per_document[1].metrics[0].second.dump(), "[-20.0,4]");
  EXPECT_EQ(score->per_document[1].metrics[1].second.dump(), "[-20.0,9]");
  EXPECT_DOUBLE_EQ(ValueOf(*score, "word_perplexity"), std::exp(30.0 / 6));
  EXPECT_DOUBLE_EQ(ValueOf(*score, "byte_perplexity"), std::exp(30.0 / 14));
  EXPECT_DOUBLE_EQ(ValueOf(*score, "bits_per_byte"), 30.0 / 14 / std::log(2.0));
  for (const MetricValue& metric : score->metrics) {
    EXPECT_FALSE(metric.stderr_value) << metric.metric;
    EXPECT_FALSE(metric.higher_is_better) << metric.metric;
  }
}

TEST(CheckMetricsTest, UnknownNamesAreErrorsWithTheKnownOnes) {
  EXPECT_THAT(CheckMetrics(ChoiceTask({"guess"}).config).message(),
              HasSubstr("unknown metric \"guess\"; known here: acc, f1"));
  PreparedTask task = ChoiceTask({"acc"});
  task.config.metrics[0].aggregation = "sum";
  EXPECT_THAT(CheckMetrics(task.config).message(), HasSubstr("use mean"));
  const Status bypass = CheckMetrics(ChoiceTask({"bypass"}).config);
  EXPECT_EQ(bypass.code(), Code::kUnimplemented);
  EXPECT_THAT(bypass.message(), HasSubstr("read the texts in the sample log"));
  task = ChoiceTask({"acc"});
  task.config.process_results = "squad";
  EXPECT_EQ(CheckMetrics(task.config).code(), Code::kUnimplemented);
  EXPECT_THAT(CheckMetrics(task.config).message(),
              HasSubstr("\"squad\" is Python of the task, which is never run; built in is mc2"));
  EXPECT_FALSE(CheckMetrics(ChoiceTask({}).config).ok());
}

}  // namespace
}  // namespace koeval::evaluation
