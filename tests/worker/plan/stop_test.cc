// Stop strings over token boundaries, end tokens, and the cut of the text.
#include "worker/plan/stop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace koeval::plan {
namespace {

using evaluation::Profile;

constexpr int32_t kEos = 50;
constexpr int32_t kPadded = 60;  // a row of the model that the tokenizer does not have

// Tokens of several characters; a text is encoded by the longest that fits.
class PieceTokenizer final : public tokenizer::Tokenizer {
 public:
  std::optional<int32_t> eos = kEos;
  std::vector<std::string> pieces = {"a", "b", "c", "ab", "bc", "\n", "\n\n", " ", "abc", "Q:"};

  Result<std::vector<int32_t>> Encode(std::string_view text, bool) const override {
    std::vector<int32_t> ids;
    while (!text.empty()) {
      size_t best = pieces.size();
      for (size_t i = 0; i < pieces.size(); ++i) {
        const bool longer = best == pieces.size() || pieces[i].size() > pieces[best].size();
        if (text.starts_with(pieces[i]) && longer) best = i;
      }
      if (best == pieces.size()) {
        if (!text.starts_with("</s>")) return InvalidArgument("no piece");
        ids.push_back(kEos);
        text.remove_prefix(4);
        continue;
      }
      ids.push_back(static_cast<int32_t>(best));
      text.remove_prefix(pieces[best].size());
    }
    return ids;
  }
  Result<std::string> Decode(std::span<const int32_t> ids, bool skip_special) const override {
    std::string out;
    for (const int32_t id : ids) {
      if (id < 0 || id >= vocab_size()) return InvalidArgument("no such id");
      if (id == kEos) {
        out += skip_special ? "" : "</s>";
      } else {
        out += pieces[static_cast<size_t>(id)];
      }
    }
    return out;
  }
  int32_t vocab_size() const override { return kEos + 1; }
  std::optional<int32_t> bos_id() const override { return std::nullopt; }
  std::optional<int32_t> eos_id() const override { return eos; }
  std::optional<int64_t> model_max_length() const override { return std::nullopt; }
  const std::string& digest() const override { return digest_; }

  int32_t Id(const std::string& piece) const {
    for (size_t i = 0; i < pieces.size(); ++i) {
      if (pieces[i] == piece) return static_cast<int32_t>(i);
    }
    return -1;
  }

 private:
  const std::string digest_ = "pieces";
};

class StopRuleTest : public testing::Test {
 protected:
  StopRule Rule(std::vector<std::string> until, Profile profile = Profile::kLmEval04,
                std::vector<int32_t> end_ids = {}) {
    auto rule = StopRule::Make(tokenizer, profile, {.until = std::move(until), .max_tokens = 9},
                               std::move(end_ids));
    EXPECT_TRUE(rule.ok()) << rule.status().ToString();
    return std::move(rule).value();
  }
  std::vector<int32_t> Ids(const std::vector<std::string>& pieces) const {
    std::vector<int32_t> ids;
    for (const std::string& piece : pieces) {
      ids.push_back(piece == "</s>" ? kEos : tokenizer.Id(piece));
    }
    return ids;
  }
  bool Ends(const StopRule& rule, const std::vector<std::string>& pieces) {
    const auto ends = rule.Ends(Ids(pieces));
    EXPECT_TRUE(ends.ok()) << ends.status().ToString();
    return ends.ok() && *ends;
  }
  std::string Text(const StopRule& rule, const std::vector<std::string>& pieces) {
    const auto text = rule.Text(Ids(pieces));
    EXPECT_TRUE(text.ok()) << text.status().ToString();
    return text.ok() ? *text : "";
  }

