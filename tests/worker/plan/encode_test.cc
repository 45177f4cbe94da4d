// Pair encoding, prefix tokens and truncation, over a tokenizer whose merges are known.
#include "worker/plan/encode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

namespace koeval::plan {
namespace {

using evaluation::Profile;
using evaluation::Request;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr int32_t kBos = 1000;
constexpr int32_t kEos = 1001;

// One id for each byte, but "ab" is one token (300) and "!" has none. "<s>" in the text is BOS.
class FakeTokenizer final : public tokenizer::Tokenizer {
 public:
  bool adds_bos = true;
  std::optional<int32_t> bos = kBos;
  std::optional<int32_t> eos = kEos;
  mutable std::map<std::string, int> encoded;  // times by text

  Result<std::vector<int32_t>> Encode(std::string_view text, bool special) const override {
    ++encoded[std::string(text)];
    std::vector<int32_t> ids;
    if (special && adds_bos && bos) ids.push_back(*bos);
    while (!text.empty()) {
      if (text.starts_with("<s>")) {
        ids.push_back(kBos);
        text.remove_prefix(3);
      } else if (text.starts_with("ab")) {
        ids.push_back(300);
        text.remove_prefix(2);
      } else {
        if (text.front() != '!') ids.push_back(static_cast<unsigned char>(text.front()));
        text.remove_prefix(1);
      }
    }
    return ids;
  }
  Result<std::string> Decode(std::span<const int32_t> ids, bool) const override {
    return std::string(ids[0] == kBos ? "<s>" : "</s>");
  }
  int32_t vocab_size() const override { return 1002; }
  std::optional<int32_t> bos_id() const override { return bos; }
  std::optional<int32_t> eos_id() const override { return eos; }
  std::optional<int64_t> model_max_length() const override { return std::nullopt; }
  const std::string& digest() const override { return digest_; }

 private:
  std::string digest_ = "fake";
};

class EncodeRequestsTest : public testing::Test {
 protected:
  Sequence One(const std::string& context, const std::string& continuation, int64_t max = 100) {
    const auto encoded = All({{0, 0, context, continuation}}, max);
    EXPECT_TRUE(encoded.ok()) << encoded.status().ToString();
    return encoded.ok() ? encoded->sequences[0] : Sequence{};
  }
  Result<Encoded> All(const std::vector<Request>& requests, int64_t max = 100) {
    return EncodeRequests(tokenizer, requests, {.profile = profile, .max_length = max});
  }

