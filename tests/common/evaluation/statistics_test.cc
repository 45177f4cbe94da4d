// Tests of the sums and standard errors. Expected numbers: CPython 3.11 and numpy 2.4.
#include "common/evaluation/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

namespace koeval::evaluation {
namespace {

// 1/(i+3), every third term times -1.7: a series whose sum depends on the order of additions.
std::vector<double> Series(size_t n) {
  std::vector<double> out(n);
  for (size_t i = 0; i < n; ++i) {
    out[i] = 1.0 / static_cast<double>(i + 3) * (i % 3 == 0 ? -1.7 : 1.0);
  }
  return out;
}

struct SumCase {
  size_t n;
  double numpy;
  double python;
};

TEST(SumTest, BothOrdersGiveTheBitsOfTheirModel) {
  const SumCase cases[] = {
      {7, -0.321031746031746, -0.321031746031746},
      {8, -0.221031746031746, -0.221031746031746},
      {9, -0.13012265512265508, -0.13012265512265508},
      {16, -0.2098919218036864, -0.20989192180368643},
      {17, -0.157260342856318, -0.15726034285631801},
      {100, 0.0006934379063682841, 0.0006934379063682529},
      {127, 0.025900272032024135, 0.025900272032024142},
      {128, 0.033592579724331856, 0.033592579724331835},
      {129, 0.0412261675105914, 0.041226167510591376},
      {130, 0.028347379631803518, 0.028347379631803497},
      {200, 0.07753940091045392, 0.07753940091045386},
      {257, 0.10234390355456745, 0.10234390355456738},
      {1000, 0.2366002403692063, 0.23660024036920607},
  };
  for (const SumCase& c : cases) {
    EXPECT_EQ(NumpySum(Series(c.n)), c.numpy) << c.n;
    EXPECT_EQ(LeftToRightSum(Series(c.n)), c.python) << c.n;
  }
}

TEST(SumTest, NothingSumsToZero) {
  EXPECT_EQ(NumpySum({}), 0);
  EXPECT_EQ(LeftToRightSum({}), 0);
}

TEST(MeanStderrTest, FollowsTheSampleFormula) {
  const std::vector<double> values = {1, 0, 1, 1};
  EXPECT_DOUBLE_EQ(Mean(values), 0.75);
  EXPECT_DOUBLE_EQ(SampleStddev(values), 0.5);
  EXPECT_DOUBLE_EQ(*MeanStderr(values), 0.25);
}

TEST(MeanStderrTest, OneValueHasNone) {
  EXPECT_FALSE(MeanStderr(std::vector<double>{1.0}));
}

TEST(BootstrapTest, IsTheHarnessesNumberOfARealStatistic) {
  const std::vector<double> items = {-1, -1.5, -2, -2.5, -3};
  const auto perplexity = [&](std::span<const uint32_t> indices) {
    double sum = 0;
    for (const uint32_t index : indices) sum += items[index];
    return std::exp(-sum / static_cast<double>(indices.size()));
  };
  EXPECT_NEAR(*BootstrapStderr(items.size(), perplexity), 2.50882066599906, 1e-13);
  EXPECT_FALSE(BootstrapStderr(1, perplexity));
}

TEST(PooledStderrTest, OneGroupKeepsItsOwnError) {
  const std::optional<double> errors[] = {0.05};
  const int64_t sizes[] = {40};
  EXPECT_DOUBLE_EQ(*PooledStderr(errors, sizes), 0.05);
}

TEST(PooledStderrTest, IsMissingWhenAGroupHasNone) {
  const std::optional<double> errors[] = {0.05, std::nullopt};
  const int64_t sizes[] = {40, 1};
  EXPECT_FALSE(PooledStderr(errors, sizes));
}

TEST(PooledStderrTest, WeighsGroupsByVarianceAndSize) {
  const std::optional<double> errors[] = {0.1, 0.2};
  const int64_t sizes[] = {10, 20};
  // (9 * 0.01 * 10 + 19 * 0.04 * 20) / 28 / 30.
  EXPECT_DOUBLE_EQ(*PooledStderr(errors, sizes), std::sqrt(16.1 / 28 / 30));
}

}  // namespace
}  // namespace koeval::evaluation
