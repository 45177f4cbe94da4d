// Properties of plans over generated tasks: fixed and drawn shots, shared contexts, duplicates.
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <vector>

#include "tests/worker/plan/plan_checker.h"
#include "worker/plan/plan.h"

namespace koeval::plan {
namespace {

constexpr uint32_t kSeeds = 400;

class Generator {
 public:
  explicit Generator(uint32_t seed) : random_(seed) {}

  int32_t Between(int32_t least, int32_t most) {
    return least + static_cast<int32_t>(random_() % static_cast<uint32_t>(most - least + 1));
  }
  std::vector<int32_t> Ids(int32_t count, int32_t vocabulary) {
    std::vector<int32_t> ids;
    for (int32_t i = 0; i < count; ++i) ids.push_back(Between(0, vocabulary - 1));
    return ids;
  }

  // A task: blocks of shots, documents that start with one of them, choices that share a context.
  std::vector<Sequence> Task() {
    const int32_t vocabulary = Between(1, 4) == 1 ? Between(1, 3) : Between(4, 500);
    std::vector<std::vector<int32_t>> blocks;
    for (int32_t i = Between(1, 4); i > 0; --i) {
      blocks.push_back(Ids(Between(0, 3) == 0 ? 0 : Between(0, 60), vocabulary));
    }
    std::vector<Sequence> out;
    for (int32_t documents = Between(0, 40); documents > 0; --documents) {
      std::vector<int32_t> context = blocks[random_() % blocks.size()];
      const auto own = Ids(Between(0, 30), vocabulary);
      context.insert(context.end(), own.begin(), own.end());
      for (int32_t choices = Between(1, 5); choices > 0; --choices) {
        out.push_back(Choice(context, vocabulary));
      }
    }
    return out;
  }

  Limits SomeLimits() {
    return {.micro_batch_tokens = Between(1, 200),
            .batch_tokens = Between(1, 800),
            .prefix_tokens_min = Between(1, 30)};
  }

 private:
  Sequence Choice(const std::vector<int32_t>& context, int32_t vocabulary) {
    Sequence s;
    s.input = context;
    const auto tail = Ids(Between(1, 4) == 1 ? 0 : Between(0, 12), vocabulary);
    s.input.insert(s.input.end(), tail.begin(), tail.end());
    if (s.input.empty()) s.input = Ids(1, vocabulary);
    const auto most = static_cast<int32_t>(s.input.size());
    s.targets = Ids(Between(1, Between(0, 9) == 0 ? most : std::min(most, 6)), vocabulary);
    return s;
  }

  std::mt19937 random_;
};

TEST(PlanProperties, EveryGeneratedPlanHolds) {
  int64_t with_prefix = 0, over_limit = 0, rows_in_prefix = 0, duplicates = 0;
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    Generator generator(seed);
    const auto sequences = generator.Task();
    const Limits limits = generator.SomeLimits();
    const auto plan = BuildPlan(sequences, limits);
    ASSERT_TRUE(plan.ok()) << "seed " << seed << ": " << plan.status().ToString();
    ASSERT_TRUE(IsPlanOf(*plan, sequences, limits)) << "seed " << seed;
    for (const Batch& batch : plan->batches) {
      with_prefix += batch.prefix.empty() ? 0 : 1;
      for (const MicroBatch& m : batch.micro_batches) {
        over_limit += std::cmp_greater(m.tokens.size(), limits.micro_batch_tokens) ? 1 : 0;
        for (const Row& row : m.rows) rows_in_prefix += row.token < 0 ? 1 : 0;
      }
    }
    for (size_t i = 1; i < sequences.size(); ++i) {
      duplicates += sequences[i].input == sequences[i - 1].input ? 1 : 0;
    }
  }
  // The generator reaches what the properties are about.
  EXPECT_GT(with_prefix, 100);
  EXPECT_GT(over_limit, 100);
  EXPECT_GT(rows_in_prefix, 100);
  EXPECT_GT(duplicates, 100);
}

// Prompts: the sequences of a task cut down to what a model goes on from.
TEST(PlanProperties, EveryGeneratedPlanOfPromptsHoldsAndStoresWhatMayFollow) {
  int64_t with_prefix = 0, duplicates = 0;
  for (uint32_t seed = 1; seed <= kSeeds; ++seed) {
    Generator generator(seed);
    auto sequences = generator.Task();
    for (Sequence& s : sequences) s.targets = {kNoTarget};
    Limits limits = generator.SomeLimits();
    limits.generate_tokens = generator.Between(1, 900);
    Purpose purpose;
    purpose.kind = evaluation::RequestKind::kGenerate;
    purpose.generation.max_tokens = generator.Between(1, 40);
    const auto plan = BuildPlan(sequences, limits, purpose);
    ASSERT_TRUE(plan.ok()) << "seed " << seed << ": " << plan.status().ToString();
    ASSERT_TRUE(IsPlanOf(*plan, sequences, limits, purpose)) << "seed " << seed;
    int64_t stored = 0;
    for (const Batch& batch : plan->batches) {
      with_prefix += batch.prefix.empty() ? 0 : 1;
      std::set<std::vector<int32_t>> prompts;
      for (const int32_t r : batch.requests) {
        prompts.insert(sequences[static_cast<size_t>(r)].input);
      }
      duplicates += static_cast<int64_t>(batch.requests.size() - prompts.size());
      auto tokens = static_cast<int64_t>(batch.prefix.size());
      for (const MicroBatch& m : batch.micro_batches) {
        tokens += static_cast<int64_t>(batch.prefix.size() + m.tokens.size());
      }
      tokens += static_cast<int64_t>(prompts.size()) * purpose.generation.max_tokens;
      stored = std::max(stored, tokens);
    }
    ASSERT_EQ(plan->stored_tokens, stored) << "seed " << seed;
  }
  EXPECT_GT(with_prefix, 100);
  EXPECT_GT(duplicates, 100);
}

TEST(PlanProperties, PlanningTwiceGivesTheSamePlan) {
  for (uint32_t seed = 1; seed <= 50; ++seed) {
    Generator generator(seed);
    const auto sequences = generator.Task();
    const Limits limits = generator.SomeLimits();
    const auto copy = sequences;
    const auto a = BuildPlan(sequences, limits);
    const auto b = BuildPlan(copy, limits);
    ASSERT_TRUE(a.ok() && b.ok()) << "seed " << seed;
    ASSERT_EQ(a->digest, b->digest) << "seed " << seed;
    ASSERT_EQ(a->batches.size(), b->batches.size()) << "seed " << seed;
    for (size_t i = 0; i < a->batches.size(); ++i) {
      ASSERT_EQ(a->batches[i].requests, b->batches[i].requests) << "seed " << seed;
      ASSERT_EQ(a->batches[i].prefix, b->batches[i].prefix) << "seed " << seed;
      for (size_t m = 0; m < a->batches[i].micro_batches.size(); ++m) {
        ASSERT_EQ(a->batches[i].micro_batches[m].tokens, b->batches[i].micro_batches[m].tokens);
      }
    }
  }
}

}  // namespace
}  // namespace koeval::plan
