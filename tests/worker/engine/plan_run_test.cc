// The plan against every request alone, bits, prefixes and faults of a batch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

using plan::Limits;
using plan::Sequence;
using testing::HasSubstr;

constexpr int32_t kVocabulary = 1000;  // below that of every golden model
constexpr int kLengthMax = 120;
constexpr double kSameNats = 1e-4;

Limits SmallLimits() {
  Limits limits;
  limits.micro_batch_tokens = 200;
  limits.batch_tokens = 700;
  limits.prefix_tokens_min = 4;
  return limits;
}

plan::Plan Build(const std::vector<Sequence>& sequences, const Limits& limits) {
  auto plan = plan::BuildPlan(sequences, limits);
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  return plan.ok() ? *plan : plan::Plan{};
}

void ExpectSame(const std::vector<Answer>& a, const std::vector<Answer>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_EQ(a[i].request, b[i].request);
    EXPECT_NEAR(a[i].log_likelihood, b[i].log_likelihood, kSameNats) << "request " << i;
    EXPECT_EQ(a[i].is_greedy, b[i].is_greedy) << "request " << i;
  }
}

class PlanRunTest : public testing::TestWithParam<std::string> {};

// gpt2 has 256 learned positions; packed tokens of many short paths are more than that.
TEST(PackedLengthTest, BatchMayHoldMoreTokensThanTheModelHasPositions) {
  const auto engine = LoadGolden("gpt2");
  std::mt19937_64 random(7);
  const auto sequences = RandomSequences(random, 40, kVocabulary, kLengthMax, 0);
  Limits limits;
  limits.micro_batch_tokens = 2048;
  const plan::Plan plan = Build(sequences, limits);
  ASSERT_GT(plan.batches.front().micro_batches.front().tokens.size(), 256u);
  const auto alone = engine->RunNaive(sequences, 0);
  ASSERT_TRUE(alone.ok()) << alone.status().ToString();
  const auto planned = RunPlan(*engine, plan);
  ASSERT_TRUE(planned.ok()) << planned.status().ToString();
  ExpectSame(*planned, *alone);
}

TEST_P(PlanRunTest, PlanAgreesWithEveryRequestAlone) {
  const auto engine = LoadGolden(GetParam());
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const int shots = seed % 2 == 0 ? 10 : 8;
    const auto sequences = RandomSequences(random, 40, kVocabulary, kLengthMax, shots);
    const auto alone = engine->RunNaive(sequences, 0);
    ASSERT_TRUE(alone.ok()) << alone.status().ToString();
    const auto planned = RunPlan(*engine, Build(sequences, SmallLimits()));
    ASSERT_TRUE(planned.ok()) << planned.status().ToString();
    ExpectSame(*planned, *alone);
  }
}

TEST_P(PlanRunTest, WithAndWithoutAStoredPrefixAgree) {
  const auto engine = LoadGolden(GetParam());
  std::mt19937_64 random(11);
  const auto sequences = RandomSequences(random, 40, kVocabulary, kLengthMax, 10);
  Limits without = SmallLimits();
  without.prefix_tokens_min = 1 << 20;
  const plan::Plan stored = Build(sequences, SmallLimits());
  const plan::Plan plain = Build(sequences, without);
  const auto with_prefix = [](const plan::Plan& plan) {
    return std::count_if(plan.batches.begin(), plan.batches.end(),
                         [](const plan::Batch& batch) { return !batch.prefix.empty(); });
  };
  ASSERT_GT(with_prefix(stored), 0);
  ASSERT_EQ(with_prefix(plain), 0);
  const auto a = RunPlan(*engine, stored);
  const auto b = RunPlan(*engine, plain);
  ASSERT_TRUE(a.ok() && b.ok());
  ExpectSame(*a, *b);
}

TEST_P(PlanRunTest, EqualBatchesGiveEqualBits) {
  std::mt19937_64 random(5);
  const auto sequences = RandomSequences(random, 40, kVocabulary, kLengthMax);
  const plan::Plan plan = Build(sequences, SmallLimits());
  LoadOptions options = TestOptions(GoldenModelDir(GetParam()));
  options.threads = 2;
  const auto engine = Load(options);
  const auto first = RunPlan(*engine, plan);
  const auto again = RunPlan(*engine, plan);
  const auto reloaded = RunPlan(*Load(options), plan);
  ASSERT_TRUE(first.ok() && again.ok() && reloaded.ok());
  ASSERT_EQ(first->size(), sequences.size());
  for (size_t i = 0; i < first->size(); ++i) {
    EXPECT_EQ((*first)[i].log_likelihood, (*again)[i].log_likelihood);
    EXPECT_EQ((*first)[i].log_likelihood, (*reloaded)[i].log_likelihood);
  }
}

