// The conversation with a runner: answers, failures, stops, crashes, silence.
#include "worker/runner/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "tests/worker/runner/fake_runner.h"
#include "worker/runner/failure.h"

namespace koeval::runner {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string SayBatch(int64_t batch, int64_t lease = 7) {
  return Say(BatchFrame{.job = "j",
                        .lease = LeaseId{lease},
                        .batch = batch,
                        .results = {{"task", "t"}, {"results", Json::array()}},
                        .run_ms = 1});
}

std::string SayFailed(Ending ending, std::optional<LeaseId> lease, std::optional<std::string> job) {
  return Say(FailedFrame{.lease = lease,
                         .job = std::move(job),
                         .ending = std::string(EndingName(ending)),
                         .message = "told by the runner",
                         .remedy = "Do this."});
}

RunFrame SomeRun(int64_t begin, int64_t end) {
  RunFrame run;
  run.job = "j";
  run.lease = LeaseId{7};
  run.begin = begin;
  run.end = end;
  return run;
}

class SessionTest : public testing::Test {
 protected:
  // A session with a runner that says ready, then does `actions`.
  void Start(std::initializer_list<std::string> actions) {
    options.spawn = Script({SayReady()});
    options.spawn.arguments.insert(options.spawn.arguments.end(), actions);
    auto started = RunnerSession::Start(options);
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    session = std::move(started).value();
  }
  Result<RunOutcome> Run(int64_t begin, int64_t end) {
    return session->Run(SomeRun(begin, end), [this](const BatchFrame& batch) {
      batches.push_back(batch.batch);
      return on_batch_status;
    });
  }
  void ExpectFailure(const Status& status, Ending ending, const std::string& text) {
    EXPECT_EQ(FailureOf(status).ending, ending) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr(text));
  }

  SessionOptions options;
  std::unique_ptr<RunnerSession> session;
  std::vector<int64_t> batches;
  Status on_batch_status;
};

TEST_F(SessionTest, WholeConversation) {
  const RunnerFacts facts{.architecture = "A",
                          .model_type = "a",
                          .parameters = 3,
                          .max_length = 9,
                          .dtype = "float32",
                          .logits_dtype = "float32",
                          .hardware_class = "h",
                          .tokenizer_digest = "d",
                          .bos_id = 1,
                          .eos_id = 2};
  const PlannedTask task{.task = "t",
                         .batches = 2,
                         .requests = 4,
                         .documents = 2,
                         .truncated = 0,
                         .naive_tokens = 10,
                         .unique_tokens = 5};
  Start({"read:load", Say(LoadedFrame{facts}), "read:\"task\"", "read:plan",
         Say(PlannedFrame{.job = "j", .digest = "dd", .tasks = {task}}), "read:run", SayBatch(0),
         SayBatch(1), Say(LeaseDoneFrame{LeaseId{7}}), "read:forget", "quit"});
  const auto loaded = session->Load({.model_dir = "/m"});
  ASSERT_TRUE(loaded.ok()) << loaded.status().ToString();
  EXPECT_EQ(loaded->max_length, 9);
  ASSERT_TRUE(session
                  ->SendTask({.job = "j",
                              .index = 0,
                              .total = 1,
                              .task = Json::object(),
                              .num_fewshot = {},
                              .limit = {},
                              .seed = {}})
                  .ok());
  const auto plan = session->Plan("j");
  ASSERT_TRUE(plan.ok()) << plan.status().ToString();
  EXPECT_EQ(plan->BatchCount(), 2);
  const auto outcome = Run(0, 2);
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->how, RunOutcome::How::kDone);
  EXPECT_THAT(batches, ElementsAre(0, 1));
  EXPECT_TRUE(session->Forget("j").ok());
  EXPECT_EQ(session->Close().ending, Ending::kFinished);
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, FailureOfALoadLeavesTheRunnerAlive) {
  Start({"read:load", SayFailed(Ending::kBadCheckpoint, {}, {}), "quit"});
  const auto loaded = session->Load({.model_dir = "/m"});
  ExpectFailure(loaded.status(), Ending::kBadCheckpoint, "told by the runner");
  EXPECT_EQ(FailureOf(loaded.status()).remedy, "Do this.");
  EXPECT_TRUE(session->alive());
}

TEST_F(SessionTest, StopFromAnotherThreadIsAnsweredAfterTheBatchInFlight) {
  Start({"read:run", SayBatch(3), "read:stop", SayBatch(4), Say(LeaseStoppedFrame{LeaseId{7}, 5}),
         "quit"});
  std::thread stopper;
  const auto outcome = session->Run(SomeRun(3, 9), [&](const BatchFrame& batch) {
    if (batch.batch == 3) {
      stopper = std::thread([&] { EXPECT_TRUE(session->StopLease(LeaseId{7}).ok()); });
    }
    batches.push_back(batch.batch);
    return OkStatus();
  });
  stopper.join();
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(outcome->how, RunOutcome::How::kStopped);
  EXPECT_EQ(outcome->next, 5);
  EXPECT_THAT(batches, ElementsAre(3, 4));
}

TEST_F(SessionTest, ExpiredLeaseIsTold) {
  Start({"read:run", Say(LeaseExpiredFrame{LeaseId{7}, 0}), "quit"});
  const auto outcome = Run(0, 9);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->how, RunOutcome::How::kExpired);
}

