// Placement: which slot gets which work.
#include <gmock/gmock.h>

#include <set>

#include "tests/scheduler/core/bench.h"

namespace koeval::core {
namespace {

using testing::HasSubstr;

void Plan(Bench& b, const std::string& id, int64_t batches) {
  b.Queue(id);
  b.Planned(b.LeaseOf(id).id, batches);
}

TEST(Place, LeaseCoversAtMostItsBoundAndIdleSlotsTakeTheNextRange) {
  Bench b;
  b.Hello("v", 1);
  b.Hello("w", 2);
  Plan(b, "a", 20);
  ASSERT_EQ(b.mirror.leases.size(), 2U);
  EXPECT_EQ(b.LeaseOf("a", 0).begin, 0);
  EXPECT_EQ(b.LeaseOf("a", 0).end, 8);
  EXPECT_EQ(b.LeaseOf("a", 1).begin, 8);
  EXPECT_EQ(b.LeaseOf("a", 1).end, 16);
  EXPECT_NE(b.LeaseOf("a", 0).worker, b.LeaseOf("a", 1).worker);
  EXPECT_EQ(b.Row("a").attempt, 1);
}

TEST(Place, FreedSlotGetsTheNextRangeInTheSameTurn) {
  Limits limits;
  limits.lease_batches_max = 1;
  Bench b(limits);
  b.Hello("w", 1);
  Plan(b, "a", 3);
  b.Batch(b.LeaseOf("a").id, 0);
  EXPECT_EQ(b.Names(), "SendStored SendLease");
  EXPECT_EQ(b.Row("a").attempt, 1) << "it never stopped running";
}

TEST(Place, RunningRequestIsHelpedBeforeAnotherIsStarted) {
  Bench b;
  b.Hello("v", 1);
  Plan(b, "a", 20);
  b.Queue("b", /*priority=*/9);
  b.Hello("w", 2);
  EXPECT_EQ(b.PhaseIs("b"), "queued");
  EXPECT_EQ(b.LeaseOf("a", 1).worker.text, "w");
}

TEST(Place, WaitingRequestsStartByPriorityThenAge) {
  Bench b;
  b.Queue("old");
  b.Queue("older_but_low", -1);
  b.Queue("high", 3);
  b.Hello("w", 1);
  EXPECT_EQ(b.PhaseIs("high"), "planning");
  b.Do(Cancel{ReplyToken{1}, {"op", "operator"}, RequestId{"high"}});
  EXPECT_EQ(b.PhaseIs("old"), "planning");
}

TEST(Place, SlotThatHasTheModelLoadedIsPreferred) {
  Bench b;
  b.Hello("v", 1);
  b.Hello("w", 2);
  b.Do(WorkerHeartbeat{SessionId{2}, {}, {{0, ModelKey(Bench::Spec("a"))}}});
  b.Queue("a");
  EXPECT_EQ(b.LeaseOf("a").worker.text, "w");
}

TEST(Place, HardwareClassesAreNotMixedWithinARound) {
  Bench b;
  b.Hello("v", 1, 1, "A");
  b.Hello("w", 2, 1, "B");
  Plan(b, "a", 20);
  ASSERT_EQ(b.mirror.leases.size(), 1U);
  const std::string first = b.LeaseOf("a").worker.text;
  b.Batch(b.LeaseOf("a").id, 0);
  EXPECT_EQ(b.Row("a").hardware_class, first == "v" ? "A" : "B");
  b.Do(WorkerGone{b.sessions.at(first)});
  b.PassAlive(10'000);
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  EXPECT_THAT(b.core->WaitReason(RequestId{"a"}), HasSubstr("hardware class"));
}

TEST(Place, RoundWhoseClassIsGoneStartsAnew) {
  Limits limits;
  limits.class_wait_ms = 20'000;
  Bench b(limits);
  b.Hello("v", 1, 1, "A");
  Plan(b, "a", 20);
  b.Batch(b.LeaseOf("a").id, 0);
  b.Do(WorkerGone{SessionId{1}});
  b.Hello("w", 2, 1, "B");
  b.PassAlive(30'000);
  EXPECT_EQ(b.Row("a").round, 1) << "one look is not enough";
  b.PassAlive(24'000);
  EXPECT_EQ(b.Row("a").round, 2);
  EXPECT_EQ(b.LeaseOf("a").worker.text, "w");
  b.RunAll();
  EXPECT_EQ(b.Row("a").hardware_class, "B");
}

TEST(Place, RunnerOfAnotherClassIsNotGivenTheRoundAgain) {
  Bench b;
  b.Hello("v", 1, 1, "A");
  Plan(b, "a", 20);
  b.Do(BatchDone{SessionId{1}, b.LeaseOf("a").id, 0, "{}", 1, "A-exact", "digest"});
  EXPECT_EQ(b.Row("a").hardware_class, "A-exact");
  b.Hello("w", 2, 1, "A");
  const LeaseRow lease = b.LeaseOf("a", 1);
  ASSERT_EQ(lease.worker.text, "w");
  b.Do(BatchDone{SessionId{2}, lease.id, lease.begin, "{}", 1, "A-other", "digest"});
  EXPECT_EQ(b.Names(), "SendRevoke");
  EXPECT_EQ(b.mirror.batches.size(), 1U);
  EXPECT_EQ(b.mirror.leases.size(), 1U);
  EXPECT_TRUE(b.mirror.meta.find("faults:a:1:8") == b.mirror.meta.end());
}

TEST(Place, DrainedWorkerEndsItsLeaseAndGetsNoOther) {
  Limits limits;
  limits.lease_batches_max = 2;
  Bench b(limits);
  b.Hello("w", 1);
  Plan(b, "a", 4);
  b.Do(SetDrained{ReplyToken{1}, {"op", "operator"}, WorkerId{"w"}, true, "fan"});
  const LeaseId lease = b.LeaseOf("a").id;
  b.Batch(lease, 0);
  b.Batch(lease, 1);
  EXPECT_EQ(b.Names(), "SendStored");
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  b.Restart();
  b.Hello("w", 2);
  EXPECT_TRUE(b.mirror.leases.empty());
  EXPECT_EQ(b.core->FindWorker(WorkerId{"w"})->drain_reason, "fan");
  b.Do(SetDrained{ReplyToken{1}, {"op", "operator"}, WorkerId{"w"}, false, ""});
  EXPECT_EQ(b.LeaseOf("a").begin, 2);
  b.Do(SetDrained{ReplyToken{1}, {"op", "operator"}, WorkerId{"nobody"}, true, ""});
  EXPECT_EQ(b.Only<Reply>().status.code(), Code::kNotFound);
}

TEST(Place, EverySlotWorksWhileThereIsWork) {
  Limits limits;
  limits.lease_batches_max = 1;
  Bench b(limits);
  b.Hello("v", 1, 3);
  b.Hello("w", 2, 2);
  Plan(b, "a", 4);
  b.Queue("b");
  EXPECT_EQ(b.core->counts().slots_busy, 5);
  EXPECT_EQ(b.core->counts().slots, 5);
  std::set<std::pair<std::string, int64_t>> slots;
  for (const auto& [id, lease] : b.mirror.leases) slots.emplace(lease.worker.text, lease.slot);
  EXPECT_EQ(slots.size(), 5U);
}

}  // namespace
}  // namespace koeval::core