double MeanDistance(const std::vector<Answer>& a, const std::vector<Answer>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i].log_likelihood - b[i].log_likelihood);
  return sum / static_cast<double>(a.size());
}

// Half precision rounds differently in other shapes; what counts is the distance to float32.
TEST_P(PlanRunTest, BFloat16PlanIsAsCloseToFloat32AsEachRequestAlone) {
  std::mt19937_64 random(9);
  const auto sequences = RandomSequences(random, 30, kVocabulary, kLengthMax, 10);
  const auto exact = LoadGolden(GetParam())->RunNaive(sequences, 0);
  const auto engine = LoadGolden(GetParam(), Dtype::kBFloat16);
  const auto alone = engine->RunNaive(sequences, 0);
  const auto planned = RunPlan(*engine, Build(sequences, SmallLimits()));
  ASSERT_TRUE(exact.ok() && alone.ok() && planned.ok());
  EXPECT_LT(MeanDistance(*planned, *exact), 1.5 * MeanDistance(*alone, *exact));
}

INSTANTIATE_TEST_SUITE_P(Models, PlanRunTest, testing::ValuesIn(GoldenModels()),
                         [](const auto& model) { return model.param; });

// A batch by hand: prefix 1 2 3 4, context 5 6, choices 7 8 | 9, and a request inside the prefix.
plan::Batch HandMadeBatch() {
  plan::Batch batch;
  batch.prefix = {1, 2, 3, 4};
  plan::MicroBatch micro_batch;
  micro_batch.tokens = {5, 6, 7, 9};
  micro_batch.positions = {4, 5, 6, 6};
  micro_batch.segments = {{-1, 0, 2, 4}, {0, 2, 1, 6}, {0, 3, 1, 6}};
  micro_batch.rows = {{1, 7, 0}, {2, 8, 0}, {1, 9, 1}, {3, 3, 1}, {-4, 11, 2}, {-4, 12, 3}};
  batch.micro_batches = {micro_batch};
  batch.requests = {0, 1, 2, 3};
  return batch;
}

TEST(HandMadeBatchTest, AnswersAreThoseOfTheSequences) {
  const auto engine = LoadGolden("llama");
  const std::vector<Sequence> sequences = {{{1, 2, 3, 4, 5, 6, 7}, {7, 8}},
                                           {{1, 2, 3, 4, 5, 6, 9}, {9, 3}},
                                           {{1, 2, 3, 4}, {11}},
                                           {{1, 2, 3, 4}, {12}}};
  const auto alone = engine->RunNaive(sequences, 0);
  const auto answers = engine->Run(HandMadeBatch());
  ASSERT_TRUE(alone.ok());
  ASSERT_TRUE(answers.ok()) << answers.status().ToString();
  ExpectSame(*answers, *alone);
}

TEST(HandMadeBatchTest, GreedyFlagFollowsTheFirstMaximum) {
  const auto engine = LoadGolden("llama");
  const std::vector<int32_t> ids = {1, 2, 3, 4};
  const auto logits = engine->Logits(ids);
  ASSERT_TRUE(logits.ok());
  const auto row = logits->end() - static_cast<std::ptrdiff_t>(logits->size() / ids.size());
  const auto best = static_cast<int32_t>(std::max_element(row, logits->end()) - row);
  const std::vector<Sequence> sequences = {{ids, {best}}, {ids, {best == 0 ? 1 : 0}}};
  const auto answers = RunPlan(*engine, Build(sequences, Limits{}));
  ASSERT_TRUE(answers.ok());
  EXPECT_TRUE((*answers)[0].is_greedy);
  EXPECT_FALSE((*answers)[1].is_greedy);
}

std::string LogitsDtypeOf(const std::string& model, int generation) {
  LoadOptions options = TestOptions(GoldenModelDir(model), Dtype::kBFloat16);
  options.logits_dtype = LogitsDtype::kAsModel;
  options.generation = generation;
  return Load(options)->facts().logits_dtype;
}

