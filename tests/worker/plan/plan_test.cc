// Plans of the shapes that real tasks have, with their exact counts.
#include "worker/plan/plan.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "tests/worker/plan/plan_checker.h"

namespace koeval::plan {
namespace {

std::vector<int32_t> Ids(int32_t count, int32_t first) {
  std::vector<int32_t> ids(static_cast<size_t>(count));
  std::iota(ids.begin(), ids.end(), first);
  return ids;
}

std::vector<int32_t> Join(std::vector<int32_t> a, const std::vector<int32_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// A request whose continuation is `tail`: input is all but the last of it.
Sequence Request(const std::vector<int32_t>& context, const std::vector<int32_t>& tail) {
  Sequence s{.input = Join(context, tail), .targets = tail};
  s.input.pop_back();
  return s;
}

Plan MustPlan(const std::vector<Sequence>& sequences, const Limits& limits = {}) {
  auto plan = BuildPlan(sequences, limits);
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_TRUE(IsPlanOf(*plan, sequences, limits));
  return std::move(plan).value();
}

TEST(BuildPlan, NoRequestsGiveNoBatches) {
  const Plan plan = MustPlan({});
  EXPECT_TRUE(plan.batches.empty());
  EXPECT_EQ(plan.digest.size(), 64U);
}

TEST(BuildPlan, OneTokenChoicesAddNoNodes) {
  std::vector<Sequence> sequences;
  for (int32_t choice = 0; choice < 4; ++choice) {
    sequences.push_back(Request(Ids(50, 100), {choice}));
  }
  const Plan plan = MustPlan(sequences);
  EXPECT_EQ(plan.naive_tokens, 200);
  EXPECT_EQ(plan.unique_tokens, 50);
  ASSERT_EQ(plan.batches.size(), 1U);
  const MicroBatch& m = plan.batches[0].micro_batches[0];
  ASSERT_EQ(m.segments.size(), 1U);
  ASSERT_EQ(m.rows.size(), 4U);
  for (int32_t i = 0; i < 4; ++i) {
    EXPECT_EQ(m.rows[static_cast<size_t>(i)].token, 49);
    EXPECT_EQ(m.rows[static_cast<size_t>(i)].target, i);
  }
}

TEST(BuildPlan, ContextRunsOnceForAllChoices) {
  const auto context = Ids(30, 100);
  const std::vector<Sequence> sequences = {Request(context, {1, 2, 3}), Request(context, {4, 5}),
                                           Request(context, {1, 2, 9})};
  const Plan plan = MustPlan(sequences);
  EXPECT_EQ(plan.unique_tokens, 30 + 2 + 1);
  const MicroBatch& m = plan.batches[0].micro_batches[0];
  ASSERT_EQ(m.segments.size(), 3U);
  EXPECT_EQ(m.segments[0].token_count, 30);
  EXPECT_EQ(m.segments[1].parent, 0);
  EXPECT_EQ(m.segments[2].parent, 0);
  EXPECT_EQ(m.segments[2].first_position, 30);
  EXPECT_EQ(m.positions.back(), 30);
}

TEST(BuildPlan, IdenticalRequestsRunOnceAndAreAllAnswered) {
  const Sequence s = Request(Ids(20, 1), {7, 8});
  const Plan plan = MustPlan({s, s, s});
  EXPECT_EQ(plan.unique_tokens, 21);
  EXPECT_EQ(plan.batches[0].requests, (std::vector<int32_t>{0, 1, 2}));
  EXPECT_EQ(plan.batches[0].micro_batches[0].rows.size(), 6U);
}

// 5-shot knowledge questions: 620 tokens of shots, 115 of the question, four answers of one token.
TEST(BuildPlan, FixedShotsRunOncePerBatch) {
  const auto shots = Ids(620, 1000);
  std::vector<Sequence> sequences;
  for (int32_t document = 0; document < 400; ++document) {
    const auto context = Join(shots, Ids(115, 10'000 + document * 200));
    for (int32_t choice = 0; choice < 4; ++choice) sequences.push_back(Request(context, {choice}));
  }
  const Limits limits;
  const Plan plan = MustPlan(sequences, limits);
  EXPECT_EQ(plan.naive_tokens, 400 * 4 * 735);
  const auto batches = static_cast<int64_t>(plan.batches.size());
  EXPECT_EQ(plan.unique_tokens, 400 * 115 + batches * 620);
  EXPECT_EQ(batches, 7);  // (8192 - 620) / 115 = 65 documents each
  for (const Batch& batch : plan.batches) {
    if (batch.micro_batches.size() > 1) {
      EXPECT_EQ(batch.prefix, shots);
    }
  }
  EXPECT_GT(plan.naive_tokens, 20 * plan.unique_tokens);
}

// Shots drawn for each document: nothing is shared but the document's own context.
TEST(BuildPlan, DrawnShotsKeepEachDocumentWhole) {
  std::vector<Sequence> sequences;
  for (int32_t document = 0; document < 60; ++document) {
    const auto context = Ids(965, 100 + document * 2000);
    for (int32_t choice = 0; choice < 4; ++choice) {
      sequences.push_back(Request(context, Ids(33, choice * 50)));
    }
  }
  const Plan plan = MustPlan(sequences);
  EXPECT_EQ(plan.unique_tokens, 60 * (965 + 4 * 32));
  for (const Batch& batch : plan.batches) EXPECT_TRUE(batch.prefix.empty());
}

// Groups of documents that share a block of shots each: a batch keeps to one group where that saves
// running the block again in each forward.
TEST(BuildPlan, GroupsWithTheirOwnShotsAreNotMixed) {
  std::vector<Sequence> sequences;
  for (int32_t group = 0; group < 4; ++group) {
    const auto shots = Ids(600, 1000 + group * 1000);
    for (int32_t document = 0; document < 30; ++document) {
      const auto own = Ids(100, 10'000 + (group * 30 + document) * 200);
      sequences.push_back(Request(Join(shots, own), {1}));
    }
  }
  const Plan plan = MustPlan(sequences);
  EXPECT_EQ(plan.unique_tokens, 4 * (600 + 30 * 100));
  EXPECT_EQ(plan.batches.size(), 4U);
}

TEST(BuildPlan, RequestInsideThePrefixIsAnsweredThere) {
  const auto shots = Ids(40, 1000);
  std::vector<Sequence> sequences = {{.input = shots, .targets = {5, 6, 7}}};
  for (int32_t document = 0; document < 10; ++document) {
    sequences.push_back(Request(Join(shots, Ids(20, 2000 + document * 100)), {1}));
  }
  const Limits limits{.micro_batch_tokens = 64, .batch_tokens = 1000, .prefix_tokens_min = 16};
  const Plan plan = MustPlan(sequences, limits);
  ASSERT_EQ(plan.batches.size(), 1U);
  EXPECT_EQ(plan.batches[0].prefix, shots);
  const auto& rows = plan.batches[0].micro_batches[0].rows;
  ASSERT_GE(rows.size(), 3U);
  EXPECT_EQ(rows[0].token, -38);
  EXPECT_EQ(rows[2].token, -40);
  EXPECT_EQ(plan.unique_tokens, 40 + 200);
}

TEST(BuildPlan, PathLongerThanTheLimitStandsAlone) {
  const std::vector<Sequence> sequences = {Request(Ids(10, 1), {1}), Request(Ids(500, 1000), {1}),
                                           Request(Ids(10, 2000), {1})};
  const Limits limits{.micro_batch_tokens = 100, .batch_tokens = 200, .prefix_tokens_min = 16};
  const Plan plan = MustPlan(sequences, limits);
  EXPECT_EQ(plan.batches.size(), 3U);
  EXPECT_EQ(plan.unique_tokens, 520);
}

TEST(BuildPlan, DigestFollowsSequencesOrderTargetsAndLimits) {
  const std::vector<Sequence> base = {Request(Ids(9, 1), {4, 5}), Request(Ids(9, 50), {4})};
  std::set<std::string> digests = {MustPlan(base).digest};
  digests.insert(MustPlan({base[1], base[0]}).digest);
  auto other = base;
  other[0].targets[0] = 6;
  digests.insert(MustPlan(other).digest);
  other = base;
  other[1].input[3] = 0;
  digests.insert(MustPlan(other).digest);
  digests.insert(MustPlan(base, {.micro_batch_tokens = 2049}).digest);
  digests.insert(MustPlan(base, {.batch_tokens = 8193}).digest);
  digests.insert(MustPlan(base, {.prefix_tokens_min = 17}).digest);
  EXPECT_EQ(digests.size(), 7U);
  EXPECT_TRUE(digests.contains(MustPlan(base).digest));
}

TEST(BuildPlan, DigestFollowsWhatTheSequencesAreRunFor) {
  using evaluation::RequestKind;
  const std::vector<Sequence> prompts = {Request(Ids(9, 1), {kNoTarget})};
  std::set<std::string> digests = {MustPlan(prompts).digest};
  const auto add = [&](const Purpose& purpose, const Limits& limits = {}) {
    const auto plan = BuildPlan(prompts, limits, purpose);
    ASSERT_TRUE(plan.ok()) << plan.status().ToString();
    digests.insert(plan->digest);
  };
  Purpose purpose{.kind = RequestKind::kGenerate, .windows = {}, .generation = {{"a"}, 9}};
  add(purpose);
  add(purpose, {.generate_tokens = 99});
  purpose.generation.max_tokens = 10;
  add(purpose);
  purpose.generation.until = {"b"};
  add(purpose);
  purpose.generation.until = {"b", ""};
  add(purpose);
  purpose = {.kind = RequestKind::kLoglikelihoodRolling, .windows = {{0, 0, 1}}, .generation = {}};
  add(purpose);
  purpose.windows = {{0, 1, 2}};
  add(purpose);
  purpose.windows = {{1, 0, 1}};
  add(purpose);
  EXPECT_EQ(digests.size(), 9U);
}

TEST(BuildPlan, PurposesThatDoNotFitAreRefused) {
  using evaluation::RequestKind;
  const std::vector<Sequence> one = {Request(Ids(9, 1), {4})};
  EXPECT_FALSE(BuildPlan(one, {}, {.kind = RequestKind::kLoglikelihoodRolling}).ok());
  EXPECT_FALSE(BuildPlan(one, {}, {.windows = {{0, 0, 1}}}).ok());
  EXPECT_FALSE(
      BuildPlan(one, {}, {.kind = RequestKind::kGenerate, .windows = {}, .generation = {{}, 0}})
          .ok());
}

// A block of shots of 100 tokens, 40 prompts of 20 more, and 30 tokens that may follow each.
TEST(BuildPlan, PromptsShareTheirStartAndLeaveRoomForWhatFollows) {
  std::vector<Sequence> prompts;
  for (int32_t i = 0; i < 40; ++i) {
    prompts.push_back({Join(Ids(100, 1), Ids(20, 1000 * (i + 1))), {kNoTarget}});
  }
  const Limits limits{.micro_batch_tokens = 200, .generate_tokens = 1100};
  const Purpose purpose{
      .kind = evaluation::RequestKind::kGenerate, .windows = {}, .generation = {{}, 30}};
  const auto plan = BuildPlan(prompts, limits, purpose);
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  ASSERT_TRUE(IsPlanOf(*plan, prompts, limits, purpose));
  ASSERT_EQ(plan->batches.size(), 2U);  // 100 + 20 * (20 + 30) each
  for (const Batch& batch : plan->batches) {
    EXPECT_EQ(batch.prefix.size(), 100U);
    EXPECT_EQ(batch.requests.size(), 20U);
    EXPECT_EQ(batch.micro_batches.size(), 2U);
  }
  EXPECT_EQ(plan->unique_tokens, 2 * (100 + 20 * 20));
  EXPECT_EQ(plan->stored_tokens, 100 + 2 * 100 + 20 * (20 + 30));
}

TEST(BuildPlan, BadSequencesAreNamed) {
  const Sequence good = Request(Ids(5, 1), {1});
  const Sequence empty{.input = {1, 2}, .targets = {}};
  const Sequence long_tail{.input = {1}, .targets = {2, 3}};
  for (const Sequence& bad : {empty, long_tail}) {
    const auto plan = BuildPlan(std::vector<Sequence>{good, bad}, {});
    ASSERT_FALSE(plan.ok());
    EXPECT_EQ(plan.status().code(), Code::kInvalidArgument);
    EXPECT_NE(plan.status().message().find("request 1"), std::string::npos);
  }
  EXPECT_EQ(BuildPlan(std::vector<Sequence>{good}, {.micro_batch_tokens = 0}).status().code(),
            Code::kInvalidArgument);
}

TEST(BuildPlan, AHundredThousandRequestsOfAThousandTokens) {
  std::vector<Sequence> sequences;
  const auto shots = Ids(900, 1);
  for (int32_t document = 0; document < 25'000; ++document) {
    const auto context = Join(shots, Ids(90, document * 7));
    for (int32_t choice = 0; choice < 4; ++choice) {
      sequences.push_back(Request(context, Ids(10, choice)));
    }
  }
  const auto plan = BuildPlan(sequences, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->naive_tokens, 100'000LL * 999);
  size_t answered = 0;
  for (const Batch& batch : plan->batches) answered += batch.requests.size();
  EXPECT_EQ(answered, 100'000U);
  // Each batch runs the shots once; 57 documents of 126 tokens go with them.
  EXPECT_EQ(plan->batches.size(), 439U);
  EXPECT_EQ(plan->unique_tokens, 25'000LL * (90 + 4 * 9) + 439 * 900);
}

}  // namespace
}  // namespace koeval::plan
