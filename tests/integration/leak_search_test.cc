// The search for leaks finds what it looks for: without this, the leak test could not fail.
#include "tests/integration/leak_search.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/common/temp_folder.h"

namespace koeval::integration {
namespace {

constexpr const char* kSentence = "비밀 sentence-4711 🙂";

std::vector<std::string> FormsIn(const std::string& bytes) {
  std::vector<std::string> forms;
  for (const Leak& leak : LeakSearch({kSentence}).InBytes(bytes, "here")) {
    EXPECT_EQ(leak.sentence, kSentence);
    forms.push_back(leak.form);
  }
  return forms;
}

using Forms = std::vector<std::string>;

TEST(LeakSearchTest, ASentenceIsFoundInEveryForm) {
  EXPECT_EQ(FormsIn(std::string("before") + kSentence + "after"), Forms{"utf-8"});
  EXPECT_EQ(FormsIn("{\"a\":\"\\ube44\\ubc00 sentence-4711 \\ud83d\\ude42\"}"), Forms{"json"});
  EXPECT_EQ(FormsIn("\\uBE44\\uBC00 sentence-4711 \\uD83D\\uDE42"), Forms{"json"});
  EXPECT_EQ(FormsIn("\\ube44\\ubc00\\u0020\\u0073\\u0065\\u006e\\u0074\\u0065\\u006e\\u0063\\u0065"
                    "\\u002d\\u0034\\u0037\\u0031\\u0031\\u0020\\ud83d\\ude42"),
            Forms{"json"});
  EXPECT_EQ(FormsIn("q=%EB%B9%84%EB%B0%80%20sentence%2D4711%20%F0%9F%99%82&r"), Forms{"percent"});
  EXPECT_EQ(FormsIn("X'EBB984EBB0802073656E74656E63652D3437313120F09F9982'"), Forms{"hexadecimal"});
  const std::string le(
      "\x44\xbe\x00\xbc\x20\x00s\0e\0n\0t\0e\0n\0c\0e\0-\0"
      "4\0"
      "7\0"
      "1\0"
      "1\0 \0\x3d\xd8\x42\xde",
      38);
  EXPECT_EQ(FormsIn("x" + le + "y"), Forms{"utf-16le"});
  std::string be = le;
  for (size_t i = 0; i + 1 < be.size(); i += 2) std::swap(be[i], be[i + 1]);
  EXPECT_EQ(FormsIn(be), Forms{"utf-16be"});
}

TEST(LeakSearchTest, ASentenceIsFoundInBase64OfEveryAlignment) {
  EXPECT_EQ(Base64("light wor"), "bGlnaHQgd29y");
  EXPECT_EQ(Base64("light wo"), "bGlnaHQgd28=");
  EXPECT_EQ(Base64("light w"), "bGlnaHQgdw==");
  for (const char* before : {"", "a", "ab", "abc", "abcd"}) {
    for (const char* after : {"", "z", "zy", "zyx"}) {
      EXPECT_EQ(FormsIn("data:" + Base64(before + std::string(kSentence) + after)), Forms{"base64"})
          << before << "|" << after;
    }
  }
}

TEST(LeakSearchTest, OtherTextsAreNoLeak) {
  EXPECT_EQ(FormsIn("비밀 sentence-4712 🙂"), Forms{});
  EXPECT_EQ(FormsIn(""), Forms{});
  EXPECT_EQ(FormsIn(Base64("비밀 sentence-4712 🙂")), Forms{});
}

TEST(LeakSearchTest, FoldersAreSearchedWithNamesAndHiddenFiles) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.File("a/.hidden"));
  std::ofstream(folder.File("a/.hidden/core")) << std::string(5'000'000, '\0') << kSentence;
  std::ofstream(folder.File("a/clean")) << "nothing";
  std::ofstream(folder.File("a/") + kSentence) << "nothing";
  const auto leaks = LeakSearch({kSentence, "another sentence"}).InPath(folder.path());
  ASSERT_EQ(leaks.size(), 2U);
  EXPECT_NE(leaks[0].where, leaks[1].where);
}

}  // namespace
}  // namespace koeval::integration