TEST(LogitsDtypeTest, OlderClassesOfTheLlamaKindCastTheirLogits) {
  for (const char* model :
       {"llama", "mistral", "qwen2", "gemma2", "mixtral", "phi3", "gptj", "cohere"}) {
    EXPECT_EQ(LogitsDtypeOf(model, 4), "float32") << model;
    EXPECT_EQ(LogitsDtypeOf(model, 5), "bfloat16") << model;
  }
  for (const char* model : {"gpt_neox", "gpt2", "qwen3", "olmo2", "exaone4"}) {
    EXPECT_EQ(LogitsDtypeOf(model, 4), "bfloat16") << model;
  }
  EXPECT_EQ(LoadGolden("gpt_neox", Dtype::kBFloat16)->facts().logits_dtype, "float32");
}

// Generation 4 of Llama's class with as_model is what float32 gives.
TEST(LogitsDtypeTest, CastLogitsGiveTheScoresOfFloat32) {
  LoadOptions options = TestOptions(GoldenModelDir("llama"), Dtype::kBFloat16);
  const auto wide = Load(options)->Run(HandMadeBatch());
  options.logits_dtype = LogitsDtype::kAsModel;
  const auto rounded = Load(options)->Run(HandMadeBatch());
  options.generation = 4;
  const auto cast = Load(options)->Run(HandMadeBatch());
  ASSERT_TRUE(wide.ok() && rounded.ok() && cast.ok());
  for (size_t i = 0; i < wide->size(); ++i) {
    EXPECT_EQ((*cast)[i].log_likelihood, (*wide)[i].log_likelihood);
    EXPECT_NE((*rounded)[i].log_likelihood, (*wide)[i].log_likelihood);
  }
}

TEST(HandMadeBatchTest, AsModelRoundsTermsAndSumToTheModelsDtype) {
  LoadOptions options = TestOptions(GoldenModelDir("llama"), Dtype::kBFloat16);
  options.logits_dtype = LogitsDtype::kAsModel;
  const auto engine = Load(options);
  const auto answers = engine->Run(HandMadeBatch());
  ASSERT_TRUE(answers.ok());
  for (const Answer& answer : *answers) {
    const auto value = static_cast<float>(answer.log_likelihood);
    uint32_t bits = 0;
    std::memcpy(&bits, &value, sizeof(bits));
    EXPECT_EQ(bits & 0xffffu, 0u) << answer.log_likelihood << " is no bfloat16";
  }
}

TEST(BatchFaultTest, TokensOutsideTheVocabularyAreRefused) {
  const auto engine = LoadGolden("llama");
  plan::Batch batch = HandMadeBatch();
  batch.micro_batches[0].tokens[2] = 1200;
  const auto answers = engine->Run(batch);
  ASSERT_FALSE(answers.ok());
  EXPECT_EQ(answers.status().code(), Code::kInvalidArgument);
  EXPECT_THAT(answers.status().message(), HasSubstr("BAD_TOKENIZER: token id 1200"));
  batch = HandMadeBatch();
  batch.micro_batches[0].rows[0].target = -1;
  EXPECT_EQ(engine->Run(batch).status().code(), Code::kInvalidArgument);
}

TEST(BatchFaultTest, MoreTokensThanLearnedPositionsAreRefused) {
  const auto engine = LoadGolden("gpt2");
  const Sequence sequence{std::vector<int32_t>(257, 3), {4}};
  const auto answers = engine->RunNaive(std::span(&sequence, 1), 0);
  ASSERT_FALSE(answers.ok());
  EXPECT_THAT(answers.status().message(), HasSubstr("256"));
  EXPECT_FALSE(RunPlan(*engine, Build({sequence}, Limits{})).ok());
}

TEST(BatchFaultTest, ARequestWithoutRowsIsAFaultOfThePlan) {
  const auto engine = LoadGolden("llama");
  plan::Batch batch = HandMadeBatch();
  batch.requests.push_back(4);
  const auto answers = engine->Run(batch);
  EXPECT_EQ(answers.status().code(), Code::kInternal);
  EXPECT_THAT(answers.status().message(), HasSubstr("request 4"));
}

}  // namespace
}  // namespace koeval::engine
