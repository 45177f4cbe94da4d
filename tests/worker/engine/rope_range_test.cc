// Batches that hold inputs on both sides of a rope's original length.
#include "worker/engine/rope_range.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/worker/engine/engine_test_util.h"
#include "worker/engine/block_plan.h"

namespace koeval::engine {
namespace {

using model::RopeRange;

TEST(RopeRangeTest, OnlyLongerInputsThanTheOriginalLengthAreExtended) {
  EXPECT_EQ(RangeOf(80, 80), RopeRange::kOriginal);
  EXPECT_EQ(RangeOf(81, 80), RopeRange::kExtended);
  EXPECT_EQ(RangeOf(81, 0), RopeRange::kOriginal);
}

TEST(RopeRangeTest, OnlyLongRopeDependsOnTheLength) {
  model::DecoderSpec spec;
  EXPECT_EQ(OriginalLength(spec), 0);
  spec.ropes[0].kind = model::RopeKind::kYarn;
  spec.ropes[0].original_positions = 64;
  EXPECT_EQ(OriginalLength(spec), 0);
  spec.ropes[0].kind = model::RopeKind::kLongRope;
  EXPECT_EQ(OriginalLength(spec), 64);
}

TEST(RopeRangeTest, EveryRequestIsInThePartOfItsInputWithAllItsRows) {
  constexpr int64_t kOriginal = 60;
  int both = 0;
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto sequences = RandomSequences(random, 40, 50, 120);
    plan::Limits limits;
    limits.micro_batch_tokens = 200;
    limits.batch_tokens = 700;
    limits.prefix_tokens_min = 4;
    const auto plan = plan::BuildPlan(sequences, limits);
    ASSERT_TRUE(plan.ok()) << plan.status().ToString();
    for (const plan::Batch& batch : plan->batches) {
      const auto parts = SplitByRange(batch, kOriginal);
      std::vector<int32_t> requests;
      std::map<int32_t, size_t> rows;
      for (const RangePart& part : parts) {
        EXPECT_EQ(part.batch.prefix, batch.prefix);
        for (const int32_t request : part.batch.requests) {
          const auto& input = sequences[static_cast<size_t>(request)].input;
          EXPECT_EQ(RangeOf(static_cast<int64_t>(input.size()), kOriginal), part.range);
          requests.push_back(request);
        }
        for (const plan::MicroBatch& micro_batch : part.batch.micro_batches) {
          EXPECT_TRUE(CheckMicroBatch(micro_batch, static_cast<int64_t>(batch.prefix.size())).ok());
          for (const plan::Row& row : micro_batch.rows) ++rows[row.request];
        }
      }
      std::sort(requests.begin(), requests.end());
      EXPECT_EQ(requests, batch.requests);
      for (const int32_t request : requests) {
        EXPECT_EQ(rows[request], sequences[static_cast<size_t>(request)].targets.size());
      }
      both += parts.size() == 2 ? 1 : 0;
    }
  }
  EXPECT_GT(both, 0);
}

TEST(RopeRangeTest, OneRangeAloneLeavesTheBatchAsItIs) {
  const std::vector<plan::Sequence> sequences = {{{1, 2, 3}, {4}}, {{1, 2, 5}, {6}}};
  const auto plan = plan::BuildPlan(sequences, {});
  ASSERT_TRUE(plan.ok());
  const plan::Batch& batch = plan->batches[0];
  const auto parts = SplitByRange(batch, 3);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].range, RopeRange::kOriginal);
  EXPECT_EQ(parts[0].batch.micro_batches.size(), batch.micro_batches.size());
  EXPECT_EQ(SplitByRange(batch, 2)[0].range, RopeRange::kExtended);
}

}  // namespace
}  // namespace koeval::engine
