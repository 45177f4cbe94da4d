// Patterns and filters against what Python gave: cases/*.json, made by make_python_cases.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "common/base/file.h"
#include "common/evaluation/filter.h"
#include "common/evaluation/python_regex.h"

namespace koeval::evaluation {
namespace {

using testing::HasSubstr;

Json Cases(const std::string& name) {
  const char* root = std::getenv("KOEVAL_SOURCE_DIR");
  const auto text = ReadFile(std::string(root == nullptr ? "." : root) +
                             "/tests/common/evaluation/cases/" + name);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  const auto json = ParseJson(text.ok() ? *text : "[]");
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? *json : Json::array();
}

TEST(PythonRegexTest, MatchesAndReplacementsArePythons) {
  const Json cases = Cases("python_regex.json");
  EXPECT_GE(cases.size(), 500U);
  for (const Json& item : cases) {
    SCOPED_TRACE(item[0].dump() + " on " + item[1].dump());
    const auto regex = PythonRegex::Compile(item[0].get<std::string>());
    ASSERT_TRUE(regex.ok()) << regex.status().ToString();
    const auto found = regex->FindAll(item[1].get<std::string>());
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    EXPECT_EQ(Json(*found), item[2]);
    EXPECT_EQ(*regex->Replace(item[1].get<std::string>(), "<>"), item[3].get<std::string>());
  }
}

TEST(PythonRegexTest, WhatPythonRefusesOrMeansOtherwiseIsRefusedWithThePlace) {
  for (const char* pattern :
       {"a\\",   "(?a)b",   "(?x) a",   "b(?i)a", "\\N{DIGIT ONE}", "\\p{L}",  "\\Qa",
        "\\h",   "a\\K",    "(?<n>a)",  "(?R)",   "(?|a)",          "(*FAIL)", "[a",
        "(a",    "a)",      "*",        "\\12",   "[\\1]",          "[\\w-z]", "[+-\\d]",
        "\\xZ1", "\\ud800", "(?P<1>a)", "a**"}) {
    const auto regex = PythonRegex::Compile(pattern);
    EXPECT_EQ(regex.status().code(), Code::kInvalidArgument) << pattern;
  }
  EXPECT_THAT(PythonRegex::Compile("ab\\p{L}").status().message(), HasSubstr("byte 4"));
}

TEST(PythonRegexTest, AMatchThatNeverEndsIsAnErrorWithoutTheText) {
  const auto regex = PythonRegex::Compile("(a|a)*(a|a)*(a|a)*b");
  ASSERT_TRUE(regex.ok());
  const auto found = regex->FindAll(std::string(60, 'a') + "cb");
  EXPECT_EQ(found.status().code(), Code::kResourceExhausted);
  EXPECT_THAT(found.status().message(), testing::Not(HasSubstr("aaa")));
}

TEST(PythonRegexTest, EscapedTextMatchesItselfAlone) {
  const std::string text = "a.b*(c)[d]{2}^$|\\ #-~/가 \n&";
  const auto regex = PythonRegex::Compile(EscapePythonPattern(text));
  ASSERT_TRUE(regex.ok()) << regex.status().ToString();
  EXPECT_EQ(*regex->Replace("<" + text + ">", ""), "<>");
}

TEST(FilterTest, PipelinesGiveWhatTheHarnessesGive) {
  const Json cases = Cases("filters.json");
  EXPECT_GE(cases.size(), 20U);
  for (const Json& item : cases) {
    SCOPED_TRACE(item.dump());
    FilterConfig config{"x", {}};
    for (const Json& entry : item["steps"]) {
      FilterStep step{entry["function"], Json::object()};
      for (const auto& [key, value] : entry.items()) {
        if (key != "function") step.arguments[key] = value;
      }
      config.steps.push_back(std::move(step));
    }
    const auto pipeline = FilterPipeline::Make(config);
    ASSERT_TRUE(pipeline.ok()) << pipeline.status().ToString();
    const auto value =
        pipeline->Apply(item["answers"].get<std::vector<std::string>>(), item["doc"]);
    ASSERT_TRUE(value.ok()) << value.status().ToString();
    EXPECT_EQ(*value, item["wanted"]);
  }
}

// The harness breaks off in each of these; an evaluation that has run must not.
TEST(FilterTest, AnswersThatBreakTheHarnessStillGetAValue) {
  const auto apply = [](std::vector<FilterStep> steps, const std::string& answer) {
    return *FilterPipeline::Make({"x", std::move(steps)})->Apply({answer}, Json::object());
  };
  const FilterStep first{"take_first", nullptr};
  EXPECT_EQ(apply({{"regex", {{"regex_pattern", "a"}, {"group_select", 3}}}, first}, "a"),
            "[invalid]");
  EXPECT_EQ(apply({first, first}, ""), "");
}

TEST(FilterTest, MultiChoiceNeedsTheChoicesOfTheRow) {
  const auto pipeline = FilterPipeline::Make({"x", {{"multi_choice_regex", nullptr}}});
  ASSERT_TRUE(pipeline.ok());
  EXPECT_THAT(pipeline->Apply({"a"}, Json{{"q", "secret"}}).status().message(),
              testing::AllOf(HasSubstr("\"choices\""), testing::Not(HasSubstr("secret"))));
}

}  // namespace
}  // namespace koeval::evaluation
