// The core's sentences: said and recognised again.
#include "scheduler/core/sentences.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koeval::core {
namespace {

using testing::ElementsAre;

// The sentence with "v0", "v1", ... as its values.
std::string Filled(std::string_view text) {
  std::string out;
  for (int i = 0; text.find("{}") != std::string_view::npos; ++i) {
    const size_t at = text.find("{}");
    out += std::string(text.substr(0, at)) + "v" + std::to_string(i);
    text.remove_prefix(at + 2);
  }
  return out += text;
}

TEST(SentencesTest, EverySentenceIsRecognisedWithItsValues) {
  for (const SentenceInfo& info : AllSentences()) {
    const auto said = Recognise(Filled(info.text));
    ASSERT_TRUE(said) << info.text;
    EXPECT_EQ(said->sentence, info.sentence) << info.text;
    for (size_t i = 0; i < said->values.size(); ++i) {
      EXPECT_EQ(said->values[i], "v" + std::to_string(i)) << info.text;
    }
  }
}

TEST(SentencesTest, ValuesFillThePlacesInOrder) {
  EXPECT_EQ(Say(Sentence::kWaitsForSlot, {"1", VerbFor(1)}),
            "It waits for a free slot; 1 request is ahead of it.");
  EXPECT_EQ(Say(Sentence::kWaitsForSlot, {"2", VerbFor(2)}),
            "It waits for a free slot; 2 requests are ahead of it.");
}

TEST(SentencesTest, AValueMayHoldWhatStandsAroundIt) {
  const std::string inner = Say(Sentence::kWorkerSays, {"a", "worker b: it (the last of 2 cried)"});
  const auto said = Recognise(Say(Sentence::kFailedAlike, {inner, "3"}));
  ASSERT_TRUE(said);
  EXPECT_EQ(said->sentence, Sentence::kFailedAlike);
  const auto worker = Recognise(inner);
  ASSERT_TRUE(worker);
  EXPECT_THAT(worker->values, ElementsAre("a", "worker b: it (the last of 2 cried)"));
}

TEST(SentencesTest, OtherTextsAreNone) {
  for (const char* text : {"", "It", "It waits for its submission checks", "worker", "model.bin"}) {
    EXPECT_FALSE(Recognise(text)) << text;
  }
}

TEST(SentencesDeathTest, AMissingOrSurplusValueIsABug) {
  EXPECT_DEATH(Say(Sentence::kTimeLimit), "lacks a value");
  EXPECT_DEATH(Say(Sentence::kNoWorker, {"x"}), "more values");
}

}  // namespace
}  // namespace koeval::core
