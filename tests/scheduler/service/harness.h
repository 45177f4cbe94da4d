// A scheduler in this process on free ports, and a worker that speaks the link without a model.
#pragma once

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "koeval/v1/catalogue.grpc.pb.h"
#include "koeval/v1/cluster.grpc.pb.h"
#include "koeval/v1/queue.grpc.pb.h"
#include "koeval/v1/results.grpc.pb.h"
#include "koeval/worker/v1/link.grpc.pb.h"
#include "scheduler/service/scheduler.h"

namespace koeval::service {

namespace link = koeval::worker::v1;

// A folder that goes away with this object.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  std::string path(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void WriteText(const std::string& path, const std::string& text);

// The toy suite: toy_a has 6 documents of 3 choices, toy_b 4 of 2; the gold of document d is d % n.
// Writes suites/toy.yaml and its tasks below `folder`.
void WriteToySuite(const std::string& folder);
inline constexpr int kToyBatches = 5;  // 3 of toy_a, 2 of toy_b, two documents each

// The answers of one toy batch: the gold choice is likeliest, except in documents divisible by 3.
std::string ToyBatch(int64_t batch);

// What a "large" model needs.
inline constexpr int64_t kLargeModelBytes = int64_t{40} << 30;

// Says that every model is fine, except those with "broken" in their name and those with "silent",
// whose hub gives no answer, and that those with "large" in it need kLargeModelBytes. Where a chat
// template is asked for it is one that writes the year, and then roles in brackets and texts.
class FakeChecks final : public CheckRunner {
 public:
  Result<CheckReport> Check(const CheckSpec& spec) override;
  // A text has one token for four bytes, and one more.
  Result<CountedCheck> CheckAndCount(const CheckSpec& spec, const AskTokens& ask) override;
  void Stop() override {}
};

// One stream to the scheduler. Messages that arrive wait in order until they are taken.
class FakeStream {
 public:
  FakeStream(const std::shared_ptr<grpc::Channel>& channel, const std::string& token = "");
  ~FakeStream();

  bool Write(const link::WorkerMessage& message) { return stream_->Write(message); }
  void Hello(const std::string& worker, int64_t slots = 1,
             const std::vector<link::HeldLease>& held = {}, int64_t protocol = 1,
             int64_t memory_bytes = 0);
  void Plan(int64_t lease, const std::string& digest = "plan");
  void Batch(int64_t lease, int64_t batch, const std::string& digest = "plan");
  void Ended(int64_t lease, const std::string& ending, const std::string& reason);
  // The next message; fails the test and gives an empty one when none comes or the stream ends.
  link::SchedulerMessage Next();
  // The next message of this kind; others are dropped.
  link::Lease NextLease();
  link::Welcome NextWelcome();
  // A message if one is there or comes before `ms`; nothing at the end of the stream.
  std::optional<link::SchedulerMessage> NextWithin(int64_t ms);
  // Half-closes, or gives up, and returns the status of the stream.
  grpc::Status CloseAndWait();
  grpc::Status WaitForEnd();
  void Cancel() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<link::WorkerLinkService::Stub> stub_;
  std::unique_ptr<grpc::ClientReaderWriter<link::WorkerMessage, link::SchedulerMessage>> stream_;
  BoundedQueue<link::SchedulerMessage> inbox_{100'000};
  std::thread reader_;
};

// Runs every lease that it gets with toy answers. The scheduler knows it once it is constructed,
// and no more once it is destroyed: under a standing clock a lease that it still got would never
// end.
class FakeWorker {
 public:
  using Answer = std::function<std::string(int64_t batch)>;
  FakeWorker(const std::shared_ptr<grpc::Channel>& channel, const std::string& name,
             Answer answer = ToyBatch);
  ~FakeWorker();
  std::set<int64_t> batches() const EXCLUDES(mutex_);

 private:
  void Run(Answer answer);
  bool IsConnected();

  const std::string name_;
  std::unique_ptr<v1::ClusterService::Stub> cluster_;
  FakeStream stream_;
  mutable Mutex mutex_;
  std::set<int64_t> batches_ GUARDED_BY(mutex_);
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// A scheduler over a SQLite store in a folder of its own, under a clock that stands still.
class ServiceTest : public testing::Test {
 protected:
  ServiceTest();
  ~ServiceTest() override;

  void Start();
  void Stop();
  void Restart();

  // Calls, with `token` when it is not empty.
  grpc::Status Submit(const std::string& id, v1::SubmitResponse* response,
                      const std::string& model = "org/good", const std::string& token = "");
  v1::Request MustSubmit(const std::string& id, const std::string& model = "org/good");
  grpc::Status Get(const std::string& id, v1::GetRequestResponse* response,
                   const std::string& token = "");
  // Waits, by watching the queue, until `done` holds for the request.
  v1::Request WaitFor(const std::string& id, const std::function<bool(const v1::Request&)>& done);
  v1::Request WaitForPhase(const std::string& id, const std::string& phase);
  std::vector<v1::GetSamplesResponse> Samples(const std::string& id);
  // A call context with a deadline and, when given, a token.
  static void Prepare(grpc::ClientContext* context, const std::string& token = "");

  TempDir dir_;
  FakeClock clock_;
  ServiceConfig config_;
  std::shared_ptr<ModelHub> hub_;  // nullptr unless a test sets it before Start
  std::unique_ptr<Scheduler> scheduler_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::QueueService::Stub> queue_;
  std::unique_ptr<v1::ResultsService::Stub> results_;
  std::unique_ptr<v1::ClusterService::Stub> cluster_;
  std::unique_ptr<v1::CatalogueService::Stub> catalogue_;
};

}  // namespace koeval::service
