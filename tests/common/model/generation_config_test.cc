// generation_config.json: end tokens, the penalty, and settings that are refused.
#include "common/model/generation_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/common/model/checkpoint_maker.h"

namespace koeval::model {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class GenerationConfigTest : public testing::Test {
 protected:
  GenerationConfig Read(const std::string& text) {
    scratch_.WriteFile("generation_config.json", text);
    return ReadGenerationConfig(scratch_.dir(), Json{{"eos_token_id", 9}});
  }

  ScratchModel scratch_;
};

TEST_F(GenerationConfigTest, EndTokensAreOneOrMany) {
  EXPECT_THAT(Read(R"({"eos_token_id": 2})").end_ids, ElementsAre(2));
  EXPECT_THAT(Read(R"({"eos_token_id": [2, 7]})").end_ids, ElementsAre(2, 7));
  EXPECT_THAT(Read(R"({"eos_token_id": null})").end_ids, IsEmpty());
  EXPECT_THAT(Read("{}").end_ids, IsEmpty());  // the file decides, not config.json
}

TEST_F(GenerationConfigTest, ConfigJsonStandsInForAMissingFile) {
  const auto read = ReadGenerationConfig(
      scratch_.dir(), Json{{"eos_token_id", 9}, {"repetition_penalty", 1.25}, {"num_beams", 1}});
  EXPECT_THAT(read.end_ids, ElementsAre(9));
  EXPECT_EQ(read.repetition_penalty, 1.25);
  EXPECT_EQ(read.problem, "");
}

TEST_F(GenerationConfigTest, SamplingSettingsAreNotLookedAt) {
  const auto read = Read(
      R"({"do_sample": true, "temperature": 0.6, "top_p": 0.9, "top_k": 20, "max_length": 4096,
          "repetition_penalty": 1.05, "suppress_tokens": [], "guidance_scale": null})");
  EXPECT_EQ(read.problem, "");
  EXPECT_EQ(read.repetition_penalty, 1.05);
}

TEST_F(GenerationConfigTest, SettingsThatChangeGreedyTextsAreNamed) {
  for (const char* setting :
       {R"("num_beams": 4)", R"("no_repeat_ngram_size": 3)", R"("min_length": 5)",
        R"("suppress_tokens": [1])", R"("forced_eos_token_id": 2)", R"("num_beams": "x")"}) {
    const std::string name = std::string(setting).substr(1, std::string(setting).find('"', 1) - 1);
    const std::string problem = Read("{" + std::string(setting) + "}").problem;
    EXPECT_THAT(problem, HasSubstr("BAD_CHECKPOINT: generation_config.json: " + name)) << setting;
  }
}

TEST_F(GenerationConfigTest, DamageIsAProblemAndNoMore) {
  for (const char* text : {"", "[]", "{", R"({"eos_token_id": "x"})", R"({"eos_token_id": -1})",
                           R"({"eos_token_id": [1.5]})", R"({"repetition_penalty": 0})",
                           R"({"repetition_penalty": "x"})"}) {
    EXPECT_THAT(Read(text).problem, HasSubstr("generation_config.json: ")) << text;
  }
}

}  // namespace
}  // namespace koeval::model
