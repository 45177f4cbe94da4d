// UTF-8 and Python's white space.
#include "common/base/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace koeval {
namespace {

TEST(Utf8Test, EveryCodePointReadsBack) {
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text;
    AppendUtf8(text, c);
    ASSERT_EQ(text.size(), c < 0x80 ? 1u : c < 0x800 ? 2u : c < 0x10000 ? 3u : 4u);
    size_t at = 0;
    ASSERT_EQ(DecodeUtf8(text, at), c);
    ASSERT_EQ(at, text.size());
    ASSERT_TRUE(IsValidUtf8(text));
  }
}

TEST(Utf8Test, WhatIsNoCodePointIsReplaced) {
  for (const char32_t c : {0xd800u, 0xdfffu, 0x110000u, 0xffffffffu}) {
    std::string text;
    AppendUtf8(text, static_cast<char32_t>(c));
    EXPECT_EQ(text, "\xef\xbf\xbd");
  }
}

TEST(Utf8Test, MalformedBytesAreInvalidAndReadOneByOne) {
  const std::vector<std::string> malformed = {
      "\x80",              // continuation alone
      "\xc0\x80",          // overlong
      "\xc1\xbf",          // overlong
      "\xe0\x80\x80",      // overlong
      "\xe0\x9f\xbf",      // overlong
      "\xf0\x8f\xbf\xbf",  // overlong
      "\xed\xa0\x80",      // surrogate
      "\xed\xbf\xbf",      // surrogate
      "\xf4\x90\x80\x80",  // above U+10FFFF
      "\xf5\x80\x80\x80",
      "\xff",
      "\xfe",
      "\xc2",  // cut short
      "\xe2\x82",
      "\xf0\x9f\x98",
      "\xe2\x28\xa1",  // wrong continuation
  };
  for (const std::string& text : malformed) {
    EXPECT_FALSE(IsValidUtf8(text));
    size_t at = 0;
    EXPECT_EQ(DecodeUtf8(text, at), char32_t{0xfffd});
    EXPECT_EQ(at, 1u);
    // The bytes around stay what they are.
    EXPECT_FALSE(IsValidUtf8("a" + text + "b"));
    const std::u32string decoded = ToUtf32("a" + text + "b");
    EXPECT_EQ(decoded.front(), U'a');
    EXPECT_EQ(decoded.back(), U'b');
  }
  EXPECT_TRUE(IsValidUtf8(""));
  EXPECT_TRUE(IsValidUtf8(std::string("a\0b", 3)));
}

TEST(Utf8Test, LengthIsCountedInCodePoints) {
  EXPECT_EQ(CountCodePoints(""), 0u);
  EXPECT_EQ(CountCodePoints("abc"), 3u);
  EXPECT_EQ(CountCodePoints("한국어 😀"), 5u);
  EXPECT_EQ(ToUtf8(ToUtf32("한국어 😀")), "한국어 😀");
}

// The code points for which CPython's str.isspace() is true, as ranges.
TEST(PythonSpaceTest, ExactlyTheCodePointsOfPython) {
  const std::vector<std::pair<char32_t, char32_t>> ranges = {
      {0x9, 0xd},       {0x1c, 0x20},     {0x85, 0x85},     {0xa0, 0xa0},     {0x1680, 0x1680},
      {0x2000, 0x200a}, {0x2028, 0x2029}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
  size_t at = 0;
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    while (at < ranges.size() && c > ranges[at].second) ++at;
    const bool expected = at < ranges.size() && c >= ranges[at].first;
    ASSERT_EQ(IsPythonSpace(c), expected) << static_cast<uint32_t>(c);
  }
}

TEST(PythonStripTest, StripsAsPythonDoes) {
  EXPECT_EQ(PythonStrip("  a b \n"), "a b");
  EXPECT_EQ(PythonRstrip("  a b \n"), "  a b");
  EXPECT_EQ(PythonLstrip("  a b \n"), "a b \n");
  EXPECT_EQ(PythonStrip("\xe3\x80\x80한국\xc2\xa0\x1f"), "한국");
  EXPECT_EQ(PythonStrip("\xe2\x80\x8b x"), "\xe2\x80\x8b x");  // zero width space stays
  EXPECT_EQ(PythonStrip(""), "");
  EXPECT_EQ(PythonStrip(" \t\xe2\x80\xa8"), "");
}

TEST(PythonStripTest, MalformedBytesAreNotStripped) {
  EXPECT_EQ(PythonRstrip("a \x80"), "a \x80");
  EXPECT_EQ(PythonRstrip("a\xa0"), "a\xa0");
  EXPECT_EQ(PythonStrip("\x80 \x80"), "\x80 \x80");
}

TEST(Utf8Prefix, EndsWithAWholeCodePoint) {
  EXPECT_EQ(Utf8Prefix("abc", 3), "abc");
  EXPECT_EQ(Utf8Prefix("abc", 2), "ab");
  EXPECT_EQ(Utf8Prefix("가나", 6), "가나");
  EXPECT_EQ(Utf8Prefix("가나", 5), "가");
  EXPECT_EQ(Utf8Prefix("가나", 3), "가");
  EXPECT_EQ(Utf8Prefix("가나", 2), "");
  EXPECT_EQ(Utf8Prefix("x😀", 4), "x");
  EXPECT_EQ(Utf8Prefix("", 0), "");
}

}  // namespace
}  // namespace koeval
