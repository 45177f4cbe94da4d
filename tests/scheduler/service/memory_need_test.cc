// How much memory a request needs: what the checks found, and what its suite generates.
#include <gtest/gtest.h>

#include <limits>

#include "scheduler/service/dry_run.h"

namespace koeval::service {
namespace {

constexpr int64_t kScoring = 1'000'000;
constexpr int64_t kTokenBytes = 100;

CheckReport Report(int64_t length) {
  CheckReport report;
  report.facts = {
      {"memory_bytes", kScoring}, {"max_length", length}, {"stored_token_bytes", kTokenBytes}};
  return report;
}

TEST(MemoryNeed, IsThatOfScoringWhereNothingIsGenerated) {
  EXPECT_EQ(MemoryNeed(Report(2048), {}), kScoring);
}

TEST(MemoryNeed, CountsTheTextsOfABatchUpToItsTokens) {
  // Two texts of at most 2048 tokens each; one of them is in the need of scoring.
  EXPECT_EQ(MemoryNeed(Report(2048), {.new_tokens = 256, .documents = 2}),
            kScoring + 2048 * kTokenBytes);
  EXPECT_EQ(MemoryNeed(Report(2048), {.new_tokens = 256, .documents = 5000}),
            kScoring + (16384 - 2048) * kTokenBytes);
}

TEST(MemoryNeed, LongAnswersLeaveRoomForFewerTexts) {
  // 16384 / 8193 = 1 text at a time, which the need of scoring has.
  EXPECT_EQ(MemoryNeed(Report(10'000), {.new_tokens = 8192, .documents = 5000}), kScoring);
  EXPECT_EQ(MemoryNeed(Report(10'000), {.new_tokens = 8000, .documents = 5000}),
            kScoring + (16384 - 10'000) * kTokenBytes);
}

TEST(MemoryNeed, AModelLongerThanABatchRunsOneTextAtATime) {
  EXPECT_EQ(MemoryNeed(Report(100'000), {.new_tokens = 256, .documents = 5000}), kScoring);
}

TEST(MemoryNeed, IsUnknownWithoutFactsAndNeverOverflows) {
  EXPECT_EQ(MemoryNeed({}, {.new_tokens = 256, .documents = 2}), 0);
  CheckReport huge = Report(2048);
  huge.facts["stored_token_bytes"] = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(MemoryNeed(huge, {.new_tokens = 256, .documents = 5000}),
            std::numeric_limits<int64_t>::max());
}

}  // namespace
}  // namespace koeval::service
