// Python's json.dumps and repr, byte for byte. The expected texts were written by CPython.
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "common/base/json.h"

namespace koeval {
namespace {

TEST(PythonFloatTest, WritesAsRepr) {
  const std::vector<std::pair<double, std::string>> cases = {
      {0.0, "0.0"},
      {-0.0, "-0.0"},
      {1.0, "1.0"},
      {-1.5, "-1.5"},
      {0.1, "0.1"},
      {0.3333333333333333, "0.3333333333333333"},
      {1000000000000000.0, "1000000000000000.0"},
      {9999999999999998.0, "9999999999999998.0"},
      {1e+16, "1e+16"},
      {1.5e+16, "1.5e+16"},
      {1.2345678901234568e+17, "1.2345678901234568e+17"},
      {1e+22, "1e+22"},
      {1e+23, "1e+23"},
      {0.0001, "0.0001"},
      {0.00012345, "0.00012345"},
      {1e-05, "1e-05"},
      {1.5e-05, "1.5e-05"},
      {5e-324, "5e-324"},
      {2.2250738585072014e-308, "2.2250738585072014e-308"},
      {1.7976931348623157e+308, "1.7976931348623157e+308"},
      {100.0, "100.0"},
      {1234.5678, "1234.5678"},
      {1e+100, "1e+100"},
      {-2.5e-07, "-2.5e-07"},
      {4503599627370498.0, "4503599627370498.0"},
      {0.30000000000000004, "0.30000000000000004"},
      {100000.0, "100000.0"},
  };
  for (const auto& [value, text] : cases) EXPECT_EQ(PythonFloat(value), text);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(PythonFloat(infinity), "inf");
  EXPECT_EQ(PythonFloat(-infinity), "-inf");
  EXPECT_EQ(PythonFloat(std::numeric_limits<double>::quiet_NaN()), "nan");
}

class PythonJsonTest : public testing::Test {
 protected:
  // Every escape, two planes of Unicode, empty containers, keys out of order.
  const Json value_ =
      ParseJson(R"json({"b": [1, 2.0, true, null, "x"], "a": {"\ud55c\uad6d": "\uae)json"
                R"json(00\"\\\n\t\u0001\u007f/\u00e9\ud83d\ude00"}, "e": [], "o": {)json"
                R"json(}})json")
          .value();
};

TEST_F(PythonJsonTest, DefaultIsOneLineOfAscii) {
  EXPECT_EQ(PythonJsonDumps(value_),
            R"json({"b": [1, 2.0, true, null, "x"], "a": {"\ud55c\uad6d": "\uae)json"
            R"json(00\"\\\n\t\u0001\u007f/\u00e9\ud83d\ude00"}, "e": [], "o": {)json"
            R"json(}})json");
}

TEST_F(PythonJsonTest, UnicodeStaysWhereAskedFor) {
  EXPECT_EQ(PythonJsonDumps(value_, {false, false, -1}),
            R"json({"b": [1, 2.0, true, null, "x"], "a": {"한국": "글\"\\\n\t\u000)json"
            R"json(1/é😀"}, "e": [], "o": {}})json");
}

TEST_F(PythonJsonTest, KeysAreSortedAndIndented) {
  EXPECT_EQ(PythonJsonDumps(value_, {true, true, 2}), R"json({
  "a": {
    "\ud55c\uad6d": "\uae00\"\\\n\t\u0001\u007f/\u00e9\ud83d\ude00"
  },
  "b": [
    1,
    2.0,
    true,
    null,
    "x"
  ],
  "e": [],
  "o": {}
})json");
}

TEST_F(PythonJsonTest, IndentOfZeroBreaksLines) {
  EXPECT_EQ(PythonJsonDumps(value_, {true, false, 0}), R"json({
"b": [
1,
2.0,
true,
null,
"x"
],
"a": {
"\ud55c\uad6d": "\uae00\"\\\n\t\u0001\u007f/\u00e9\ud83d\ude00"
},
"e": [],
"o": {}
})json");
}

TEST(PythonJsonSortTest, CodePointsOrderKeys) {
  // In UTF-16 the second key would come first.
  const Json value = ParseJson("{\"\U0001F600\":1,\"\uFF61\":2,\"b\":3,\"B\":4,\"\":5}").value();
  EXPECT_EQ(PythonJsonDumps(value, {true, true, -1}),
            R"json({"": 5, "B": 4, "b": 3, "\uff61": 2, "\ud83d\ude00": 1})json");
}

TEST(PythonJsonNumberTest, NumbersKeepTheirKind) {
  EXPECT_EQ(
      PythonJsonDumps(ParseJson("[1,1.0,-0.0,18446744073709551615,-9223372036854775808]").value()),
      "[1, 1.0, -0.0, 18446744073709551615, -9223372036854775808]");
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(
      PythonJsonDumps(Json::array({std::numeric_limits<double>::quiet_NaN(), infinity, -infinity})),
      "[NaN, Infinity, -Infinity]");
}

}  // namespace
}  // namespace koeval
