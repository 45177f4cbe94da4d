// The worker link: sessions, leases, stale messages, bounds, drain.
#include <gtest/gtest.h>

#include "common/base/sha256.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

using grpc::StatusCode;

class WorkerLinkTest : public ServiceTest {
 protected:
  void SetUp() override { Start(); }

  // A worker that has planned request "a" and holds the lease over its first batch.
  link::Lease PlannedLease(FakeStream& worker) {
    MustSubmit("a");
    worker.Hello("node-1");
    const link::Lease planning = worker.NextLease();
    EXPECT_EQ(planning.begin(), planning.end());
    worker.Plan(planning.lease());
    return worker.NextLease();
  }

  grpc::Status Drain(const std::string& name, bool drain, v1::Worker* out) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::DrainRequest request;
    request.set_worker(name);
    request.set_drain(drain);
    request.set_reason("new disks");
    v1::DrainResponse response;
    const grpc::Status status = cluster_->Drain(&context, request, &response);
    *out = response.worker();
    return status;
  }

  std::vector<v1::Worker> Workers() {
    grpc::ClientContext context;
    Prepare(&context);
    v1::ListWorkersResponse response;
    EXPECT_TRUE(cluster_->ListWorkers(&context, {}, &response).ok());
    return {response.workers().begin(), response.workers().end()};
  }
};

TEST_F(WorkerLinkTest, APlanningLeaseSaysEverythingThatAPlanNeeds) {
  MustSubmit("a");
  FakeStream worker(channel_);
  worker.Hello("node-1");
  const link::Welcome welcome = worker.NextWelcome();
  EXPECT_GT(welcome.session(), 0);
  EXPECT_EQ(welcome.heartbeat_ms(), config_.heartbeat_ms);
  EXPECT_EQ(welcome.lease_ms(), config_.lease_ms);
  const link::Lease lease = worker.NextLease();
  EXPECT_EQ(lease.request_id(), "a");
  EXPECT_EQ(lease.model(), "org/good");
  EXPECT_EQ(lease.profile(), "lm-eval-0.4");
  EXPECT_EQ(lease.suite(), "toy");
  EXPECT_EQ(lease.plan_digest(), "");
  EXPECT_EQ(lease.begin(), lease.end());
  EXPECT_EQ(lease.time_left_ms(), config_.lease_ms);
  ASSERT_EQ(lease.shots_size(), 2);
  EXPECT_EQ(lease.shots(0).task(), "toy_a");
  EXPECT_EQ(lease.shots(1).task(), "toy_b");
}

TEST_F(WorkerLinkTest, ABundleIsWhatItsDigestSays) {
  MustSubmit("a");
  FakeStream worker(channel_);
  worker.Hello("node-1");
  const std::string digest = worker.NextLease().bundle_digest();
  auto stub = link::WorkerLinkService::NewStub(channel_);
  grpc::ClientContext context;
  Prepare(&context);
  link::FetchBundleRequest request;
  request.set_digest(digest);
  auto reader = stub->FetchBundle(&context, request);
  std::string text;
  link::FetchBundleResponse piece;
  while (reader->Read(&piece)) text += piece.piece();
  ASSERT_TRUE(reader->Finish().ok());
  EXPECT_EQ(Sha256Hex(text), digest);
  EXPECT_EQ(text.substr(0, 10), "{\"tasks\":[");
}

TEST_F(WorkerLinkTest, AnUnknownBundleIsRefused) {
  auto stub = link::WorkerLinkService::NewStub(channel_);
  for (const auto& [digest, code] :
       {std::pair{std::string(64, 'a'), StatusCode::NOT_FOUND},
        std::pair{std::string("../../etc/passwd"), StatusCode::INVALID_ARGUMENT}}) {
    grpc::ClientContext context;
    Prepare(&context);
    link::FetchBundleRequest request;
    request.set_digest(digest);
    auto reader = stub->FetchBundle(&context, request);
    link::FetchBundleResponse piece;
    EXPECT_FALSE(reader->Read(&piece));
    EXPECT_EQ(reader->Finish().error_code(), code) << digest;
  }
}

