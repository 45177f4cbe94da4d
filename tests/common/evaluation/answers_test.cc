// Answers of all kinds in any order, and what is refused.
#include "common/evaluation/answers.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace koeval::evaluation {
namespace {

Json Read(const std::string& text) {
  auto json = ParseJson(text);
  EXPECT_TRUE(json.ok()) << text;
  return json.ok() ? *json : Json();
}

void ExpectPlaced(AnswerSheet& sheet, const std::string& text, size_t request) {
  const auto placed = sheet.Place(Read(text));
  ASSERT_TRUE(placed.ok()) << text << ": " << placed.status().ToString();
  EXPECT_EQ(*placed, request);
}

void ExpectRefused(AnswerSheet& sheet, const std::string& text) {
  EXPECT_EQ(sheet.Place(Read(text)).status().code(), Code::kInvalidArgument) << text;
}

TEST(AnswerSheetTest, LogLikelihoodsLieInRequestOrder) {
  AnswerSheet sheet(RequestKind::kLoglikelihood, 3);
  EXPECT_EQ(sheet.FirstMissing(), 0U);
  ExpectPlaced(sheet, R"([2,"-inf",false])", 2);
  ExpectPlaced(sheet, "[0,-1.5,true]", 0);
  EXPECT_EQ(sheet.FirstMissing(), 1U);
  EXPECT_FALSE(sheet.IsComplete(1));
  ExpectPlaced(sheet, R"([1,"nan",true])", 1);
  EXPECT_EQ(sheet.FirstMissing(), std::nullopt);
  const auto responses = sheet.Responses();
  EXPECT_EQ(responses[0].log_likelihood, -1.5);
  EXPECT_TRUE(responses[0].is_greedy);
  EXPECT_TRUE(std::isnan(responses[1].log_likelihood));
  EXPECT_TRUE(std::isinf(responses[2].log_likelihood));
}

TEST(AnswerSheetTest, TextsAreKeptToTheByte) {
  AnswerSheet sheet(RequestKind::kGenerate, 2);
  ExpectPlaced(sheet, R"([1,"가\n \u0000\"\ufffd"])", 1);
  ExpectPlaced(sheet, R"([0,""])", 0);
  const auto responses = sheet.Responses();
  EXPECT_EQ(responses[0].text, "");
  EXPECT_EQ(responses[1].text, std::string("\xea\xb0\x80\n \0\"\xef\xbf\xbd", 10));
}

// 1e16 + 1 - 1e16 depends on the order: the windows' own one counts, not that of arrival.
TEST(AnswerSheetTest, WindowsAreSummedInTheirOrderHoweverTheyCome) {
  std::vector<std::string> parts = {"[0,0,3,1e16]", "[0,1,3,1]", "[0,2,3,-1e16]"};
  std::sort(parts.begin(), parts.end());
  do {
    AnswerSheet sheet(RequestKind::kLoglikelihoodRolling, 1);
    for (const std::string& part : parts) {
      EXPECT_FALSE(sheet.IsComplete(0));
      ExpectPlaced(sheet, part, 0);
    }
    ASSERT_TRUE(sheet.IsComplete(0));
    EXPECT_EQ(sheet.Responses()[0].log_likelihood, (1e16 + 1) - 1e16);
  } while (std::next_permutation(parts.begin(), parts.end()));
}

TEST(AnswerSheetTest, ATextWithoutWindowsHasTheSumOfNothing) {
  AnswerSheet sheet(RequestKind::kLoglikelihoodRolling, 2);
  ExpectPlaced(sheet, "[1,0,0,0.0]", 1);
  EXPECT_EQ(sheet.FirstMissing(), 0U);
  ExpectPlaced(sheet, "[0,0,1,-2.25]", 0);
  EXPECT_EQ(sheet.Responses()[0].log_likelihood, -2.25);
  EXPECT_EQ(sheet.Responses()[1].log_likelihood, 0);
}

TEST(AnswerSheetTest, OtherShapesAndUnknownRequestsAreRefused) {
  AnswerSheet scores(RequestKind::kLoglikelihood, 1),
      rolling(RequestKind::kLoglikelihoodRolling, 1), texts(RequestKind::kGenerate, 1);
  for (const char* bad : {"{}", "[]", "[0,-1]", "[0,-1,1]", R"([0,"x",true])", "[0.5,-1,true]",
                          "[1,-1,true]", "[-1,-1,true]", "[0,-1,true,0]", R"([0,"text"])"}) {
    ExpectRefused(scores, bad);
  }
  for (const char* bad : {"[0,-1,true]", "[0,0,1]", "[0,1,1,-1]", "[0,-1,2,-1]", "[0,0,-1,-1]",
                          "[0,1,0,-1]", R"([0,0,1,"x"])", "[0,0,99999999999,-1]"}) {
    ExpectRefused(rolling, bad);
  }
  for (const char* bad : {"[0,-1,true]", "[0,1]", "[0,null]", R"([1,"a"])", R"([0,"a",true])"}) {
    ExpectRefused(texts, bad);
  }
}

TEST(AnswerSheetTest, SecondAnswersAreRefused) {
  AnswerSheet texts(RequestKind::kGenerate, 1), rolling(RequestKind::kLoglikelihoodRolling, 2);
  ExpectPlaced(texts, R"([0,"a"])", 0);
  ExpectRefused(texts, R"([0,"a"])");
  ExpectPlaced(rolling, "[0,0,2,-1]", 0);
  ExpectRefused(rolling, "[0,0,2,-1]");
  ExpectRefused(rolling, "[0,1,3,-1]");  // another number of windows
  ExpectRefused(rolling, "[0,0,0,0]");
  ExpectPlaced(rolling, "[0,1,2,-1]", 0);
  ExpectRefused(rolling, "[0,1,2,-1]");
}

}  // namespace
}  // namespace koeval::evaluation
