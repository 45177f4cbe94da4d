// Leases: the fence, deadlines, re-attachment, faults and who is blamed.
#include <gmock/gmock.h>

#include "tests/scheduler/core/bench.h"

namespace koeval::core {
namespace {

using testing::HasSubstr;

// A request with `batches` batches, planned and leased.
void Plan(Bench& b, const std::string& id, int64_t batches) {
  b.Queue(id);
  b.Planned(b.LeaseOf(id).id, batches);
}

TEST(Lease, NumbersAreNeverReusedNotEvenByARestart) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 2);
  const LeaseId before = b.LeaseOf("a").id;
  b.Restart();
  b.Hello("w", 2);
  EXPECT_GT(b.LeaseOf("a").id, before);
}

TEST(Lease, StaleLeaseResultIsDroppedAndRevoked) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 3);
  const LeaseId old = b.LeaseOf("a").id;
  b.Ended(old, "RUNNER_CRASHED");
  ASSERT_NE(b.LeaseOf("a").id, old);
  b.Batch(old, 0);
  EXPECT_EQ(b.Names(), "SendRevoke");
  EXPECT_TRUE(b.mirror.batches.empty());
}

TEST(Lease, ResultOfAnotherWorkersLeaseIsDropped) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 3);
  b.Hello("v", 2);
  b.Do(BatchDone{SessionId{2}, b.LeaseOf("a").id, 0, "{}", 1, "", "digest"});
  EXPECT_EQ(b.Names(), "SendRevoke");
  EXPECT_TRUE(b.mirror.batches.empty());
}

TEST(Lease, ResultSentAgainIsAcknowledgedAndStoredOnce) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 3);
  const LeaseId lease = b.LeaseOf("a").id;
  b.Batch(lease, 0);
  const Output output =
      b.core->Apply(BatchDone{SessionId{1}, lease, 0, "{}", 1, "", "digest"}, b.now);
  EXPECT_TRUE(output.mutations.empty());
  ASSERT_EQ(output.effects.size(), 1U);
  EXPECT_EQ(std::get<SendStored>(output.effects[0]).batch, 0);
}

TEST(Lease, SilentWorkerLosesItsLeasesWithinTenSeconds) {
  Bench b;
  b.Hello("w", 1);
  b.Hello("v", 2);
  Plan(b, "a", 20);
  ASSERT_EQ(b.mirror.leases.size(), 2U);
  b.PassAlive(2'000);
  const std::string first = b.LeaseOf("a", 0).worker.text;
  const std::string other = first == "w" ? "v" : "w";
  for (int64_t ms = 0; ms < 10'000; ms += 500) {
    if (ms % 2'000 == 0) b.Heartbeat(*b.core->FindWorker(WorkerId{other}));
    b.Pass(500);
  }
  for (const auto& [id, lease] : b.mirror.leases) EXPECT_EQ(lease.worker.text, other);
  EXPECT_FALSE(b.core->FindWorker(WorkerId{first})->connected);
  EXPECT_EQ(b.PhaseIs("a"), "batches");
}

TEST(Lease, EndOfAStreamAloneEndsNoLease) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 3);
  const LeaseRow lease = b.LeaseOf("a");
  b.Do(WorkerGone{SessionId{1}});
  EXPECT_EQ(b.mirror.leases.size(), 1U);
  b.Pass(5'000);
  b.Hello("w", 2, 1, "cpu", {{lease.id, 0}});
  EXPECT_EQ(b.Only<SendWelcome>().keep, std::vector<LeaseId>{lease.id});
  b.Batch(lease.id, 0);
  EXPECT_EQ(b.Names(), "SendStored");
}

TEST(Lease, HeldLeaseThatIsNotCurrentIsNotKept) {
  Bench b;
  b.Hello("w", 1, 1, "cpu", {{LeaseId{77}, 0}});
  EXPECT_TRUE(b.Only<SendWelcome>().keep.empty());
}

TEST(Lease, NewerStreamOfAWorkerTakesOver) {
  Bench b;
  b.Hello("w", 1);
  b.Hello("w", 2);
  EXPECT_EQ(b.Names(), "CloseSession SendWelcome");
  EXPECT_EQ(b.Only<CloseSession>().session, SessionId{1});
  EXPECT_EQ(b.Only<CloseSession>().status.code(), Code::kAlreadyExists);
  b.Do(WorkerGone{SessionId{1}});  // the end of the old one comes late
  EXPECT_TRUE(b.core->FindWorker(WorkerId{"w"})->connected);
}

TEST(Lease, RestartLeavesTimeToReattach) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 3);
  const LeaseRow lease = b.LeaseOf("a");
  b.Batch(lease.id, 0);
  b.Restart();
  EXPECT_EQ(b.PhaseIs("a"), "batches");
  b.Pass(14'000);
  EXPECT_EQ(b.mirror.leases.size(), 1U);
  b.Hello("w", 2, 1, "cpu", {{lease.id, 0}});
  EXPECT_EQ(b.Only<SendWelcome>().keep.size(), 1U);
  b.Batch(lease.id, 0);  // its acknowledgement was lost with the crash
  EXPECT_EQ(b.Names(), "SendStored");
  EXPECT_EQ(b.Row("a").attempt, 1);
}

