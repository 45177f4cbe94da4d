// The strict reader and the typed access.
#include "common/base/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

namespace koeval {
namespace {

std::string ErrorOf(std::string_view text, const JsonLimits& limits = {}) {
  const auto parsed = ParseJson(text, limits);
  if (parsed.ok()) return "";
  EXPECT_EQ(parsed.status().code(), Code::kInvalidArgument);
  return parsed.status().message();
}

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(ParseJsonTest, ReadsEveryKindOfValue) {
  const auto parsed = ParseJson(R"( {"a":null,"b":true,"c":-3,"d":18446744073709551615,)"
                                R"("e":1.5e3,"f":"한\n\u0041","g":[],"h":{}} )");
  ASSERT_TRUE(parsed.ok()) << parsed.status().ToString();
  EXPECT_EQ(CompactJson(*parsed), R"({"a":null,"b":true,"c":-3,"d":18446744073709551615,)"
                                  R"("e":1500.0,"f":"한\nA","g":[],"h":{}})");
  for (const char* text : {"1", "\"x\"", "null", "[]", "[[1],[2]]"}) {
    EXPECT_EQ(CompactJson(ParseJson(text).value()), text);
  }
}

TEST(ParseJsonTest, KeepsTheOrderOfKeys) {
  EXPECT_EQ(CompactJson(ParseJson(R"({"z":1,"a":2,"m":3})").value()), R"({"z":1,"a":2,"m":3})");
}

TEST(ParseJsonTest, RefusesDuplicateKeysAtEveryDepth) {
  EXPECT_TRUE(Contains(ErrorOf(R"({"a":1,"a":1})"), "duplicate key \"a\""));
  EXPECT_TRUE(Contains(ErrorOf(R"([{"x":{"b":1,"c":2,"b":3}}])"), "duplicate key \"b\""));
  EXPECT_TRUE(Contains(ErrorOf(R"({"a":1,"\u0061":2})"), "duplicate key \"a\""));
  EXPECT_EQ(ErrorOf(R"({"a":{"a":1},"b":{"a":1}})"), "");
}

TEST(ParseJsonTest, RefusesWhatIsNoJson) {
  for (const char* text :
       {"",      " ",    "{",        "[1,]",        "{\"a\":1,}", "{'a':1}",
        "nan",   "NaN",  "Infinity", "01",          "+1",         "1.",
        ".5",    "0x10", "tru",      "\"\t\"",      "\"\\x\"",    "\"open",
        "[1] 2", "{}{}", "// c\n1",  "\"\\ud800\"", "1e999",      "\xef\xbb\xbf"}) {
    EXPECT_NE(ErrorOf(text), "") << text;
  }
}

TEST(ParseJsonTest, RefusesInvalidUtf8) {
  for (const char* text : {"\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xe2\x82\"",
                           "\"\xf4\x90\x80\x80\"", "{\"\x80\":1}"}) {
    EXPECT_NE(ErrorOf(text), "");
  }
}

TEST(ParseJsonTest, SyntaxErrorsNameTheByte) {
  EXPECT_TRUE(Contains(ErrorOf("[1, 2, x]"), "at byte 8"));
}

TEST(ParseJsonTest, DepthAndSizeAreBounded) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(ErrorOf(nested(64)), "");
  EXPECT_TRUE(Contains(ErrorOf(nested(65)), "64 levels"));
  EXPECT_TRUE(Contains(ErrorOf(std::string(10'000'000, '[')), "64 levels"));
  EXPECT_TRUE(Contains(ErrorOf("[1,2]", {.depth_max = 64, .bytes_max = 4}), "limit of 4"));
  EXPECT_EQ(ErrorOf("[1,2]", {.depth_max = 1, .bytes_max = 5}), "");
}

// Ten times the keys may not take a hundred times the time; seen as finishing at all.
TEST(ParseJsonTest, ManyKeysAreRead) {
  std::string text = "{";
  constexpr int kKeys = 200'000;
  for (int i = 0; i < kKeys; ++i) text += "\"key" + std::to_string(i) + "\":0,";
  text.back() = '}';
  const auto parsed = ParseJson(text);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(parsed->size(), static_cast<size_t>(kKeys));
}

class FieldsTest : public testing::Test {
 protected:
  const Json object_ =
      ParseJson(R"({"i":-7,"u":9223372036854775808,"d":0.5,"b":true,"s":"x","n":null})").value();
};

TEST_F(FieldsTest, RightTypesAreGiven) {
  EXPECT_EQ(*JsonInt(object_, "i", "w"), -7);
  EXPECT_EQ(*JsonDouble(object_, "d", "w"), 0.5);
  EXPECT_EQ(*JsonDouble(object_, "i", "w"), -7.0);
  EXPECT_TRUE(*JsonBool(object_, "b", "w"));
  EXPECT_EQ(*JsonString(object_, "s", "w"), "x");
}

TEST_F(FieldsTest, WrongTypesNamePlaceFieldAndWhatIsThere) {
  const auto error = JsonInt(object_, "s", "frame 'run'").status();
  EXPECT_EQ(error.code(), Code::kInvalidArgument);
  EXPECT_EQ(error.message(), "frame 'run': field \"s\" must be a whole number, found string");
  EXPECT_FALSE(JsonInt(object_, "d", "w").ok());
  EXPECT_FALSE(JsonInt(object_, "u", "w").ok());
  EXPECT_FALSE(JsonDouble(object_, "s", "w").ok());
  EXPECT_FALSE(JsonBool(object_, "i", "w").ok());
  EXPECT_FALSE(JsonString(object_, "b", "w").ok());
}

TEST_F(FieldsTest, MissingAndNullAreNothing) {
  EXPECT_EQ(JsonFind(object_, "none"), nullptr);
  EXPECT_EQ(JsonFind(object_, "n"), nullptr);
  EXPECT_EQ(JsonFind(Json::array({1}), "i"), nullptr);
  EXPECT_TRUE(Contains(JsonString(object_, "n", "w").status().message(), "found nothing"));
  EXPECT_TRUE(Contains(JsonInt(Json(3), "i", "w").status().message(), "found nothing"));
}

TEST(CompactJsonTest, DoublesReadBackTheSame) {
  for (const double value : {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.125}) {
    const Json back = ParseJson(CompactJson(Json(value))).value();
    EXPECT_EQ(back.get<double>(), value);
    EXPECT_EQ(std::signbit(back.get<double>()), std::signbit(value));
  }
}

}  // namespace
}  // namespace koeval
