// What each query sees, against the definition walked token by token.
#include "worker/engine/block_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

using plan::MicroBatch;

// Rows of the key buffer that packed token `token` sees, by walking up its path.
std::set<int64_t> SeenByDefinition(const MicroBatch& micro_batch, int64_t prefix, int64_t window,
                                   int64_t token) {
  std::set<int64_t> seen;
  const int64_t position = micro_batch.positions[static_cast<size_t>(token)];
  const auto add = [&](int64_t row, int64_t key_position) {
    if (window == 0 || position - key_position < window) seen.insert(row);
  };
  for (int64_t i = 0; i < prefix; ++i) add(i, i);
  int32_t at = 0;
  while (micro_batch.segments[static_cast<size_t>(at)].first_token +
             micro_batch.segments[static_cast<size_t>(at)].token_count <=
         token) {
    ++at;
  }
  for (; at >= 0; at = micro_batch.segments[static_cast<size_t>(at)].parent) {
    const plan::Segment& segment = micro_batch.segments[static_cast<size_t>(at)];
    for (int64_t i = 0; i < segment.token_count; ++i) {
      if (segment.first_token + i <= token) {
        add(prefix + segment.first_token + i, segment.first_position + i);
      }
    }
  }
  return seen;
}

std::set<int64_t> SeenByBlock(const AttentionBlock& block, int64_t token) {
  std::vector<int64_t> columns;
  for (const KeyRange& range : block.keys) {
    for (int64_t row = range.begin; row < range.end; ++row) columns.push_back(row);
  }
  std::set<int64_t> seen(columns.begin(), columns.begin() + block.mask_begin);
  const auto width = static_cast<size_t>(block.key_count - block.mask_begin);
  for (size_t i = 0; i < width; ++i) {
    if (block.mask[static_cast<size_t>(token - block.query_begin) * width + i] != 0) {
      seen.insert(columns[static_cast<size_t>(block.mask_begin) + i]);
    }
  }
  return seen;
}

void ExpectBlocksMatch(const MicroBatch& micro_batch, int64_t prefix, int64_t window) {
  ASSERT_TRUE(CheckMicroBatch(micro_batch, prefix).ok())
      << CheckMicroBatch(micro_batch, prefix).ToString();
  int64_t next = 0;
  for (const AttentionBlock& block : PlanAttention(micro_batch, prefix, window)) {
    ASSERT_EQ(block.query_begin, next);
    next = block.query_end;
    for (int64_t token = block.query_begin; token < block.query_end; ++token) {
      ASSERT_EQ(SeenByBlock(block, token), SeenByDefinition(micro_batch, prefix, window, token))
          << "token " << token << ", window " << window;
    }
  }
  EXPECT_EQ(next, static_cast<int64_t>(micro_batch.tokens.size()));
}

TEST(BlockPlanTest, EveryQueryOfRandomTriesSeesItsPathAndNothingElse) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937_64 random(seed);
    const auto sequences = RandomSequences(random, 30, 50, seed % 2 == 0 ? 60 : 400);
    plan::Limits limits;
    limits.micro_batch_tokens = seed % 3 == 0 ? 2048 : 150;
    limits.batch_tokens = 600;
    limits.prefix_tokens_min = seed % 4 == 0 ? 100000 : 4;
    const auto plan = plan::BuildPlan(sequences, limits);
    ASSERT_TRUE(plan.ok()) << plan.status().ToString();
    for (const plan::Batch& batch : plan->batches) {
      for (const MicroBatch& micro_batch : batch.micro_batches) {
        for (const int64_t window : {0, 1, 7, 50, 10000}) {
          ExpectBlocksMatch(micro_batch, static_cast<int64_t>(batch.prefix.size()), window);
        }
      }
    }
  }
}

TEST(BlockPlanTest, ALongSegmentIsCutIntoCausalBlocks) {
  const MicroBatch micro_batch = AsMicroBatch(std::vector<int32_t>(1000, 1));
  ExpectBlocksMatch(micro_batch, 0, 0);
  ExpectBlocksMatch(micro_batch, 0, 24);
  const std::vector<AttentionBlock> blocks = PlanAttention(micro_batch, 0, 0);
  ASSERT_GT(blocks.size(), 1u);
  EXPECT_EQ(blocks.front().key_count, blocks.front().query_end);
}

TEST(BlockPlanTest, WindowsDropKeysThatNoQueryOfTheBlockSees) {
  const MicroBatch micro_batch = AsMicroBatch(std::vector<int32_t>(1000, 1));
  for (const AttentionBlock& block : PlanAttention(micro_batch, 0, 24)) {
    EXPECT_LE(block.key_count, block.query_end - block.query_begin + 24);
  }
}

MicroBatch TwoChoices() {
  MicroBatch out;
  out.tokens = {1, 2, 3, 4, 5, 6};
  out.positions = {10, 11, 12, 13, 13, 14};
  out.segments = {{-1, 0, 3, 10}, {0, 3, 1, 13}, {0, 4, 2, 13}};
  out.rows = {{2, 9, 0}, {-1, 9, 1}};
  return out;
}

TEST(CheckMicroBatchTest, AcceptsAHandMadeTrie) {
  EXPECT_TRUE(CheckMicroBatch(TwoChoices(), 10).ok());
  ExpectBlocksMatch(TwoChoices(), 10, 0);
}

TEST(CheckMicroBatchTest, NamesWhatDoesNotHoldTogether) {
  const auto message = [](auto&& change) {
    MicroBatch bad = TwoChoices();
    change(bad);
    return CheckMicroBatch(bad, 10).message();
  };
  EXPECT_NE(message([](MicroBatch& b) { b.positions.pop_back(); }).find("differ"),
            std::string::npos);
  EXPECT_NE(message([](MicroBatch& b) { b.segments[2].first_token = 3; }).find("segment 2"),
            std::string::npos);
  EXPECT_NE(message([](MicroBatch& b) { b.segments[1].parent = 1; }).find("segment 1"),
            std::string::npos);
  EXPECT_NE(message([](MicroBatch& b) { b.segments[0].first_position = 9; }).find("segment 0"),
            std::string::npos);
  EXPECT_NE(message([](MicroBatch& b) { b.positions[5] = 13; }).find("segment 2"),
            std::string::npos);
  EXPECT_NE(message([](MicroBatch& b) { b.segments.pop_back(); }).find("cover"), std::string::npos);
  EXPECT_NE(message([](MicroBatch& b) { b.rows[0].token = 6; }).find("row 0"), std::string::npos);
  EXPECT_NE(message([](MicroBatch& b) { b.rows[1].token = -11; }).find("row 1"), std::string::npos);
}

}  // namespace
}  // namespace koeval::engine
