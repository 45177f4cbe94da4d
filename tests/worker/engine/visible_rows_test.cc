// What each growing text sees, by hand and against paths that are walked token by token.
#include "worker/engine/visible_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "tests/worker/engine/engine_test_util.h"

namespace koeval::engine {
namespace {

using testing::ElementsAre;

// Prefix of 2; context at rows 2-3 with children at 4 and 5-6; another root at row 7.
plan::MicroBatch SmallTrie() {
  plan::MicroBatch out;
  out.tokens = {10, 11, 12, 13, 14, 15};
  out.positions = {2, 3, 4, 4, 5, 2};
  out.segments = {{-1, 0, 2, 2}, {0, 2, 1, 4}, {0, 3, 2, 4}, {-1, 5, 1, 2}};
  return out;
}

std::vector<int> Seen(const VisibleRows& rows, size_t text, int64_t window) {
  std::vector<int> out(static_cast<size_t>(rows.SeenByAll(window)), 1);
  for (const float value : rows.Mask(std::vector<size_t>{text}, window)) {
    out.push_back(value == 0 ? 1 : 0);
    EXPECT_TRUE(value == 0 || std::isinf(value));
  }
  return out;
}

TEST(VisibleRowsTest, TextsSeeTheirPathAndTheirOwnTokens) {
  const plan::MicroBatch trie = SmallTrie();
  VisibleRows rows(trie, 2);
  ASSERT_EQ(rows.AddText(2), 0U);
  ASSERT_EQ(rows.AddText(4), 1U);
  ASSERT_EQ(rows.AddText(5), 2U);
  ASSERT_EQ(rows.AddText(-2), 3U);  // the prefix itself
  ASSERT_EQ(rows.rows(), 8);
  EXPECT_EQ(rows.Append(0), 5);
  EXPECT_EQ(rows.Append(1), 6);
  EXPECT_EQ(rows.Append(2), 3);
  EXPECT_EQ(rows.Append(3), 2);
  EXPECT_EQ(rows.Append(1), 7);
  EXPECT_EQ(rows.rows(), 13);
  EXPECT_THAT(rows.RowsOf(0), ElementsAre(0, 1, 2, 3, 4, 8));
  EXPECT_THAT(rows.RowsOf(1), ElementsAre(0, 1, 2, 3, 5, 6, 9, 12));
  EXPECT_THAT(rows.RowsOf(2), ElementsAre(0, 1, 7, 10));
  EXPECT_THAT(rows.RowsOf(3), ElementsAre(0, 1, 11));
  EXPECT_THAT(Seen(rows, 1, 0), ElementsAre(1, 1, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1));
  EXPECT_THAT(Seen(rows, 3, 0), ElementsAre(1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0));
}

TEST(VisibleRowsTest, WindowsHideWhatIsTooFarBack) {
  const plan::MicroBatch trie = SmallTrie();
  VisibleRows rows(trie, 2);
  rows.AddText(4);
  rows.Append(0);  // position 6 in row 8
  rows.Append(0);  // position 7 in row 9
  EXPECT_EQ(rows.SeenByAll(3), 0);
  EXPECT_THAT(Seen(rows, 0, 3), ElementsAre(0, 0, 0, 0, 0, 0, 1, 0, 1, 1));
  EXPECT_THAT(Seen(rows, 0, 1), ElementsAre(0, 0, 0, 0, 0, 0, 0, 0, 0, 1));
  EXPECT_THAT(Seen(rows, 0, 7), ElementsAre(0, 1, 1, 1, 0, 1, 1, 0, 1, 1));
}

// Prompts of random tries, with texts that grow in random order.
TEST(VisibleRowsTest, RowsAreThePromptAndTheTextHoweverTheyGrow) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    std::mt19937_64 random(seed);
    auto prompts = RandomSequences(random, 12, 40, 24, 7);
    for (plan::Sequence& prompt : prompts) prompt.targets = {plan::kNoTarget};
    plan::Limits limits;
    limits.micro_batch_tokens = 60;
    limits.prefix_tokens_min = 3;
    plan::Purpose purpose;
    purpose.kind = evaluation::RequestKind::kGenerate;
    const auto plan = plan::BuildPlan(prompts, limits, purpose);
    ASSERT_TRUE(plan.ok());
    for (const plan::Batch& batch : plan->batches) {
      for (const plan::MicroBatch& packed : batch.micro_batches) {
        const auto prefix = static_cast<int64_t>(batch.prefix.size());
        VisibleRows rows(packed, prefix);
        for (const plan::Row& row : packed.rows) rows.AddText(row.token);
        std::vector<int32_t> ids = batch.prefix;  // of each row
        ids.insert(ids.end(), packed.tokens.begin(), packed.tokens.end());
        std::vector<std::vector<int32_t>> wanted;
        for (const plan::Row& row : packed.rows) {
          wanted.push_back(prompts[static_cast<size_t>(row.request)].input);
        }
        for (int32_t i = 0; i < 20; ++i) {
          const size_t text = random() % wanted.size();
          ASSERT_EQ(rows.Append(text), static_cast<int32_t>(wanted[text].size()));
          ids.push_back(1000 + i);
          wanted[text].push_back(1000 + i);
        }
        for (size_t text = 0; text < wanted.size(); ++text) {
          std::vector<int32_t> seen;
          for (const int64_t row : rows.RowsOf(text)) seen.push_back(ids[static_cast<size_t>(row)]);
          ASSERT_EQ(seen, wanted[text]) << "seed " << seed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace koeval::engine
