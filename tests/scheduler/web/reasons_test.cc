// Reasons and remedies in both languages: every code has its texts, and what they name is kept.
#include "scheduler/web/reasons.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "common/base/endings.h"

namespace koeval::web {
namespace {

using core::Say;
using core::Sentence;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

bool IsSentence(std::string_view text) {
  return !text.empty() && (text.back() == '.' || text.back() == ')');
}

bool HasHangul(std::string_view text) {
  // U+AC00 to U+D7A3 start with the bytes EA to ED.
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0xea && byte <= 0xed;
  });
}

std::string Korean(std::string_view reason) {
  return ReasonText(reason, Language::kKorean).text;
}

TEST(ReasonsTest, EveryEndingHasASentenceAndARemedyInBothLanguages) {
  for (const EndingInfo& info : AllEndings()) {
    const auto text = TextOfEnding(info.name);
    ASSERT_TRUE(text) << info.name;
    for (const Words& words : {text->meaning, text->remedy}) {
      EXPECT_TRUE(IsSentence(words.english)) << info.name << ": " << words.english;
      EXPECT_TRUE(IsSentence(words.korean)) << info.name << ": " << words.korean;
      EXPECT_FALSE(HasHangul(words.english)) << words.english;
      EXPECT_TRUE(HasHangul(words.korean)) << words.korean;
    }
    EXPECT_EQ(text->remedy.english, info.submitter_text);
  }
  EXPECT_FALSE(TextOfEnding("NOTHING"));
}

TEST(ReasonsTest, EverySentenceOfTheCoreIsSaidInKoreanWithItsValues) {
  for (const core::SentenceInfo& info : core::AllSentences()) {
    const std::string_view korean = KoreanSentence(info.sentence);
    EXPECT_TRUE(HasHangul(korean) || info.sentence == Sentence::kWorkerSays) << info.text;
    std::string text;
    int places = 0;
    std::string_view rest = info.text;
    for (size_t at = rest.find("{}"); at != std::string_view::npos; at = rest.find("{}")) {
      text += std::string(rest.substr(0, at)) + "v" + std::to_string(places++);
      rest.remove_prefix(at + 2);
    }
    text += rest;
    const std::string shown = Korean(text);
    EXPECT_FALSE(shown.empty());
    for (int i = 0; i < places; ++i) {
      const std::string place = "{" + std::to_string(i) + "}";
      // The English verb is the one value that Korean has no place for.
      const bool is_verb = info.text.find("request{}") != std::string_view::npos && i == places - 1;
      EXPECT_EQ(korean.find(place) == std::string_view::npos, is_verb) << info.text;
      if (!is_verb) {
        EXPECT_THAT(shown, HasSubstr("v" + std::to_string(i)));
      }
    }
    EXPECT_EQ(korean.find("{" + std::to_string(places) + "}"), std::string_view::npos) << korean;
  }
}

TEST(ReasonsTest, AKoreanReasonIsWholeAndAnEnglishOneUnchanged) {
  const std::string waits = Say(Sentence::kWaitsForLargeSlot, {"40.0 GiB", "2", "s are"});
  EXPECT_EQ(Korean(waits), "메모리 40.0 GiB 이상의 빈 슬롯을 기다리고 있습니다. 앞선 요청 2건.");
  EXPECT_EQ(ReasonText(waits, Language::kEnglish).text,
            "It waits for a free slot with 40.0 GiB of memory; 2 requests are ahead of it.");
}

TEST(ReasonsTest, WhatWentBeforeIsTranslatedToo) {
  const std::string reason =
      Say(Sentence::kNoWorker) + " Before: WORKER_LOST: " + Say(Sentence::kNoHeartbeat, {"node-a"});
  EXPECT_EQ(Korean(reason),
            "작업을 받을 수 있는 작업 노드가 연결되어 있지 않습니다. 이전: 작업 노드와 연결이 "
            "끊겼습니다. 작업 노드 node-a: 제때 신호를 보내지 않았습니다.");
}

TEST(ReasonsTest, WhatAWorkerSaysFollowsInEnglishAndEscaped) {
  const std::string reason =
      Say(Sentence::kFailedAlike, {Say(Sentence::kWorkerSays, {"node-a", "CUDA <error>"}), "3"});
  EXPECT_THAT(Korean(reason),
              AllOf(StartsWith("작업 노드 node-a: <span lang=\"en\" class=\"detail\">CUDA "
                               "&lt;error&gt;</span> ("),
                    EndsWith("3번 실패했고 이것이 마지막입니다.)")));
}

TEST(ReasonsTest, AReasonThatNobodyTranslatedIsMarkedAsEnglish) {
  EXPECT_EQ(Korean("model.safetensors ends early"),
            "<span lang=\"en\" class=\"detail\">model.safetensors ends early</span>");
  EXPECT_EQ(Korean(""), "");
}

TEST(ReasonsTest, ReasonsWithinReasonsEnd) {
  std::string reason = "end";
  for (int i = 0; i < 500; ++i) reason = Say(Sentence::kWorkerSays, {"w", reason});
  EXPECT_THAT(Korean(reason), HasSubstr("<span lang=\"en\""));
}

TEST(ReasonsTest, ARemedyOfItsOwnStaysVisibleToKoreanReaders) {
  const std::string own(InfoOf(Ending::kTimedOut).submitter_text);
  const auto korean = [](const char* ending, const std::string& stored) {
    return RemedyText(ending, stored, Language::kKorean).text;
  };
  EXPECT_EQ(RemedyText("TIMED_OUT", own, Language::kEnglish).text, own);
  EXPECT_EQ(korean("TIMED_OUT", own), "시간 제한을 늘리거나 --limit으로 다시 제출하세요.");
  EXPECT_EQ(korean("TIMED_OUT", "Ask."),
            "시간 제한을 늘리거나 --limit으로 다시 제출하세요. <span lang=\"en\" "
            "class=\"detail\">Ask.</span>");
  EXPECT_EQ(korean("INFEASIBLE", Say(Sentence::kUseBfloat16, {"20.0 GiB"})),
            "정밀도 bfloat16으로 제출하세요. 그러면 약 20.0 GiB가 필요합니다.");
  EXPECT_EQ(korean("NOTHING", "Ask."), "<span lang=\"en\" class=\"detail\">Ask.</span>");
  EXPECT_EQ(korean("TIMED_OUT", ""), "");
}

TEST(ReasonsTest, AnEndingIsItsCodeAndWhatItMeans) {
  EXPECT_EQ(EndingLabel("NO_SAFETENSORS", Language::kKorean).text,
            "<code>NO_SAFETENSORS</code> 저장소에 safetensors 가중치가 없습니다.");
  EXPECT_EQ(EndingLabel("<", Language::kEnglish).text, "<code>&lt;</code>");
}

}  // namespace
}  // namespace koeval::web
