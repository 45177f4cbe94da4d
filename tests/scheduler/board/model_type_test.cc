// Model types: names, signs and spellings.
#include "scheduler/board/model_type.h"

#include <gtest/gtest.h>

namespace koeval::board {
namespace {

TEST(ModelTypeTest, EveryTypeReadsBackFromItsNameItsSignAndItsText) {
  for (const ModelType type :
       {ModelType::kUnknown, ModelType::kPretrained, ModelType::kContinuallyPretrained,
        ModelType::kFineTuned, ModelType::kInstructionTuned, ModelType::kRlTuned,
        ModelType::kMerged}) {
    EXPECT_EQ(ParseModelType(ModelTypeName(type)), type) << ModelTypeName(type);
    EXPECT_EQ(ParseModelType(ModelTypeIcon(type)), type) << ModelTypeName(type);
    EXPECT_EQ(ParseModelType(ModelTypeText(type)), type) << ModelTypeName(type);
  }
}

TEST(ModelTypeTest, SpellingsOfTheLeaderboardsVersionsAreUnderstood) {
  const std::pair<const char*, ModelType> cases[] = {
      {"🔶 : fine-tuned on domain-specific datasets", ModelType::kFineTuned},
      {"💬 : chat models (RLHF, DPO, IFT, ...)", ModelType::kInstructionTuned},
      {"🤝 : base merges and moerges", ModelType::kMerged},
      {"merges and moerges", ModelType::kMerged},
      {"🟩 : continuously pretrained", ModelType::kContinuallyPretrained},
      {"FT", ModelType::kFineTuned},
      {" PT ", ModelType::kPretrained},
      {"IFT", ModelType::kInstructionTuned},
      {"rl-tuned", ModelType::kRlTuned},
      {"? : Unknown", ModelType::kUnknown},
  };
  for (const auto& [text, type] : cases) EXPECT_EQ(ParseModelType(text), type) << text;
}

TEST(ModelTypeTest, OtherTextsAreNoType) {
  for (const char* text : {"", " : ", "ptolemaic", "chatty", "rlhf", "merger", "테스트"}) {
    EXPECT_FALSE(ParseModelType(text).has_value()) << text;
    EXPECT_EQ(ModelTypeOf(text), ModelType::kUnknown) << text;
  }
}

TEST(ModelTypeTest, TheSignCountsWhereSignAndNameDiffer) {
  EXPECT_EQ(ParseModelType("🟦 : pretrained"), ModelType::kRlTuned);
}

}  // namespace
}  // namespace koeval::board
