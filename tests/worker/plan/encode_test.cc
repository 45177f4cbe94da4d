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

TEST_F(EncodeRequestsTest, RollingTextsBecomeWindowsBehindThePrefixToken) {
  const std::vector<Request> requests = {{0, 0, "", "vwxyz"}, {1, 0, "", "v"}};
  const auto encoded = EncodeRolling(tokenizer, requests, {.profile = profile, .max_length = 4});
  ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
  ASSERT_EQ(encoded->sequences.size(), 3U);
  // BOS of the text is a target behind the prefix token.
  EXPECT_THAT(encoded->sequences[0].input, ElementsAre(kBos, kBos, 'v', 'w'));
  EXPECT_THAT(encoded->sequences[0].targets, ElementsAre(kBos, 'v', 'w', 'x'));
  EXPECT_THAT(encoded->sequences[1].input, ElementsAre('v', 'w', 'x', 'y'));
  EXPECT_THAT(encoded->sequences[1].targets, ElementsAre('y', 'z'));
  EXPECT_THAT(encoded->sequences[2].input, ElementsAre(kBos, kBos));
  ASSERT_EQ(encoded->windows.size(), 3U);
  EXPECT_EQ(encoded->windows[1].request, 0);
  EXPECT_EQ(encoded->windows[1].index, 1);
  EXPECT_EQ(encoded->windows[1].count, 2);
  EXPECT_EQ(encoded->windows[2].request, 1);
}

TEST_F(EncodeRequestsTest, RollingTextsOfTheOldProfileStandBehindEos) {
  profile = Profile::kLeaderboardV1;
  const auto encoded =
      EncodeRolling(tokenizer, std::vector<Request>{{0, 0, "", "xy"}, {1, 0, "", ""}},
                    {.profile = profile, .max_length = 4});
  ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
  ASSERT_EQ(encoded->sequences.size(), 1U);  // a text without tokens has no window
  EXPECT_THAT(encoded->sequences[0].input, ElementsAre(kEos, 'x'));
  EXPECT_THAT(encoded->sequences[0].targets, ElementsAre('x', 'y'));
}

TEST_F(EncodeRequestsTest, RollingNeedsAPrefixToken) {
  tokenizer.bos = tokenizer.eos = std::nullopt;
  const auto encoded =
      EncodeRolling(tokenizer, std::vector<Request>{{7, 0, "", "xy"}}, {.max_length = 4});
  ASSERT_FALSE(encoded.ok());
  EXPECT_THAT(encoded.status().message(), HasSubstr("BAD_TOKENIZER: request 0 (document 7"));
}

TEST_F(EncodeRequestsTest, PromptsKeepTheirTrailingBlanksAndTheirEnd) {
  const std::vector<Request> requests = {{0, 0, "xy ", ""}, {1, 0, "uvwxyz", ""}};
  const auto encoded = EncodePrompts(tokenizer, requests, {.profile = profile, .max_length = 7}, 3);
  ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
  EXPECT_THAT(encoded->sequences[0].input, ElementsAre(kBos, 'x', 'y', ' '));
  EXPECT_THAT(encoded->sequences[0].targets, ElementsAre(kNoTarget));
  EXPECT_THAT(encoded->sequences[1].input, ElementsAre('w', 'x', 'y', 'z'));
  EXPECT_EQ(encoded->truncated, 1);
}

TEST_F(EncodeRequestsTest, PromptThatBringsBosGetsNoSecond) {
  const auto encoded = EncodePrompts(tokenizer, std::vector<Request>{{0, 0, "<s>x", ""}},
                                     {.profile = profile, .max_length = 9}, 3);
  ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
  EXPECT_THAT(encoded->sequences[0].input, ElementsAre(kBos, 'x'));
}

TEST_F(EncodeRequestsTest, OldProfileLeavesRoomFor256NewTokensWhereThereIs) {
  profile = Profile::kLeaderboardV1;
  const std::vector<Request> requests = {{0, 0, std::string(300, 'x'), ""}};
  const auto size = [&](int64_t max_length, int64_t max_tokens) {
    const auto encoded = EncodePrompts(tokenizer, requests,
                                       {.profile = profile, .max_length = max_length}, max_tokens);
    EXPECT_TRUE(encoded.ok()) << encoded.status().ToString();
    return encoded.ok() ? encoded->sequences[0].input.size() : 0;
  };
  EXPECT_EQ(size(400, 3), 144U);
  EXPECT_EQ(size(400, 300), 100U);
  EXPECT_EQ(size(200, 3), 197U);
}

TEST_F(EncodeRequestsTest, PromptsWithoutRoomOrTokensAreRefused) {
  const auto refused = [&](const std::string& context, int64_t max_tokens) {
    return EncodePrompts(tokenizer, std::vector<Request>{{4, 0, context, ""}},
                         {.profile = profile, .max_length = 8}, max_tokens)
        .status()
        .message();
  };
  EXPECT_THAT(refused("x", 8), HasSubstr("CONTEXT_TOO_SHORT: 8 new tokens"));
  EXPECT_THAT(refused("x", 0), HasSubstr("TASK_INVALID: 0 new tokens"));
  tokenizer.adds_bos = false;
  EXPECT_THAT(refused("", 3), HasSubstr("TASK_INVALID: request 0 (document 4"));
}

}  // namespace
}  // namespace koeval::plan
