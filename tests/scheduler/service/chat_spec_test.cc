// Chat options of submissions: what is stored, compared, refused and resolved.
#include "scheduler/service/chat_spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koeval::service {
namespace {

using testing::HasSubstr;

constexpr const char* kFacts =
    R"({"facts":{"chat_template":{"name":"x","text":"T","special_tokens":{"eos_token":"E"}}}})";

core::RequestSpec Spec(const ChatSpec& chat) {
  core::RequestSpec spec;
  spec.model = "org/m";
  spec.profile = "lm-eval-0.4";
  spec.chat = ChatText(chat);
  return spec;
}

TEST(ChatSpecTest, TextHoldsEveryWishAndIsEmptyForNone) {
  EXPECT_EQ(ChatText({}), "");
  const ChatSpec wishes{"", true, "시스템\n\"quoted\""};
  const auto back = ParseChatText(ChatText(wishes));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(back->chat_template, wishes.chat_template);
  EXPECT_EQ(back->fewshot_as_multiturn, true);
  EXPECT_EQ(back->system_instruction, wishes.system_instruction);
  EXPECT_EQ(ParseChatText("{").status().code(), Code::kDataLoss);
}

TEST(ChatSpecTest, DifferentWishesAreDifferentSubmissions) {
  const core::RequestSpec plain = Spec({});
  EXPECT_THAT(core::DifferingFields(plain, Spec({})), testing::IsEmpty());
  EXPECT_THAT(core::DifferingFields(plain, Spec({"", true, ""})), testing::ElementsAre("chat"));
  EXPECT_THAT(core::DifferingFields(Spec({"", false, ""}), Spec({"", true, ""})),
              testing::ElementsAre("chat"));
  EXPECT_THAT(core::DifferingFields(Spec({"", true, ""}), Spec({"rag", true, ""})),
              testing::ElementsAre("chat"));
  EXPECT_THAT(core::DifferingFields(plain, Spec({{}, false, "Be brief."})),
              testing::ElementsAre("chat"));
}

TEST(ChatSpecTest, WishesThatDoNotGoTogetherAreRefusedWithTheRemedy) {
  EXPECT_TRUE(CheckChat(Spec({})).ok());
  EXPECT_TRUE(CheckChat(Spec({"tool_use", true, "x"})).ok());
  EXPECT_TRUE(CheckChat(Spec({{}, false, "x"})).ok());
  EXPECT_THAT(CheckChat(Spec({{}, true, ""})).message(), HasSubstr("fewshot_as_multiturn"));
  EXPECT_THAT(CheckChat(Spec({std::string(300, 'x'), true, ""})).message(),
              HasSubstr("chat_template"));
  EXPECT_THAT(CheckChat(Spec({"a\nb", true, ""})).message(), HasSubstr("chat_template"));
  EXPECT_THAT(CheckChat(Spec({{}, false, std::string(100'000, 'x')})).message(),
              HasSubstr("system_instruction"));
  core::RequestSpec old = Spec({"", true, ""});
  old.profile = "leaderboard-v1";
  EXPECT_THAT(CheckChat(old).message(), HasSubstr("submit with lm-eval-0.4"));
}

TEST(ChatSpecTest, TheTemplateIsTheOneOfTheChecksAndTheClockThatOfTheSubmission) {
  const auto options =
      ResolveChat(Spec({"x", false, "S"}), kFacts, WallTime{.micros = 1'700'000'000'900'000});
  ASSERT_TRUE(options.ok()) << options.status().ToString();
  ASSERT_TRUE(options->chat_template.has_value());
  EXPECT_EQ(options->chat_template->text, "T");
  EXPECT_EQ(options->chat_template->special_tokens.at(0).second, "E");
  EXPECT_EQ(options->system_instruction, "S");
  EXPECT_FALSE(options->fewshot_as_multiturn);
  EXPECT_EQ(options->now_seconds, 1'700'000'000);
  EXPECT_FALSE(ResolveChat(Spec({}), kFacts, {})->chat_template.has_value());
  const auto missing = ResolveChat(Spec({"x", true, ""}), R"({"facts":{}})", {});
  EXPECT_EQ(missing.status().code(), Code::kFailedPrecondition);
}

TEST(ChatSpecTest, ListsShowTheHashOfATemplate) {
  core::RequestRow row;
  row.spec = Spec({"x", true, ""});
  row.facts_json = kFacts;
  const std::string shown = FactsForList(row);
  EXPECT_EQ(shown.find("\"text\""), std::string::npos);
  EXPECT_THAT(shown, HasSubstr("\"sha256\":\"e632b7095b0bf32c260fa4c539e9fd7b852d0de454e9be26f24d"
                               "0d6f91d069d3\""));
  row.spec.chat.clear();
  EXPECT_EQ(FactsForList(row), kFacts);
}

}  // namespace
}  // namespace koeval::service
