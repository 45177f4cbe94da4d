// Greedy texts: batches against each prompt alone, each prompt alone against its logits, penalties,
// ends and faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

using plan::Sequence;
using testing::HasSubstr;

constexpr int32_t kVocabulary = 1000;  // below that of every golden model
constexpr int kLengthMax = 120;

std::vector<Sequence> RandomPrompts(uint64_t seed, int count, int shots) {
  std::mt19937_64 random(seed);
  auto prompts = RandomSequences(random, count, kVocabulary, kLengthMax, shots);
  for (Sequence& prompt : prompts) prompt.targets = {plan::kNoTarget};
  return prompts;
}

GenerateOptions Until(int64_t tokens_max) {
  GenerateOptions options;
  options.tokens_max = tokens_max;
  options.ends = [](std::span<const int32_t>) -> Result<bool> { return false; };
  return options;
}

// Ends at ids that a few of all texts reach, so that texts of a batch end one by one.
GenerateOptions UntilASeventh(int64_t tokens_max) {
  GenerateOptions options = Until(tokens_max);
  options.ends = [](std::span<const int32_t> ids) -> Result<bool> { return ids.back() % 7 == 0; };
  return options;
}

plan::Plan Build(const std::vector<Sequence>& prompts, int64_t tokens_max) {
  plan::Limits limits;
  limits.micro_batch_tokens = 200;
  limits.generate_tokens = 900;
  limits.prefix_tokens_min = 4;
  plan::Purpose purpose;
  purpose.kind = evaluation::RequestKind::kGenerate;
  purpose.generation.max_tokens = tokens_max;
  auto plan = plan::BuildPlan(prompts, limits, purpose);
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  return plan.ok() ? *plan : plan::Plan{};
}

using Texts = std::map<int32_t, std::vector<int32_t>>;

Texts Collect(const Result<std::vector<Generated>>& generated) {
  Texts texts;
  EXPECT_TRUE(generated.ok()) << generated.status().ToString();
  if (!generated.ok()) return texts;
  int32_t last = -1;
  for (const Generated& one : *generated) {
    EXPECT_GT(one.request, last);
    last = one.request;
    texts[one.request] = one.ids;
  }
  return texts;
}

Texts RunPlan(Engine& engine, const plan::Plan& plan, const GenerateOptions& options) {
  Texts texts;
  for (const plan::Batch& batch : plan.batches) {
    texts.merge(Collect(engine.Generate(batch, options)));
  }
  return texts;
}

class GenerateTest : public testing::TestWithParam<std::string> {};

TEST_P(GenerateTest, BatchesAgreeWithEachPromptAlone) {
  const auto engine = LoadGolden(GetParam());
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    auto prompts = RandomPrompts(seed, 24, seed == 1 ? 10 : 6);
    prompts.push_back(prompts.front());
    // A prompt that is the start of others.
    prompts.push_back({{prompts[0].input.begin(), prompts[0].input.begin() + 6}, {-1}});
    const GenerateOptions options = UntilASeventh(12);
    const plan::Plan plan = Build(prompts, options.tokens_max);
    const Texts planned = RunPlan(*engine, plan, options);
    const Texts alone = Collect(engine->GenerateNaive(prompts, 0, options));
    ASSERT_EQ(planned.size(), prompts.size());
    EXPECT_EQ(planned, alone) << "seed " << seed;
    std::set<size_t> lengths;
    for (const auto& [request, ids] : planned) lengths.insert(ids.size());
    // Random weights of some models say the same behind every prompt.
    if (GetParam() == "llama") {
      EXPECT_GT(lengths.size(), 2U) << "texts end at different steps";
    }
  }
}

