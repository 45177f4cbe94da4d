// The tree of waiting requests: positions, and the first that fits, against a plain list.
#include "scheduler/core/rank_tree.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace koeval::core {
namespace {

size_t PositionIn(const std::vector<Rank>& sorted, const Rank& rank) {
  return static_cast<size_t>(
      std::count_if(sorted.begin(), sorted.end(), [&](const Rank& other) { return other < rank; }));
}

const Rank* FirstFittingIn(const std::vector<Rank>& sorted, const Rank* after, int64_t memory) {
  const auto it = std::find_if(sorted.begin(), sorted.end(), [&](const Rank& rank) {
    return (after == nullptr || *after < rank) && rank.need <= memory;
  });
  return it == sorted.end() ? nullptr : &*it;
}

void ExpectSame(const RankTree& tree, const std::vector<Rank>& sorted, const Rank& rank,
                int64_t memory) {
  EXPECT_EQ(tree.PositionOf(rank), PositionIn(sorted, rank));
  for (const Rank* after : {static_cast<const Rank*>(nullptr), &rank}) {
    const Rank* found = tree.FirstFitting(after, memory);
    const Rank* expected = FirstFittingIn(sorted, after, memory);
    ASSERT_EQ(found == nullptr, expected == nullptr);
    if (found == nullptr) continue;
    EXPECT_EQ(found->number, expected->number);
  }
}

TEST(RankTree, AgreesWithAPlainListWhileRanksComeAndGo) {
  constexpr unsigned kSeed = 20;
  SCOPED_TRACE(kSeed);
  std::mt19937 random(kSeed);
  const auto below = [&random](int64_t bound) { return static_cast<int64_t>(random() % bound); };
  RankTree tree;
  std::vector<Rank> sorted;
  for (int64_t step = 0; step < 4'000; ++step) {
    if (sorted.empty() || below(100) < 55) {
      const Rank rank{below(3), step, nullptr, below(50)};
      tree.insert(rank);
      sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), rank), rank);
    } else {
      const auto gone = sorted.begin() + below(static_cast<int64_t>(sorted.size()));
      tree.erase(*gone);
      sorted.erase(gone);
    }
    ExpectSame(tree, sorted, Rank{below(3), below(step + 1)}, below(60) - 5);
  }
  EXPECT_GT(sorted.size(), 100U);
}

TEST(RankTree, EmptyTreeHasNothingThatFits) {
  const RankTree tree;
  EXPECT_EQ(tree.PositionOf(Rank{}), 0U);
  EXPECT_EQ(tree.FirstFitting(nullptr, 1 << 30), nullptr);
}

}  // namespace
}  // namespace koeval::core
