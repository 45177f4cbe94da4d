// Texts that grow past the original length of a longrope model, against what the reference
// generates (tests/golden/longrope_generation.json).
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "common/base/json.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int32_t>;

Json ReadJson(const std::string& path) {
  const auto text = ReadFile(path);
  EXPECT_TRUE(text.ok()) << text.status().ToString();
  auto json = ParseJson(text.ok() ? *text : "null");
  EXPECT_TRUE(json.ok()) << json.status().ToString();
  return json.ok() ? *std::move(json) : Json();
}

class LongRopeGenerationTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    golden_ = ReadJson(GoldenDir() + "/longrope_generation.json")[GetParam()];
    ASSERT_TRUE(golden_.is_object());
    for (const Json& text : golden_["texts"]) {
      prompts_.push_back({text["prompt"].get<Ids>(), {plan::kNoTarget}});
    }
    options_.tokens_max = golden_["new_tokens"].get<int64_t>();
    options_.ends = [](std::span<const int32_t>) -> Result<bool> { return false; };
    engine_ = LoadDir(ModelDir());
  }

  // The golden model, under another config where the file has one.
  std::string ModelDir() {
    const std::string model = GoldenModelDir(GetParam());
    if (!golden_.contains("rope_parameters")) return model;
    Json config = ReadJson(model + "/config.json");
    config.erase("rope_scaling");
    config.erase("rope_theta");
    config["rope_parameters"] = golden_["rope_parameters"];
    for (const auto& file : fs::directory_iterator(model)) {
      if (file.path().filename() == "config.json") continue;
      fs::create_symlink(fs::absolute(file.path()),
                         folder_.path() + "/" + file.path().filename().string());
    }
    EXPECT_TRUE(WriteFileAtomically(folder_.path() + "/config.json", config.dump()).ok());
    return folder_.path();
  }

  void ExpectTheReferences(const std::vector<Generated>& texts) const {
    ASSERT_EQ(texts.size(), prompts_.size());
    for (const Generated& text : texts) {
      const Json& wanted = golden_["texts"][static_cast<size_t>(text.request)];
      EXPECT_EQ(text.ids, wanted["ids"].get<Ids>())
          << "prompt of " << wanted["prompt"].size() << " tokens, request " << text.request;
    }
  }

  const TempFolder folder_;
  Json golden_;
  std::vector<plan::Sequence> prompts_;
  GenerateOptions options_;
  std::unique_ptr<Engine> engine_;
};

TEST_P(LongRopeGenerationTest, EachPromptAloneGivesTheReferencesText) {
  const auto texts = engine_->GenerateNaive(prompts_, 0, options_);
  ASSERT_TRUE(texts.ok()) << texts.status().ToString();
  ExpectTheReferences(*texts);
}

TEST_P(LongRopeGenerationTest, TextsOfOneBatchCrossTheLengthOneByOne) {
  plan::Limits limits;
  limits.micro_batch_tokens = 300;
  limits.generate_tokens = 1500;
  plan::Purpose purpose;
  purpose.kind = evaluation::RequestKind::kGenerate;
  purpose.generation.max_tokens = options_.tokens_max;
  const auto plan = plan::BuildPlan(prompts_, limits, purpose);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  ASSERT_GT(plan->batches.size(), 1U);
  std::vector<Generated> texts;
  for (const plan::Batch& batch : plan->batches) {
    const auto some = engine_->Generate(batch, options_);
    ASSERT_TRUE(some.ok()) << some.status().ToString();
    texts.insert(texts.end(), some->begin(), some->end());
  }
  ExpectTheReferences(texts);
}

INSTANTIATE_TEST_SUITE_P(Models, LongRopeGenerationTest, testing::Values("phi3_longrope", "llama"),
                         [](const auto& model) { return model.param; });

}  // namespace
}  // namespace koeval::engine