// Alone, over its own cache, against the logits of the whole sequence at each step.
TEST_P(GenerateTest, EachTokenIsTheFirstMaximumOfTheLogits) {
  const auto engine = LoadGolden(GetParam());
  const auto prompts = RandomPrompts(4, 3, 5);
  const Texts texts = Collect(engine->GenerateNaive(prompts, 5, Until(8)));
  for (size_t i = 0; i < prompts.size(); ++i) {
    std::vector<int32_t> ids = prompts[i].input;
    std::vector<int32_t> wanted;
    while (wanted.size() < 8) {
      const auto logits = engine->Logits(ids);
      ASSERT_TRUE(logits.ok());
      const auto row = logits->end() - static_cast<std::ptrdiff_t>(logits->size() / ids.size());
      wanted.push_back(static_cast<int32_t>(std::max_element(row, logits->end()) - row));
      ids.push_back(wanted.back());
    }
    EXPECT_EQ(texts.at(static_cast<int32_t>(i) + 5), wanted);
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GenerateTest, testing::ValuesIn(GoldenModels()),
                         [](const auto& model) { return model.param; });

TEST(GenerateOptionsTest, EqualBatchesGiveEqualTextsInHalfPrecisionToo) {
  const auto prompts = RandomPrompts(6, 24, 10);
  const plan::Plan plan = Build(prompts, 16);
  LoadOptions options = TestOptions(GoldenModelDir("llama3_gqa"), Dtype::kBFloat16);
  options.threads = 2;
  const auto engine = Load(options);
  const Texts first = RunPlan(*engine, plan, UntilASeventh(16));
  EXPECT_EQ(RunPlan(*engine, plan, UntilASeventh(16)), first);
  EXPECT_EQ(RunPlan(*Load(options), plan, UntilASeventh(16)), first);
}

TEST(GenerateOptionsTest, PenaltyLowersWhatPromptAndTextHaveSeen) {
  const auto engine = LoadGolden("qwen2");
  const auto prompts = RandomPrompts(8, 12, 10);
  GenerateOptions options = Until(10);
  const plan::Plan plan = Build(prompts, options.tokens_max);
  const Texts plain = RunPlan(*engine, plan, options);
  options.repetition_penalty = 1.3;
  const Texts penalised = RunPlan(*engine, plan, options);
  EXPECT_NE(penalised, plain);
  EXPECT_EQ(penalised, Collect(engine->GenerateNaive(prompts, 0, options)));
  for (int32_t request = 0; request < 3; ++request) {
    std::vector<int32_t> ids = prompts[static_cast<size_t>(request)].input;
    for (const int32_t token : penalised.at(request)) {
      auto logits = engine->Logits(ids);
      ASSERT_TRUE(logits.ok());
      const auto row = logits->end() - static_cast<std::ptrdiff_t>(logits->size() / ids.size());
      for (const int32_t seen : std::set<int32_t>(ids.begin(), ids.end())) {
        float& value = row[seen];
        value = value < 0 ? value * 1.3f : value / 1.3f;
      }
      ASSERT_EQ(token, static_cast<int32_t>(std::max_element(row, logits->end()) - row));
      ids.push_back(token);
    }
  }
}

TEST(GenerateOptionsTest, OneTokenNeedsNoStep) {
  const auto engine = LoadGolden("gpt2");
  const auto prompts = RandomPrompts(9, 8, 10);
  const Texts texts = RunPlan(*engine, Build(prompts, 1), Until(1));
  ASSERT_EQ(texts.size(), prompts.size());
  for (const auto& [request, ids] : texts) EXPECT_EQ(ids.size(), 1U);
  EXPECT_EQ(texts, Collect(engine->GenerateNaive(prompts, 0, Until(1))));
}

TEST(GenerateOptionsTest, ErrorsOfTheStopRuleAreHandedOn) {
  const auto engine = LoadGolden("llama");
  const auto prompts = RandomPrompts(10, 4, 10);
  GenerateOptions options = Until(4);
  options.ends = [](std::span<const int32_t> ids) -> Result<bool> {
    if (ids.size() < 2) return false;
    return FailedPrecondition("BAD_TOKENIZER: no text");
  };
  const plan::Plan plan = Build(prompts, 4);
  for (const auto& generated : {engine->Generate(plan.batches.front(), options),
                                engine->GenerateNaive(prompts, 0, options)}) {
    EXPECT_EQ(generated.status().code(), Code::kFailedPrecondition);
    EXPECT_THAT(generated.status().message(), HasSubstr("BAD_TOKENIZER: no text"));
  }
}

TEST(GenerateFaultTest, TextsBeyondTheLearnedPositionsAreRefused) {
  const auto engine = LoadGolden("gpt2");
  const std::vector<Sequence> prompts = {{std::vector<int32_t>(250, 3), {plan::kNoTarget}}};
  const plan::Plan plan = Build(prompts, 6);
  EXPECT_TRUE(engine->Generate(plan.batches.front(), Until(6)).ok());
  for (const auto& generated : {engine->Generate(plan.batches.front(), Until(7)),
                                engine->GenerateNaive(prompts, 0, Until(7))}) {
    EXPECT_EQ(generated.status().code(), Code::kInvalidArgument);
    EXPECT_THAT(generated.status().message(), HasSubstr("256"));
  }
}

TEST(GenerateFaultTest, PromptsOutsideTheVocabularyAreRefused) {
  const auto engine = LoadGolden("llama");
  const std::vector<Sequence> prompts = {{{3, 1200}, {plan::kNoTarget}}};
  const plan::Plan plan = Build(prompts, 6);
  for (const auto& generated : {engine->Generate(plan.batches.front(), Until(6)),
                                engine->GenerateNaive(prompts, 0, Until(6))}) {
    EXPECT_THAT(generated.status().message(), HasSubstr("BAD_TOKENIZER: token id 1200"));
  }
}

}  // namespace
}  // namespace koeval::engine
