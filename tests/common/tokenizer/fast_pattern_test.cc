// The hand-written matchers against Oniguruma, on thousands of seeded strings.
#include "common/tokenizer/fast_pattern.h"

#include <gtest/gtest.h>

#include <random>

#include "common/base/json.h"
#include "common/base/utf8.h"
#include "common/tokenizer/regex.h"
#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {
namespace {

constexpr uint32_t kSeed = 20240607;
constexpr int kStrings = 20'000;

using Matches = std::vector<std::pair<size_t, size_t>>;

Matches FastMatches(MatchEnd match_end, std::string_view text) {
  Matches out;
  for (size_t at = 0; at < text.size();) {
    const size_t end = match_end(text, at);
    out.emplace_back(at, end);
    at = end;
  }
  return out;
}

const std::vector<std::string>& Fragments() {
  static const std::vector<std::string> fragments = {"a",
                                                     "B",
                                                     "z",
                                                     " ",
                                                     "  ",
                                                     "    ",
                                                     "\n",
                                                     "\r",
                                                     "\r\n",
                                                     "\t",
                                                     "\v",
                                                     "\f",
                                                     "0",
                                                     "12",
                                                     "345678",
                                                     "'",
                                                     "''",
                                                     "'s",
                                                     "'S",
                                                     "'t",
                                                     "'T",
                                                     "'re",
                                                     "'Re",
                                                     "'rE",
                                                     "'VE",
                                                     "'m",
                                                     "'LL",
                                                     "'lL",
                                                     "'d",
                                                     "'D",
                                                     "'l",
                                                     "'r",
                                                     "'\u017f",
                                                     "'\u017fs",
                                                     "\u017f",
                                                     "\u212a",
                                                     "'\ufb06",
                                                     "!",
                                                     "?!",
                                                     "...",
                                                     "_",
                                                     "-",
                                                     "<|x|>",
                                                     "$",
                                                     "\u20a9",
                                                     "\u3000",
                                                     "\u00a0",
                                                     "\u0085",
                                                     "\u2003",
                                                     "\u2028",
                                                     "\u202f",
                                                     "\u1680",
                                                     "\u180e",
                                                     "\u200b",
                                                     "\u200d",
                                                     "\ufeff",
                                                     "가",
                                                     "나다",
                                                     "한국어",
                                                     "\u1100",
                                                     "\u1161",
                                                     "\u11a8",
                                                     "\u1112\u1161\u11ab",
                                                     "ㅋㅋ",
                                                     "漢",
                                                     "あ",
                                                     "é",
                                                     "e\u0301",
                                                     "\u0301",
                                                     "\u00aa",
                                                     "\u00b2",
                                                     "\u00bd",
                                                     "\u2163",
                                                     "\u0663",
                                                     "\u0e01\u0e33",
                                                     "\u0939\u093f",
                                                     "\u01c5",
                                                     "\u02b0",
                                                     "😀",
                                                     "👨\u200d👩\u200d👧",
                                                     "👍🏽",
                                                     "🇰🇷",
                                                     "\ufe0f",
                                                     "\ue000",
                                                     "\U000e0001",
                                                     "\U0010ffff",
                                                     "\u0378",
                                                     "\u2581",
                                                     "\u0120"};
  return fragments;
}

char32_t RandomCodePoint(std::mt19937& random) {
  char32_t c = 0;
  do {
    c = std::uniform_int_distribution<char32_t>(0, 0x10ffff)(random);
    if (random() % 2 == 0) c %= 0x3100;
  } while (c >= 0xd800 && c <= 0xdfff);
  return c;
}

std::string RandomText(std::mt19937& random) {
  const auto& fragments = Fragments();
  const size_t length = std::uniform_int_distribution<size_t>(1, 24)(random);
  std::string out;
  for (size_t i = 0; i < length; ++i) {
    const auto kind = random() % 16;
    if (kind == 0) {
      AppendUtf8(out, RandomCodePoint(random));
    } else if (kind == 1) {
      const std::string& fragment = fragments[random() % fragments.size()];
      for (auto n = random() % 60; n > 0; --n) out += fragment;
    } else {
      out += fragments[random() % fragments.size()];
    }
  }
  return out;
}

class FastPattern : public testing::TestWithParam<std::string_view> {
 protected:
  void SetUp() override {
    match_end_ = FindFastPattern(GetParam());
    ASSERT_NE(match_end_, nullptr);
    auto regex = Regex::Compile(GetParam(), "test");
    ASSERT_TRUE(regex.ok()) << regex.status().ToString();
    regex_ = std::move(regex).value();
  }

  void ExpectSame(const std::string& text) {
    Matches wanted;
    const Status found = regex_->FindAll(text, wanted);
    ASSERT_TRUE(found.ok()) << found.ToString();
    ASSERT_EQ(FastMatches(match_end_, text), wanted) << Json(text).dump(-1, ' ', true);
  }

  MatchEnd match_end_ = nullptr;
  std::unique_ptr<Regex> regex_;
};

TEST_P(FastPattern, EqualsOnigurumaOnRandomTexts) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  std::mt19937 random(kSeed);
  for (int i = 0; i < kStrings && !HasFatalFailure(); ++i) ExpectSame(RandomText(random));
}

TEST_P(FastPattern, EqualsOnigurumaOnPairsOfFragments) {
  for (const std::string& a : Fragments()) {
    for (const std::string& b : Fragments()) {
      if (HasFatalFailure()) return;
      ExpectSame(a + b);
    }
  }
}

TEST_P(FastPattern, EqualsOnigurumaOnEveryCodePoint) {
  for (char32_t c = 0; c < kCodePoints && !HasFatalFailure(); ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    std::string text = " a";
    AppendUtf8(text, c);
    text += "1 ";
    AppendUtf8(text, c);
    ExpectSame(text);
  }
}

TEST_P(FastPattern, EqualsOnigurumaOnLongRuns) {
  for (const std::string& fragment : Fragments()) {
    std::string run;
    for (int i = 0; i < 2000; ++i) run += fragment;
    ExpectSame(run);
    ExpectSame(run + "x");
    ExpectSame("x" + run + " ");
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(All, FastPattern,
                         testing::Values(kGpt2Pattern, kLlama3Pattern, kQwen2Pattern,
                                         kQwen3_5Pattern, kO200kPattern, kTekkenPattern));

TEST(FastPatternTable, OtherPatternsHaveNoMatcher) {
  EXPECT_EQ(FindFastPattern(""), nullptr);
  EXPECT_EQ(FindFastPattern(R"(\p{L}+)"), nullptr);
  EXPECT_EQ(FindFastPattern(std::string(kGpt2Pattern) + "|x"), nullptr);
}

}  // namespace
}  // namespace koeval::tokenizer