  FakeTokenizer tokenizer;
  Profile profile = Profile::kLmEval04;
};

TEST_F(EncodeRequestsTest, InputIsAllButTheLastTokenAndTargetsAreTheContinuation) {
  const Sequence s = One("xy", " z");
  EXPECT_THAT(s.input, ElementsAre(kBos, 'x', 'y', ' '));
  EXPECT_THAT(s.targets, ElementsAre(' ', 'z'));
}

TEST_F(EncodeRequestsTest, OldProfileNeverAddsBos) {
  profile = Profile::kLeaderboardV1;
  EXPECT_THAT(One("xy", " z").input, ElementsAre('x', 'y', ' '));
}

TEST_F(EncodeRequestsTest, TrailingWhiteSpaceOfTheContextMovesOver) {
  const Sequence s = One("x \n\xe3\x80\x80", "z");  // blank, newline, ideographic space
  EXPECT_THAT(s.input, ElementsAre(kBos, 'x', ' ', '\n', 0xe3, 0x80, 0x80));
  EXPECT_EQ(s.targets.size(), 6U);
}

TEST_F(EncodeRequestsTest, ZeroWidthSpaceIsNoWhiteSpace) {
  EXPECT_THAT(One("x\xe2\x80\x8b", "z").targets, ElementsAre('z'));
}

TEST_F(EncodeRequestsTest, ContextIdsAreItsOwnWhenAMergeCrossesTheJoin) {
  // "xa" + "bc" is x, ab, c as a whole: two tokens of context are cut off, and c is left.
  const Sequence s = One("xa", "bc");
  EXPECT_THAT(s.input, ElementsAre(kBos, 'x', 'a'));
  EXPECT_THAT(s.targets, ElementsAre('c'));
}

TEST_F(EncodeRequestsTest, TextThatBringsItsPrefixTokenGetsNoSecond) {
  EXPECT_THAT(One("<s>x", " z").input, ElementsAre(kBos, 'x', ' '));
}

TEST_F(EncodeRequestsTest, TokenizerWithoutBosAddsNone) {
  tokenizer.adds_bos = false;
  EXPECT_THAT(One("x", " z").input, ElementsAre('x', ' '));
}

TEST_F(EncodeRequestsTest, EmptyContextBecomesThePrefixToken) {
  EXPECT_THAT(One("", "xy").input, ElementsAre(kBos, 'x'));
  tokenizer.bos.reset();
  EXPECT_THAT(One("", "xy").input, ElementsAre(kEos, 'x'));
}

TEST_F(EncodeRequestsTest, EmptyContextTakesThePrefixTokenOfTheContinuation) {
  const Sequence s = One("", "<s>xy");
  EXPECT_THAT(s.input, ElementsAre(kBos, 'x'));
  EXPECT_THAT(s.targets, ElementsAre('x', 'y'));
}

TEST_F(EncodeRequestsTest, EmptyContextOfTheOldProfileIsEos) {
  profile = Profile::kLeaderboardV1;
  EXPECT_THAT(One("", "xy").input, ElementsAre(kEos, 'x'));
  EXPECT_THAT(One("", "<s>xy").input, ElementsAre(kEos, kBos, 'x'));
}

TEST_F(EncodeRequestsTest, EmptyContextWithoutAnyPrefixTokenIsAnError) {
  tokenizer.bos.reset();
  tokenizer.eos.reset();
  const auto encoded = All({{3, 1, "", "xy"}});
  ASSERT_FALSE(encoded.ok());
  EXPECT_THAT(encoded.status().message(), HasSubstr("BAD_TOKENIZER: request 0 (document 3"));
}

TEST_F(EncodeRequestsTest, TruncationDropsFromTheLeftAndSparesTheContinuation) {
  // BOS u v w x y z: seven tokens, of which max_length + 1 are kept.
  auto encoded = All({{0, 0, "uvwx", "yz"}}, 4);
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(encoded->truncated, 1);
  EXPECT_THAT(encoded->sequences[0].input, ElementsAre('v', 'w', 'x', 'y'));
  EXPECT_THAT(encoded->sequences[0].targets, ElementsAre('y', 'z'));
  encoded = All({{0, 0, "uvwx", "yz"}}, 6);
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(encoded->truncated, 0);
  EXPECT_THAT(encoded->sequences[0].input, ElementsAre(kBos, 'u', 'v', 'w', 'x', 'y'));
}

TEST_F(EncodeRequestsTest, ContinuationAsLongAsTheModelTakesIsScoredWhole) {
  const Sequence s = One("uv", "wxyz", 4);
  EXPECT_THAT(s.input, ElementsAre('v', 'w', 'x', 'y'));
  EXPECT_THAT(s.targets, ElementsAre('w', 'x', 'y', 'z'));
}

TEST_F(EncodeRequestsTest, ContinuationOverTheModelsLengthIsAnError) {
  const auto encoded = All({{0, 0, "u", "v"}, {7, 2, "u", "vwxyz"}}, 4);
  ASSERT_FALSE(encoded.ok());
  EXPECT_EQ(encoded.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(encoded.status().message(),
              HasSubstr("CONTEXT_TOO_SHORT: request 1 (document 7, choice 2)"));
}

TEST_F(EncodeRequestsTest, ContinuationWithoutATokenIsAnError) {
  for (const char* continuation : {"!", ""}) {
    const auto encoded = All({{5, 0, "secret", continuation}});
    ASSERT_FALSE(encoded.ok());
    EXPECT_THAT(encoded.status().message(),
                HasSubstr("EMPTY_CONTINUATION: request 0 (document 5, choice 0)"));
    EXPECT_THAT(encoded.status().message(), testing::Not(HasSubstr("secret")));
  }
  // A merge that swallows all of it: "a" + "b" is one token as a whole.
  EXPECT_THAT(All({{0, 0, "a", "b"}}).status().message(), HasSubstr("EMPTY_CONTINUATION"));
}

TEST_F(EncodeRequestsTest, WhiteSpaceAloneIsNoContextWithoutBos) {
  tokenizer.adds_bos = false;
  EXPECT_THAT(All({{0, 0, "  ", "z"}}).status().message(), HasSubstr("TASK_INVALID: request 0"));
  tokenizer.adds_bos = true;
  EXPECT_THAT(One("  ", "z").input, ElementsAre(kBos, ' ', ' '));
}

TEST_F(EncodeRequestsTest, EachDistinctStringOfADocumentIsEncodedOnce) {
  const auto encoded = All({{0, 0, "q", " x"}, {0, 1, "q", " y"}, {0, 2, "q", " x"}});
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(tokenizer.encoded["q"], 1);
  EXPECT_EQ(tokenizer.encoded["q x"], 1);
  EXPECT_EQ(tokenizer.encoded["q y"], 1);
}

}  // namespace
}  // namespace koeval::plan