TEST(Lease, LossByARestartIsHeldAgainstNobody) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 3);
  for (int64_t i = 0; i < 6; ++i) {
    b.Restart();
    b.Pass(16'000);
    EXPECT_EQ(b.PhaseIs("a"), "queued");
    EXPECT_THAT(b.Row("a").reason, HasSubstr("WORKER_LOST"));
    b.Hello("w", 10 + i);
    EXPECT_EQ(b.PhaseIs("a"), "batches");
  }
  EXPECT_FALSE(b.mirror.meta.contains("faults:a:1:0"));
}

TEST(Lease, StallOfTheSchedulerItselfTakesNoLease) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 3);
  b.PassAlive(4'000);
  b.Skip(60'000);
  b.Do(Tick{});
  EXPECT_EQ(b.mirror.leases.size(), 1U);
  b.PassAlive(4'000);
  EXPECT_EQ(b.mirror.leases.size(), 1U);
}

TEST(Lease, ThreeFaultsOnOneBatchFailTheRequest) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 3);
  b.Batch(b.LeaseOf("a").id, 0);
  b.Ended(b.LeaseOf("a").id, "RUNNER_CRASHED");
  EXPECT_EQ(b.mirror.meta.at("faults:a:1:1"), "w");
  EXPECT_EQ(b.Row("a").attempt, 2);
  EXPECT_EQ((b.mirror.attempts.at({RequestId{"a"}, 1}).ending), "RUNNER_CRASHED");
  b.Restart();
  b.Hello("w", 2);
  b.Ended(b.LeaseOf("a").id, "NO_PROGRESS");
  EXPECT_EQ(b.PhaseIs("a"), "batches");
  b.Ended(b.LeaseOf("a").id, "RUNNER_CRASHED");
  EXPECT_EQ(b.Row("a").ending, "RUNNER_CRASHED");
  EXPECT_FALSE(b.mirror.meta.contains("faults:a:1:1"));
}

TEST(Lease, FaultsOnDifferentBatchesDoNotAddUp) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 6);
  for (int64_t batch = 0; batch < 5; ++batch) {
    b.Ended(b.LeaseOf("a").id, "RUNNER_CRASHED");
    b.Batch(b.LeaseOf("a").id, batch);
  }
  EXPECT_EQ(b.PhaseIs("a"), "batches");
}

TEST(Lease, WorkerThatFailedABatchIsAvoidedWhileThereIsAnother) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 2);
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, true});
  b.Ended(b.LeaseOf("a").id, "RUNNER_CRASHED");
  b.Hello("v", 2);
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, false});
  // v gets batch 0, where w failed; w may have batch 1.
  for (const auto& [id, lease] : b.mirror.leases) {
    EXPECT_EQ(lease.worker.text, lease.begin == 0 ? "v" : "w");
  }
  b.Do(WorkerGone{SessionId{2}});
  b.Pass(10'000);
  b.Hello("w", 3);
  EXPECT_EQ(b.LeaseOf("a").worker.text, "w") << "nobody else is there";
}

TEST(Lease, OutOfMemoryIsHeldAgainstTheWorkerForTheWholeRequest) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 20);
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, true});
  b.Ended(b.LeaseOf("a").id, "OUT_OF_MEMORY");
  b.Hello("v", 2);
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, false});
  ASSERT_EQ(b.mirror.leases.size(), 1U);
  EXPECT_EQ(b.LeaseOf("a").worker.text, "v");
}

TEST(Lease, HandedBackIsNeverCountedAndTheSlotRests) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 2);
  for (int i = 0; i < 8; ++i) {
    b.Ended(b.LeaseOf("a").id, "HANDED_BACK");
    EXPECT_EQ(b.Names(), "");
    EXPECT_EQ(b.PhaseIs("a"), "queued");
    b.PassAlive(6'000);
    EXPECT_EQ(b.PhaseIs("a"), "batches");
  }
}

TEST(Lease, FaultOfTheModelFailsAtOnceWithTheWorkersRemedy) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  const LeaseId lease = b.LeaseOf("a").id;
  b.Do(LeaseEnded{SessionId{1}, lease, "BAD_CHECKPOINT", "tensor x is short", "upload it again"});
  EXPECT_EQ(b.Row("a").ending, "BAD_CHECKPOINT");
  EXPECT_EQ(b.Row("a").reason, "worker w: tensor x is short");
  EXPECT_EQ(b.Row("a").remedy, "upload it again");
}

