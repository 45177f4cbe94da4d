// Tests of metrics of generated texts and of their sums. Expected f1 and mcc: scikit-learn.
#include "common/evaluation/text_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/evaluation/generation.h"
#include "common/evaluation/sample_line.h"
#include "common/evaluation/score.h"

namespace koeval::evaluation {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

bool Equal(const Json& options, const std::string& predicted, const std::string& wanted) {
  const auto comparison = TextComparison::Make(options);
  EXPECT_TRUE(comparison.ok()) << comparison.status().ToString();
  return *comparison->Equal(predicted, wanted);
}

// A generation task with one document for each (answer, wanted).
struct Texts {
  PreparedTask task;
  std::vector<Response> responses;

  explicit Texts(std::vector<MetricConfig> metrics) {
    task.config.task = "toy";
    task.config.output_type = OutputType::kGenerateUntil;
    task.config.generation_kwargs = *FillGenerationKwargs(nullptr, "\n\n");
    task.config.metrics = std::move(metrics);
    task.request_kind = RequestKind::kGenerate;
  }

  void Add(const std::string& answer, Json wanted) {
    Document document;
    document.doc_id = static_cast<int64_t>(task.documents.size());
    document.doc = Json{{"n", document.doc_id}};
    document.target = wanted;
    document.answer = std::move(wanted);
    document.first_request = static_cast<int32_t>(task.requests.size());
    document.request_count = 1;
    task.requests.push_back({static_cast<int32_t>(document.doc_id), 0, "ask", ""});
    task.documents.push_back(std::move(document));
    Response response;
    response.text = answer;
    responses.push_back(response);
  }

  Result<TaskScore> Run() const { return Score(task, responses); }
};

TEST(TextComparisonTest, OptionsLeaveOutPatternsThenCaseThenPunctuationThenDigits) {
  EXPECT_TRUE(Equal(nullptr, "a", "a"));
  EXPECT_FALSE(Equal(nullptr, "a ", "a"));
  EXPECT_TRUE(Equal({{"ignore_case", true}}, "ÄB", "äb"));
  EXPECT_TRUE(Equal({{"ignore_punctuation", true}}, "a-b.", "ab"));
  EXPECT_FALSE(Equal({{"ignore_punctuation", true}}, "가：", "가"));  // only ASCII marks
  EXPECT_TRUE(Equal({{"ignore_numbers", true}}, "a1", "a2"));
  EXPECT_FALSE(Equal({{"ignore_numbers", true}}, "a٣", "a"));
  const Json gsm8k = {{"ignore_case", true},
                      {"regexes_to_ignore", {",", "\\$", "(?s).*#### ", "\\.$"}}};
  EXPECT_TRUE(Equal(gsm8k, "$1,234.", "so\nit is\n#### 1234"));
  // Patterns see the text before its case is dropped.
  EXPECT_FALSE(Equal({{"ignore_case", true}, {"regexes_to_ignore", {"a"}}}, "A", ""));
}

TEST(TextComparisonTest, UnknownOptionsAndBadPatternsAreErrors) {
  EXPECT_THAT(TextComparison::Make({{"ignore", true}}).status().message(),
              HasSubstr("known are ignore_case"));
  EXPECT_FALSE(TextComparison::Make({{"ignore_case", 1}}).ok());
  EXPECT_THAT(TextComparison::Make({{"regexes_to_ignore", {"("}}}).status().message(),
              HasSubstr("regexes_to_ignore"));
}

TEST(TextScoreTest, EveryFilterHasItsOwnMetricsAndSampleLines) {
  Texts texts({{"exact_match", "mean", true}});
  texts.task.config.repeats = 2;
  texts.task.config.filters = {
      {"strict", {{"regex", {{"regex_pattern", "#(\\d)"}}}, {"take_first", nullptr}}},
      {"all", {{"remove_whitespace", nullptr}}}};
  texts.Add("so #4", "4");
  texts.Add(" 5", "5");
  const auto score = texts.Run();
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  ASSERT_EQ(score->metrics.size(), 2U);
  EXPECT_EQ(score->metrics[0].filter, "strict");
  EXPECT_EQ(score->metrics[0].value, 0.5);
  EXPECT_EQ(score->metrics[1].filter, "all");
  EXPECT_EQ(score->metrics[1].value, 0.5);
  const SampleLog log = MakeSampleLog(texts.task, *score, texts.responses);
  ASSERT_EQ(log.lines.size(), 4U);
  EXPECT_THAT(log.lines[1],
              HasSubstr(R"("arguments": {"gen_args_0": {"arg_0": "ask", "arg_1": {"temperature": )"
                        R"(0.0, "do_sample": false, "max_gen_toks": 256, "until": ["\n\n"]}}}, )"
                        R"("resps": [[" 5", " 5"]], "filtered_resps": ["[invalid]"], )"
                        R"("filter": "strict", "metrics": ["exact_match"])"));
  EXPECT_THAT(log.lines[3], HasSubstr(R"("filtered_resps": [["5", "5"]], "filter": "all")"));
  EXPECT_THAT(log.lines[3], HasSubstr(R"("exact_match": 1.0})"));
}

TEST(TextScoreTest, AnyOfSeveralAnswersWillDoWhereTheFirstRowHasAList) {
  Texts texts({{"exact_match", "", true}});
  texts.task.multiple_targets = true;
  texts.Add("b", Json::array({"a", "b"}));
  texts.Add("c", Json::array({"a", "b"}));
  texts.Add("d", "d");
  const auto score = texts.Run();
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_DOUBLE_EQ(score->metrics[0].value, 2.0 / 3);
}

TEST(TextScoreTest, LabelsOfTextHaveMacroF1AndCorrelation) {
  Texts texts({{"f1", "macro_f1", true}, {"mcc", "", true}});
  const std::vector<std::pair<std::string, std::string>> pairs = {
      {"예", "예"},        {"예", "아니오"},     {"예", "예"},  {"모름", "모름"},
      {"[invalid]", "예"}, {"아니오", "아니오"}, {"예", "모름"}};
  for (const auto& [answer, wanted] : pairs) texts.Add(answer, wanted);
  const auto score = texts.Run();
  ASSERT_TRUE(score.ok()) << score.status().ToString();
  EXPECT_DOUBLE_EQ(score->metrics[0].value, 0.47619047619047616);
  EXPECT_FALSE(score->metrics[0].stderr_value);
  EXPECT_DOUBLE_EQ(score->metrics[1].value, 0.3872983346207417);
  EXPECT_TRUE(score->metrics[1].stderr_value.has_value());
  EXPECT_EQ(score->per_document[1].metrics[0].second.dump(), R"(["아니오","예"])");
}

TEST(TextScoreTest, PatternsThatTakeTooLongNameTheTaskAndTheRow) {
  Texts texts({{"exact_match", "", true}});
  texts.task.config.filters = {
      {"slow", {{"regex", {{"regex_pattern", "(a|a)*(a|a)*(a|a)*b"}}}, {"take_first", nullptr}}}};
  texts.Add(std::string(60, 'a') + "cb", "a");
  const auto score = texts.Run();
  EXPECT_EQ(score.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(score.status().message(), HasSubstr("task toy, document 0"));
}

}  // namespace
}  // namespace koeval::evaluation
