// Answers of the scheduler's own pools that never come.
#include <gmock/gmock.h>

#include "tests/scheduler/core/bench.h"

namespace koeval::core {
namespace {

using testing::HasSubstr;

Limits ShortWaits() {
  Limits limits;
  limits.check_answer_ms = 10'000;
  limits.score_answer_ms = 20'000;
  limits.checks_running_max = 1;
  limits.scores_running_max = 1;
  return limits;
}

// Effects of type E over `ms`.
template <typename E>
size_t CountWhilePassing(Bench& b, int64_t ms) {
  size_t count = 0;
  for (; ms > 0; ms -= 500) {
    b.PassAlive(500);
    count += b.All<E>().size();
  }
  return count;
}

void ReachScoring(Bench& b) {
  b.Hello("w", 1);
  b.Queue("r");
  b.RunAll();
  ASSERT_EQ(b.PhaseIs("r"), "scoring");
}

TEST(Pools, LostChecksAreAskedForAgainThenEndAsInternal) {
  Bench b(ShortWaits());
  b.Submit("r");
  EXPECT_EQ(CountWhilePassing<StartChecks>(b, 9'500), 0U);
  EXPECT_EQ(CountWhilePassing<StartChecks>(b, 11'000), 2U);
  EXPECT_EQ(b.PhaseIs("r"), "checking");
  EXPECT_EQ(CountWhilePassing<StartChecks>(b, 30'000), 0U);
  EXPECT_EQ(b.Row("r").ending, "INTERNAL");
  EXPECT_THAT(b.Row("r").reason, HasSubstr("asked 3 times"));
  EXPECT_NE(b.Row("r").remedy, "");
}

TEST(Pools, LostChecksOfOneRequestDoNotBlockAnother) {
  Bench b(ShortWaits());
  b.Submit("lost");
  b.Submit("next");
  EXPECT_EQ(b.All<StartChecks>().size(), 0U) << "there is room for one";
  b.Do(Cancel{ReplyToken{1}, {"op", "operator"}, RequestId{"lost"}});
  EXPECT_EQ(CountWhilePassing<StartChecks>(b, 10'500), 1U);
  b.Checked("next");
  EXPECT_EQ(b.PhaseIs("next"), "queued");
}

TEST(Pools, AnswerThatComesLateCountsAndItsDoubleDoesNothing) {
  Bench b(ShortWaits());
  b.Submit("r");
  b.Pass(10'500);
  b.Checked("r");
  EXPECT_EQ(b.PhaseIs("r"), "queued");
  b.Do(ChecksDone{RequestId{"r"}, 1, "{}", Finding{Ending::kBadCheckpoint, "x", ""}});
  EXPECT_EQ(b.PhaseIs("r"), "queued");
}

TEST(Pools, LostScoreIsAskedForAgainThenEndsAsInternal) {
  Bench b(ShortWaits());
  ReachScoring(b);
  EXPECT_EQ(CountWhilePassing<ComputeScore>(b, 41'000), 2U);
  EXPECT_EQ(b.PhaseIs("r"), "scoring");
  EXPECT_EQ(CountWhilePassing<ComputeScore>(b, 60'000), 0U);
  EXPECT_EQ(b.Row("r").ending, "INTERNAL");
  EXPECT_THAT(b.Row("r").reason, HasSubstr("no answer within 20000 ms"));
}

TEST(Pools, LostScoreThatComesLateFinishesTheRequestOnce) {
  Bench b(ShortWaits());
  ReachScoring(b);
  b.PassAlive(20'500);
  b.Do(ScoreDone{RequestId{"r"}, 1, "{}", 0.5});
  EXPECT_EQ(b.PhaseIs("r"), "finished");
  b.Do(ScoreDone{RequestId{"r"}, 1, "{}", 0.5});
  EXPECT_EQ(b.mirror.scores.size(), 1U);
}

TEST(Pools, PlanThatComesTwiceChangesNothingTheSecondTime) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("r");
  const LeaseId planning = b.LeaseOf("r").id;
  b.Planned(planning, 3);
  const std::string before = Dump(b.core->state());
  b.Do(PlanReady{SessionId{1}, planning, {"digest", {{"task", 3, 3, 3, 0}}}});
  EXPECT_EQ(b.Names(), "SendRevoke");
  EXPECT_EQ(Dump(b.core->state()), before);
}

}  // namespace
}  // namespace koeval::core