TEST(Lease, UnknownEndingAndUnfinishedDoneAreFaultsOfTheWorker) {
  for (const char* ending : {"DONE", "FINISHED", "NO_SUCH_ENDING", ""}) {
    Bench b;
    b.Hello("w", 1);
    Plan(b, "a", 2);
    b.Ended(b.LeaseOf("a").id, ending);
    EXPECT_EQ(b.mirror.meta.at("faults:a:1:0"), "w") << ending;
    EXPECT_THAT((b.mirror.attempts.at({RequestId{"a"}, 1}).ending), "INTERNAL") << ending;
  }
}

TEST(Lease, DifferingPlanIsDroppedAndHeldAgainstTheNode) {
  Bench b;
  b.Hello("w", 1);
  Plan(b, "a", 2);
  b.Do(BatchDone{SessionId{1}, b.LeaseOf("a").id, 0, "{}", 1, "", "another"});
  EXPECT_TRUE(b.mirror.batches.empty());
  EXPECT_EQ((b.mirror.attempts.at({RequestId{"a"}, 1}).ending), "PLAN_MISMATCH");
}

TEST(Lease, PlansWithoutBatchesOrWithTooManyAreRefused) {
  Limits limits;
  limits.batches_max = 10;
  Bench b(limits);
  b.Hello("w", 1);
  b.Queue("a");
  b.Planned(b.LeaseOf("a").id, 0);
  EXPECT_EQ(b.mirror.meta.at("faults:a:1:-1"), "w");
  b.Planned(b.LeaseOf("a").id, 11);
  EXPECT_EQ(b.Row("a").ending, "INFEASIBLE");
}

TEST(Lease, UndeliveredLeaseIsHeldAgainstNobodyForAWhile) {
  Limits limits;
  limits.undelivered_max = 3;
  Bench b(limits);
  b.Hello("w", 1);
  b.Queue("a");
  for (int64_t i = 2; i < 5; ++i) b.Hello("w", i);
  EXPECT_FALSE(b.mirror.meta.contains("faults:a:1:-1"));
  b.Hello("w", 9);
  EXPECT_TRUE(b.mirror.meta.contains("faults:a:1:-1"));
}

TEST(Lease, WorkerThatComesBackWithoutAConfirmedLeaseLostIt) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  b.PassAlive(2'000);
  b.Hello("w", 2);
  EXPECT_EQ(b.mirror.meta.at("faults:a:1:-1"), "w");
}

TEST(Hello, InvalidOnesAreRefusedNamingTheField) {
  Bench b;
  const auto refused = [&b](const WorkerHello& hello, const std::string& field) {
    b.Do(hello);
    EXPECT_EQ(b.Names(), "CloseSession");
    EXPECT_EQ(b.Only<CloseSession>().status.code(), Code::kInvalidArgument);
    EXPECT_THAT(b.Only<CloseSession>().status.message(), HasSubstr(field));
  };
  refused({SessionId{1}, WorkerId{"a b"}, "", {}, {}}, "worker");
  refused({SessionId{1}, WorkerId{"w"}, "", {{0, "cpu", 1, ""}}, {}}, "hardware class");
  refused({SessionId{1}, WorkerId{"w"}, "", {{0, "cpu", 1, "c"}, {0, "cpu", 1, "c"}}, {}},
          "index 0");
  refused({SessionId{1}, WorkerId{"w"}, "", std::vector<SlotInfo>(65), {}}, "slots");
  refused({SessionId{1}, WorkerId{"w"}, "", {}, std::vector<HeldLease>(1025)}, "held");
  b.Hello("w", 1);
  b.Hello("w", 1);
  EXPECT_EQ(b.Only<CloseSession>().status.code(), Code::kInvalidArgument);
  EXPECT_FALSE(b.core->FindWorker(WorkerId{"w"})->connected);
}

TEST(Hello, OneThatIsGoneMakesRoomForANewWorker) {
  Limits limits;
  limits.workers_max = 2;
  Bench b(limits);
  b.Hello("a", 1);
  b.Hello("b", 2);
  b.Hello("c", 3);
  EXPECT_EQ(b.Only<CloseSession>().status.code(), Code::kResourceExhausted);
  b.Do(WorkerGone{SessionId{1}});
  b.Hello("c", 4);
  EXPECT_EQ(b.Names(), "SendWelcome");
  EXPECT_FALSE(b.core->FindWorker(WorkerId{"a"}).has_value());
}

TEST(Hello, MessagesWithoutASessionEndTheStream) {
  Bench b;
  b.Do(WorkerHeartbeat{SessionId{5}, {}, {}});
  EXPECT_EQ(b.Only<CloseSession>().status.code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace koeval::core