TEST_F(WorkerLinkTest, AnOldWorkerIsToldToUpgrade) {
  FakeStream worker(channel_);
  worker.Hello("node-1", 1, {}, /*protocol=*/0);
  const grpc::Status status = worker.WaitForEnd();
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(status.error_message().find("upgrade the worker"), std::string::npos)
      << status.error_message();
}

TEST_F(WorkerLinkTest, AStreamMustBeginWithHelloAndSayItOnce) {
  FakeStream mute(channel_);
  link::WorkerMessage heartbeat;
  heartbeat.mutable_heartbeat();
  mute.Write(heartbeat);
  EXPECT_EQ(mute.WaitForEnd().error_code(), StatusCode::INVALID_ARGUMENT);
  FakeStream twice(channel_);
  twice.Hello("node-1");
  twice.Hello("node-1");
  EXPECT_EQ(twice.WaitForEnd().error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(WorkerLinkTest, ABatchIsAcknowledgedAndCounted) {
  FakeStream worker(channel_);
  const link::Lease lease = PlannedLease(worker);
  ASSERT_EQ(lease.end() - lease.begin(), 1);
  EXPECT_EQ(lease.plan_digest(), "plan");
  worker.Batch(lease.lease(), lease.begin());
  link::SchedulerMessage answer = worker.Next();
  ASSERT_TRUE(answer.has_batch_stored()) << answer.ShortDebugString();
  EXPECT_EQ(answer.batch_stored().batch(), lease.begin());
  v1::GetRequestResponse response;
  ASSERT_TRUE(Get("a", &response).ok());
  EXPECT_EQ(response.request().progress().batches_done(), 1);
  EXPECT_EQ(response.request().progress().batches_total(), kToyBatches);
  ASSERT_EQ(response.attempts_size(), 1);
  EXPECT_EQ(response.attempts(0).worker(), "node-1");
}

TEST_F(WorkerLinkTest, AStaleLeaseIsAnsweredWithRevoke) {
  FakeStream worker(channel_);
  const link::Lease lease = PlannedLease(worker);
  FakeStream newer(channel_);
  newer.Hello("node-1");  // without the lease: it is lost
  EXPECT_EQ(newer.NextWelcome().keep_size(), 0);
  newer.Batch(lease.lease(), lease.begin());
  link::SchedulerMessage answer = newer.Next();
  while (answer.has_lease()) answer = newer.Next();  // the work, anew
  ASSERT_TRUE(answer.has_revoke()) << answer.ShortDebugString();
  EXPECT_EQ(answer.revoke().lease(), lease.lease());
  v1::GetRequestResponse response;
  ASSERT_TRUE(Get("a", &response).ok());
  EXPECT_EQ(response.request().progress().batches_done(), 0);
}

TEST_F(WorkerLinkTest, ANewerStreamTakesOver) {
  FakeStream old(channel_);
  old.Hello("node-1");
  old.NextWelcome();
  FakeStream newer(channel_);
  newer.Hello("node-1");
  newer.NextWelcome();
  EXPECT_EQ(old.WaitForEnd().error_code(), StatusCode::ALREADY_EXISTS);
}

TEST_F(WorkerLinkTest, AWorkerThatComesBackKeepsItsLease) {
  link::Lease lease;
  {
    FakeStream worker(channel_);
    lease = PlannedLease(worker);
  }  // the stream breaks
  FakeStream again(channel_);
  link::HeldLease held;
  held.set_lease(lease.lease());
  held.set_slot(lease.slot());
  again.Hello("node-1", 1, {held});
  const link::Welcome welcome = again.NextWelcome();
  ASSERT_EQ(welcome.keep_size(), 1);
  EXPECT_EQ(welcome.keep(0), lease.lease());
  again.Batch(lease.lease(), lease.begin());
  EXPECT_TRUE(again.Next().has_batch_stored());
}

TEST_F(WorkerLinkTest, ALeaseSurvivesARestartOfTheScheduler) {
  link::Lease lease;
  {
    FakeStream worker(channel_);
    lease = PlannedLease(worker);
  }
  Restart();
  FakeStream again(channel_);
  link::HeldLease held;
  held.set_lease(lease.lease());
  held.set_slot(lease.slot());
  again.Hello("node-1", 1, {held});
  const link::Welcome welcome = again.NextWelcome();
  ASSERT_EQ(welcome.keep_size(), 1);
  again.Batch(lease.lease(), lease.begin());
  EXPECT_TRUE(again.Next().has_batch_stored());
}

TEST_F(WorkerLinkTest, ASilentWorkerLosesItsLease) {
  FakeStream worker(channel_);
  const link::Lease lease = PlannedLease(worker);
  // In steps: a longer silence of the clock counts as a stall of the scheduler itself.
  v1::Request request;
  for (int64_t ms = 0; ms <= config_.lease_ms + 1'000; ms += 500) {
    clock_.AdvanceMs(500);
    v1::GetRequestResponse response;
    ASSERT_TRUE(Get("a", &response).ok());
    request = response.request();
  }
  request = WaitForPhase("a", "queued");
  EXPECT_EQ(request.state(), v1::REQUEST_STATE_PENDING);
  EXPECT_EQ(worker.WaitForEnd().error_code(), StatusCode::DEADLINE_EXCEEDED);
  FakeStream again(channel_);
  link::HeldLease held;
  held.set_lease(lease.lease());
  again.Hello("node-1", 1, {held});
  EXPECT_EQ(again.NextWelcome().keep_size(), 0);
}

TEST_F(WorkerLinkTest, AMessageOverItsBoundEndsTheStream) {
  FakeStream worker(channel_);
  worker.Hello("node-1");
  worker.NextWelcome();
  link::WorkerMessage message;
  message.mutable_batch_done()->set_results_json(std::string(65 << 20, ' '));
  worker.Write(message);
  EXPECT_EQ(worker.WaitForEnd().error_code(), StatusCode::RESOURCE_EXHAUSTED);
  v1::SubmitResponse response;
  EXPECT_TRUE(Submit("after", &response).ok());
}

TEST_F(WorkerLinkTest, ADrainedWorkerGetsNoLeaseAlsoAfterARestart) {
  {
    FakeStream worker(channel_);
    worker.Hello("node-1");
    worker.NextWelcome();
    v1::Worker view;
    ASSERT_TRUE(Drain("node-1", true, &view).ok());
    EXPECT_TRUE(view.draining());
    EXPECT_EQ(view.drain_reason(), "new disks");
  }
  Restart();
  FakeStream worker(channel_);
  worker.Hello("node-1");
  worker.NextWelcome();
  MustSubmit("a");
  WaitForPhase("a", "queued");
  const auto workers = Workers();
  ASSERT_EQ(workers.size(), 1U);
  EXPECT_TRUE(workers[0].draining());
  EXPECT_TRUE(workers[0].connected());
  EXPECT_EQ(workers[0].version(), "0.0.9");
  ASSERT_EQ(workers[0].slots_size(), 1);
  EXPECT_EQ(workers[0].slots(0).lease(), 0);
  v1::Worker view;
  ASSERT_TRUE(Drain("node-1", false, &view).ok());
  EXPECT_EQ(worker.NextLease().request_id(), "a");
}

TEST_F(WorkerLinkTest, DrainingAnUnknownWorkerIsNotFound) {
  v1::Worker view;
  EXPECT_EQ(Drain("nobody", true, &view).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(WorkerLinkTest, WhatAWorkerSentBeforeItHalfClosedIsAnswered) {
  FakeStream worker(channel_);
  const link::Lease lease = PlannedLease(worker);
  worker.Batch(lease.lease(), lease.begin());
  EXPECT_TRUE(worker.CloseAndWait().ok());
  EXPECT_TRUE(worker.Next().has_batch_stored());
}

TEST_F(WorkerLinkTest, AStoppingSchedulerEndsStreamsAsUnavailable) {
  FakeStream worker(channel_);
  worker.Hello("node-1");
  worker.NextWelcome();
  Stop();
  EXPECT_EQ(worker.WaitForEnd().error_code(), StatusCode::UNAVAILABLE);
}

}  // namespace
}  // namespace koeval::service