TEST_F(SessionTest, ErrorOfTheReceiverStopsTheLease) {
  Start({"read:run", SayBatch(0), "read:stop", SayBatch(1), Say(LeaseStoppedFrame{LeaseId{7}, 2}),
         "quit"});
  on_batch_status = Internal("cannot store");
  const auto outcome = Run(0, 9);
  EXPECT_EQ(outcome.status().message(), "cannot store");
  EXPECT_THAT(batches, ElementsAre(0));
  EXPECT_TRUE(session->alive());
}

TEST_F(SessionTest, FailureOfABatchLeavesTheRunnerAlive) {
  Start({"read:run", SayBatch(0), SayFailed(Ending::kNumericalFault, LeaseId{7}, "j"), "quit"});
  ExpectFailure(Run(0, 9).status(), Ending::kNumericalFault, "told by the runner");
  EXPECT_TRUE(session->alive());
}

TEST_F(SessionTest, FailureOfAnotherLeaseIsNotOurs) {
  Start({"read:run", SayFailed(Ending::kOutOfMemory, LeaseId{6}, "j"), SayBatch(0),
         Say(LeaseDoneFrame{LeaseId{7}}), "quit"});
  EXPECT_TRUE(Run(0, 1).ok());
}

TEST_F(SessionTest, BrokenDeviceEndsTheRunner) {
  Start({"read:run", SayFailed(Ending::kRunnerCrashed, LeaseId{7}, "j"), "exit:1"});
  ExpectFailure(Run(0, 9).status(), Ending::kRunnerCrashed, "told by the runner");
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, CrashNamesTheSignalAndTheLog) {
  Start({"read:run", SayBatch(0), "log:segment tree of doom", "raise:11"});
  ExpectFailure(Run(0, 9).status(), Ending::kRunnerCrashed, "SIGSEGV");
  EXPECT_THAT(batches, ElementsAre(0));
  EXPECT_FALSE(session->alive());
  ExpectFailure(session->Plan("j").status(), Ending::kRunnerCrashed, "segment tree of doom");
}

TEST_F(SessionTest, KillFromOutsideIsACrash) {
  Start({"read:run", SayBatch(0), "hang"});
  const auto outcome = session->Run(SomeRun(0, 9), [&](const BatchFrame&) {
    EXPECT_EQ(::kill(static_cast<pid_t>(session->pid()), SIGKILL), 0);
    return OkStatus();
  });
  ExpectFailure(outcome.status(), Ending::kRunnerCrashed, "SIGKILL");
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, ExitWithoutBeingAskedIsACrash) {
  Start({"read:run", "exit:0"});
  ExpectFailure(Run(0, 9).status(), Ending::kRunnerCrashed, "exit status 0");
}

TEST_F(SessionTest, SignsOfLifeAreNoProgress) {
  options.times.no_progress_ms = 300;
  Start({"read:run", "alive:100000"});
  ExpectFailure(Run(0, 9).status(), Ending::kNoProgress, "no progress");
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, SilenceIsNoProgress) {
  options.times.silent_ms = 300;
  Start({"read:run", "hang"});
  ExpectFailure(Run(0, 9).status(), Ending::kNoProgress, "silent");
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, RunnerThatTakesNoFramesIsNoProgress) {
  options.times.send_ms = 200;
  Start({"hang"});
  const TaskFrame task{.job = "j",
                       .index = 0,
                       .total = 1,
                       .task = std::string(1 << 22, 'x'),
                       .num_fewshot = {},
                       .limit = {},
                       .seed = {}};
  ExpectFailure(session->SendTask(task), Ending::kNoProgress, "took no frame");
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, BatchOutOfOrderIsRefused) {
  Start({"read:run", SayBatch(0), SayBatch(2), "quit"});
  ExpectFailure(Run(0, 9).status(), Ending::kRunnerCrashed, "batch 2 where 1 was due");
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, NoiseInsteadOfFramesIsRefused) {
  Start({"read:run", "say:Segmentation is fun", "hang"});
  ExpectFailure(Run(0, 9).status(), Ending::kRunnerCrashed, "no frame");
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, AbortEndsAWaitingCall) {
  Start({"read:load", "alive:100000"});
  std::thread other([&] { session->Abort(); });
  ExpectFailure(session->Load({.model_dir = "/m"}).status(), Ending::kCancelled, "stopped");
  other.join();
  EXPECT_FALSE(session->alive());
}

TEST_F(SessionTest, AnotherProtocolIsRefused) {
  options.spawn = Script({Say(ReadyFrame{.protocol = 2, .pid = 1, .version = "9"}), "quit"});
  const auto started = RunnerSession::Start(options);
  EXPECT_EQ(started.status().code(), Code::kFailedPrecondition);
  EXPECT_THAT(started.status().message(), HasSubstr("protocol 2"));
}

TEST_F(SessionTest, RunnerThatNeverStartsIsNamed) {
  options.spawn.binary = "/nonexistent/runner";
  const auto started = RunnerSession::Start(options);
  ExpectFailure(started.status(), Ending::kRunnerCrashed, "/nonexistent/runner");
}

}  // namespace
}  // namespace koeval::runner
