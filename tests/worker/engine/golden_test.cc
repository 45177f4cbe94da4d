// Logits of the golden models against the stored outputs of the reference implementation.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

// The reference disagrees with itself by 2.3e-5 between its own attention implementations.
constexpr double kLogitTolerance = 2e-4;
constexpr int kLengths[] = {1, 7, 64, 150};

// log_softmax of one row at `target`, in double.
double LogProbability(const float* row, int64_t vocabulary, int32_t target) {
  double highest = row[0];
  for (int64_t i = 1; i < vocabulary; ++i) highest = std::max<double>(highest, row[i]);
  double sum = 0;
  for (int64_t i = 0; i < vocabulary; ++i) sum += std::exp(row[i] - highest);
  return row[target] - highest - std::log(sum);
}

class GoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(GoldenTest, Float32LogitsAgreeWithTheReference) {
  const auto engine = LoadGolden(GetParam());
  double worst = 0;
  for (const int n : kLengths) {
    const GoldenLogits golden = ReadGoldenLogits(GetParam(), n);
    const auto logits = engine->Logits(std::span(golden.ids).first(static_cast<size_t>(n)));
    ASSERT_TRUE(logits.ok()) << logits.status().ToString();
    ASSERT_EQ(static_cast<int64_t>(logits->size()), n * golden.vocabulary);
    const float* last = logits->data() + (n - golden.rows) * golden.vocabulary;
    for (size_t i = 0; i < golden.logits.size(); ++i) {
      worst = std::max<double>(worst, std::abs(last[i] - golden.logits[i]));
      ASSERT_NEAR(last[i], golden.logits[i], kLogitTolerance) << "n " << n << ", entry " << i;
    }
    for (int i = 0; i < n; ++i) {
      const float* row = logits->data() + i * golden.vocabulary;
      const auto at = static_cast<size_t>(i);
      ASSERT_NEAR(LogProbability(row, golden.vocabulary, golden.ids[at + 1]),
                  golden.log_probabilities[at], kLogitTolerance)
          << "n " << n << ", position " << i;
    }
  }
  RecordProperty("worst_logit_difference", std::to_string(worst));
}

TEST_P(GoldenTest, SummedLogLikelihoodAgreesWithTheReference) {
  const auto engine = LoadGolden(GetParam());
  for (const int n : kLengths) {
    const GoldenLogits golden = ReadGoldenLogits(GetParam(), n);
    plan::Sequence sequence;
    sequence.input.assign(golden.ids.begin(), golden.ids.end() - 1);
    sequence.targets.assign(golden.ids.begin() + 1, golden.ids.end());
    double expected = 0;
    for (const float p : golden.log_probabilities) expected += p;
    const auto answers = engine->RunNaive(std::span(&sequence, 1), 7);
    ASSERT_TRUE(answers.ok()) << answers.status().ToString();
    ASSERT_EQ(answers->size(), 1u);
    EXPECT_EQ(answers->front().request, 7);
    EXPECT_NEAR(answers->front().log_likelihood, expected, 1e-3 + 2e-6 * std::abs(expected));
  }
}

// Rounding to bfloat16 moves log-probabilities of these models by 0.02 to 0.06 in the mean; most
// mistakes in a forward pass move them by more than 1.
TEST_P(GoldenTest, BFloat16StaysCloseToTheReference) {
  const auto engine = LoadGolden(GetParam(), Dtype::kBFloat16);
  const GoldenLogits golden = ReadGoldenLogits(GetParam(), 64);
  const auto logits = engine->Logits(std::span(golden.ids).first(64));
  ASSERT_TRUE(logits.ok()) << logits.status().ToString();
  double sum = 0, worst = 0;
  for (int i = 0; i < 64; ++i) {
    const auto at = static_cast<size_t>(i);
    const double p = LogProbability(logits->data() + i * golden.vocabulary, golden.vocabulary,
                                    golden.ids[at + 1]);
    const double difference = std::abs(p - golden.log_probabilities[at]);
    sum += difference;
    worst = std::max(worst, difference);
  }
  RecordProperty("mean_difference", std::to_string(sum / 64));
  // A rounded router may choose another expert; the reference implementation's own bfloat16 is off
  // by up to 1.4 on these.
  const bool routed = GetParam().find("moe") != std::string::npos;
  EXPECT_LT(worst, routed ? 1.5 : 0.5);
  EXPECT_LT(sum / 64, 0.1);
  EXPECT_GT(sum / 64, 1e-4) << "bfloat16 gave float32's numbers";
}

INSTANTIATE_TEST_SUITE_P(Models, GoldenTest, testing::ValuesIn(GoldenModels()),
                         [](const auto& model) { return model.param; });

std::vector<int32_t> GreedyTokens(Engine& engine, std::vector<int32_t> ids, int count) {
  std::vector<int32_t> out;
  for (int i = 0; i < count; ++i) {
    const auto logits = engine.Logits(ids);
    if (!logits.ok()) return out;
    const auto vocabulary = static_cast<std::ptrdiff_t>(logits->size() / ids.size());
    const auto last = logits->end() - vocabulary;
    out.push_back(static_cast<int32_t>(std::max_element(last, logits->end()) - last));
    ids.push_back(out.back());
  }
  return out;
}

TEST(TinyRandomGpt2Test, GreedyTokensAreTheKnownOnes) {
  const char* data = std::getenv("KOEVAL_TEST_DATA");
  if (data == nullptr) GTEST_SKIP() << "KOEVAL_TEST_DATA is not set";
  const auto engine = LoadDir(std::string(data) + "/models/tiny-random-gpt2");
  EXPECT_THAT(GreedyTokens(*engine, {0, 0, 0, 52}, 6), testing::Each(204));
  EXPECT_THAT(GreedyTokens(*engine, {0, 0, 195, 731}, 6),
              testing::ElementsAre(731, 114, 114, 114, 114, 114));
}

}  // namespace
}  // namespace koeval::engine
