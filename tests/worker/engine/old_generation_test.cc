// Texts of profile leaderboard-v1, from the task file to the text, against a written-down harness
// of June 2023 (tests/golden/old_generation, made by make_old_generation.py).
#include <gtest/gtest.h>

#include <fstream>

#include "common/base/json.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/task.h"
#include "common/tokenizer/tokenizer.h"
#include "tests/worker/engine/engine_test_util.h"
#include "worker/plan/encode.h"
#include "worker/plan/stop.h"

namespace koeval::engine {
namespace {

using evaluation::Profile;

std::vector<Json> ReadLines(const std::string& path) {
  std::vector<Json> out;
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    auto line = ParseJson(text);
    EXPECT_TRUE(line.ok()) << path << ": " << line.status().ToString();
    if (line.ok()) out.push_back(*std::move(line));
  }
  return out;
}

// (model, task)
class OldGenerationTest : public testing::TestWithParam<std::pair<std::string, std::string>> {
 protected:
  void SetUp() override {
    const auto& [model, task] = GetParam();
    const std::string folder = GoldenDir() + "/old_generation/";
    wanted_ = ReadLines(folder + model + "/" + task + ".jsonl");
    ASSERT_FALSE(wanted_.empty());
    engine_ = LoadGolden(model);
    auto tokenizer = tokenizer::LoadTokenizer(
        GoldenModelDir(model),
        {.generation = tokenizer::Generation::k4, .model_type = engine_->facts().model_type});
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
    tokenizer_ = std::move(tokenizer).value();
    const auto tasks = evaluation::LoadTasks(folder + "tasks", {task});
    ASSERT_TRUE(tasks.ok()) << tasks.status().ToString();
    evaluation::Options options;
    options.profile = Profile::kLeaderboardV1;
    options.limit = static_cast<int64_t>(wanted_.size());
    auto prepared = evaluation::Prepare(tasks->front(), options);
    ASSERT_TRUE(prepared.ok()) << prepared.status().ToString();
    prepared_ = *std::move(prepared);
  }

  std::vector<Json> wanted_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<tokenizer::Tokenizer> tokenizer_;
  evaluation::PreparedTask prepared_;
};

TEST_P(OldGenerationTest, PromptsTokensAndTextsAreThoseOfTheOldHarness) {
  ASSERT_EQ(prepared_.documents.size(), wanted_.size());
  int64_t truncated = 0;
  for (size_t i = 0; i < wanted_.size(); ++i) {
    EXPECT_EQ(prepared_.documents[i].doc_id, wanted_[i]["doc_id"].get<int64_t>()) << i;
    EXPECT_EQ(prepared_.requests[i].context, wanted_[i]["ctx"].get<std::string>()) << i;
    truncated += wanted_[i]["truncated"].get<bool>() ? 1 : 0;
  }
  const evaluation::GenerationLimits& limits = prepared_.generation;
  const auto encoded = plan::EncodePrompts(
      *tokenizer_, prepared_.requests,
      {.profile = Profile::kLeaderboardV1, .max_length = engine_->facts().max_length},
      limits.max_tokens);
  ASSERT_TRUE(encoded.ok()) << encoded.status().ToString();
  EXPECT_EQ(encoded->truncated, truncated);

  const auto stop =
      plan::StopRule::Make(*tokenizer_, Profile::kLeaderboardV1, limits, engine_->facts().end_ids);
  ASSERT_TRUE(stop.ok()) << stop.status().ToString();
  plan::Purpose purpose;
  purpose.kind = evaluation::RequestKind::kGenerate;
  purpose.generation = limits;
  const auto plan = plan::BuildPlan(encoded->sequences, {}, purpose);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  GenerateOptions options;
  options.tokens_max = limits.max_tokens;
  options.repetition_penalty = engine_->facts().repetition_penalty;
  options.ends = [&stop](std::span<const int32_t> ids) { return stop->Ends(ids); };
  size_t answered = 0;
  for (const plan::Batch& batch : plan->batches) {
    const auto texts = engine_->Generate(batch, options);
    ASSERT_TRUE(texts.ok()) << texts.status().ToString();
    for (const Generated& text : *texts) {
      SCOPED_TRACE("document " + std::to_string(text.request));
      const Json& wanted = wanted_[static_cast<size_t>(text.request)];
      EXPECT_EQ(text.ids, wanted["output_ids"].get<std::vector<int32_t>>());
      const auto cut = stop->Text(text.ids);
      ASSERT_TRUE(cut.ok()) << cut.status().ToString();
      EXPECT_EQ(*cut, wanted["output"].get<std::string>());
      ++answered;
    }
  }
  EXPECT_EQ(answered, wanted_.size());
}

std::vector<std::pair<std::string, std::string>> Cases() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const char* model : {"gpt_neox", "llama", "qwen2"}) {
    for (const char* task : {"old_ending", "old_long"}) out.emplace_back(model, task);
  }
  return out;
}

INSTANTIATE_TEST_SUITE_P(Models, OldGenerationTest, testing::ValuesIn(Cases()),
                         [](const auto& one) { return one.param.first + "_" + one.param.second; });

}  // namespace
}  // namespace koeval::engine
