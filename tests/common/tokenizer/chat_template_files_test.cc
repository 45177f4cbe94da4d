// Where a repository keeps its chat templates, and which one is meant.
#include "common/tokenizer/chat_template_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/common/tokenizer/scratch_repository.h"

namespace koeval::tokenizer {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

class ChatTemplateFilesTest : public testing::Test {
 protected:
  void SetUp() override { repository_.Write("tokenizer.json", TokenizerJson(CharacterModel())); }

  Result<ChatTemplates> Read() { return ReadChatTemplates(repository_.path(), {}); }
  ChatTemplates MustRead() {
    const auto templates = Read();
    EXPECT_TRUE(templates.ok()) << templates.status().ToString();
    return templates.ok() ? *templates : ChatTemplates{};
  }

  ScratchRepository repository_;
};

TEST_F(ChatTemplateFilesTest, ARepositoryWithoutTemplatesIsNoError) {
  EXPECT_TRUE(MustRead().templates.empty());
  const auto chosen = ChooseChatTemplate(MustRead(), "");
  EXPECT_EQ(chosen.status().code(), Code::kNotFound);
  EXPECT_THAT(chosen.status().message(), HasSubstr("evaluate it without one"));
}

TEST_F(ChatTemplateFilesTest, TheConfigMayHoldATextOrNamedTexts) {
  repository_.Write("tokenizer_config.json", Json{{"chat_template", "one"}});
  EXPECT_THAT(MustRead().templates, ElementsAre(Pair("default", "one")));
  repository_.Write("tokenizer_config.json",
                    Json{{"chat_template",
                          {{{"name", "tool_use"}, {"template", "two"}},
                           {{"name", "default"}, {"template", "three"}}}}});
  EXPECT_THAT(MustRead().templates, ElementsAre(Pair("default", "three"), Pair("tool_use", "two")));
  EXPECT_EQ(*ChooseChatTemplate(MustRead(), ""), "three");
  EXPECT_EQ(*ChooseChatTemplate(MustRead(), "tool_use"), "two");
  EXPECT_THAT(ChooseChatTemplate(MustRead(), "rag").status().message(),
              HasSubstr("\"rag\"; it has default, tool_use"));
}

TEST_F(ChatTemplateFilesTest, FilesWinOverTheConfigAndLineEndsAreThoseOfTextMode) {
  repository_.Write("tokenizer_config.json", Json{{"chat_template", "config"}});
  repository_.Write("chat_template.jinja", std::string("a\r\nb\rc\n"));
  EXPECT_THAT(MustRead().templates, ElementsAre(Pair("default", "a\nb\nc\n")));
  std::filesystem::create_directory(repository_.path() + "/additional_chat_templates");
  repository_.Write("additional_chat_templates/rag.jinja", std::string("r"));
  repository_.Write("additional_chat_templates/notes.txt", std::string("no template"));
  EXPECT_THAT(MustRead().templates, ElementsAre(Pair("default", "a\nb\nc\n"), Pair("rag", "r")));
}

TEST_F(ChatTemplateFilesTest, SpecialTokensAreThoseOfTheTokenizerWithAPad) {
  repository_.Write("tokenizer_config.json", Json{{"bos_token", "<s>"}, {"eos_token", "</s>"}});
  EXPECT_THAT(
      MustRead().special_tokens,
      ElementsAre(Pair("bos_token", "<s>"), Pair("eos_token", "</s>"), Pair("pad_token", "</s>")));
  repository_.Write("tokenizer_config.json",
                    Json{{"unk_token", "?"}, {"eos_token", {{"content", "</s>"}}}});
  EXPECT_THAT(
      MustRead().special_tokens,
      ElementsAre(Pair("eos_token", "</s>"), Pair("unk_token", "?"), Pair("pad_token", "?")));
}

TEST_F(ChatTemplateFilesTest, DamagedAndOversizedTemplatesAreRefused) {
  repository_.Write("tokenizer_config.json", Json{{"chat_template", 5}});
  EXPECT_THAT(Read().status().message(), HasSubstr("chat_template"));
  repository_.Write("tokenizer_config.json", Json{{"chat_template", {{{"name", "x"}}}}});
  EXPECT_THAT(Read().status().message(), HasSubstr("template"));
  repository_.Write("tokenizer_config.json",
                    Json{{"chat_template", std::string(kChatTemplateBytesMax + 1, 'x')}});
  EXPECT_THAT(Read().status().message(), HasSubstr("at most"));
  repository_.Write("chat_template.jinja", std::string("\xff"));
  EXPECT_THAT(Read().status().message(), HasSubstr("UTF-8"));
}

}  // namespace
}  // namespace koeval::tokenizer