  PieceTokenizer tokenizer;
};

TEST_F(StopRuleTest, NothingEndsBeforeTheFirstToken) {
  EXPECT_FALSE(Ends(Rule({"a", ""}), {}));
}

TEST_F(StopRuleTest, StopOverATokenBoundaryEndsAndIsCut) {
  const StopRule rule = Rule({"\n\n"});
  EXPECT_FALSE(Ends(rule, {"a", "\n"}));
  EXPECT_TRUE(Ends(rule, {"a", "\n", "\n"}));
  EXPECT_EQ(Text(rule, {"a", "\n", "\n"}), "a");
}

TEST_F(StopRuleTest, StopInsideATokenIsCutWithinIt) {
  const StopRule rule = Rule({"b"});
  EXPECT_TRUE(Ends(rule, {"c", "abc"}));
  EXPECT_EQ(Text(rule, {"c", "abc"}), "ca");
}

TEST_F(StopRuleTest, StopAtTheFirstCharacterLeavesNothing) {
  const StopRule rule = Rule({"a"});
  EXPECT_TRUE(Ends(rule, {"ab"}));
  EXPECT_EQ(Text(rule, {"ab"}), "");
}

TEST_F(StopRuleTest, AnyOfSeveralStopsEnds) {
  const StopRule rule = Rule({"Q:", "\n\n", "c"});
  EXPECT_FALSE(Ends(rule, {"a", "b", "\n"}));
  EXPECT_TRUE(Ends(rule, {"a", "Q:"}));
  EXPECT_TRUE(Ends(rule, {"a", "bc"}));
  EXPECT_EQ(Text(rule, {"a", "b", "c", "Q:"}), "ab");
}

// The harness cuts at one stop after the other, so an earlier start is not seen once its end is
// gone.
TEST_F(StopRuleTest, OverlappingStopsAreCutInTheirOrder) {
  EXPECT_EQ(Text(Rule({"bc", "ab"}), {"c", "abc"}), "ca");
  EXPECT_EQ(Text(Rule({"ab", "bc"}), {"c", "abc"}), "c");
}

TEST_F(StopRuleTest, EosTextIsAStopWhetherGivenOrNot) {
  for (const StopRule& rule : {Rule({"\n"}), Rule({"</s>", "\n"})}) {
    EXPECT_TRUE(Ends(rule, {"a", "</s>"}));
    EXPECT_EQ(Text(rule, {"a", "</s>"}), "a");
  }
}

TEST_F(StopRuleTest, WithoutEosOnlyTheStopsCount) {
  tokenizer.eos = std::nullopt;
  const StopRule rule = Rule({"b"});
  EXPECT_FALSE(Ends(rule, {"a", "</s>"}));
  EXPECT_EQ(Text(rule, {"a", "</s>"}), "a");  // a special token has no text all the same
}

TEST_F(StopRuleTest, EndTokensOfTheModelEnd) {
  const StopRule rule = Rule({}, Profile::kLmEval04, {tokenizer.Id("c"), tokenizer.Id("Q:")});
  EXPECT_FALSE(Ends(rule, {"c", "a"}));
  EXPECT_TRUE(Ends(rule, {"a", "c"}));
  EXPECT_TRUE(Ends(rule, {"a", "Q:"}));
  EXPECT_EQ(Text(rule, {"a", "c"}), "ac");  // it is no stop string
}

// "abc" is one token by itself and comes as three.
TEST_F(StopRuleTest, HowFarBackIsLookedDependsOnTheProfile) {
  EXPECT_TRUE(Ends(Rule({"abc"}), {"a", "b", "c"}));
  EXPECT_FALSE(Ends(Rule({"abc"}, Profile::kLeaderboardV1), {"a", "b", "c"}));
  EXPECT_TRUE(Ends(Rule({"abc"}, Profile::kLeaderboardV1), {"b", "abc"}));
  EXPECT_FALSE(Ends(Rule({"abc"}), {"abc", "a", "a", "a"}));
}

TEST_F(StopRuleTest, EmptyStopEndsAfterOneTokenAndCutsNothing) {
  const StopRule rule = Rule({""});
  EXPECT_TRUE(Ends(rule, {"a"}));
  EXPECT_EQ(Text(rule, {"a"}), "a");
}

TEST_F(StopRuleTest, IdsOutsideTheTokenizerHaveNoText) {
  const StopRule rule = Rule({"ab"});
  const std::vector<int32_t> ids = {tokenizer.Id("a"), kPadded, tokenizer.Id("b")};
  EXPECT_EQ(*rule.Text(ids), "");
  EXPECT_TRUE(*rule.Ends(ids));
}

TEST_F(StopRuleTest, StopThatCannotBeEncodedIsAnError) {
  EXPECT_EQ(StopRule::Make(tokenizer, Profile::kLmEval04, {.until = {"z"}}, {}).status().code(),
            Code::kInvalidArgument);
}

}  // namespace
}  // namespace koeval::plan
