// The inbox, the dispatcher and the answers laid over prepared tasks, without gRPC.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <span>
#include <utility>

#include "common/base/bounded_queue.h"
#include "scheduler/service/dispatcher.h"
#include "scheduler/service/inbox.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/prepared.h"

namespace koeval::service {
namespace {

InboxItem Tick() {
  InboxItem item;
  item.event = core::Tick{};
  return item;
}

TEST(Inbox, ClientsCannotUseUpTheReserveOfWorkers) {
  Inbox inbox(/*capacity=*/4, /*reserve=*/2);
  EXPECT_TRUE(inbox.Post(Tick(), Priority::kClient).ok());
  EXPECT_TRUE(inbox.Post(Tick(), Priority::kClient).ok());
  EXPECT_EQ(inbox.Post(Tick(), Priority::kClient).code(), Code::kResourceExhausted);
  EXPECT_TRUE(inbox.Post(Tick(), Priority::kWorker).ok());
  EXPECT_TRUE(inbox.Post(Tick(), Priority::kWorker).ok());
  EXPECT_EQ(inbox.Post(Tick(), Priority::kWorker).code(), Code::kResourceExhausted);
  EXPECT_TRUE(inbox.Post(Tick(), Priority::kOwn).ok());
  EXPECT_EQ(inbox.size(), 5U);
}

TEST(Inbox, AClosedInboxGivesWhatItHasAndTakesNothing) {
  Inbox inbox(4, 0);
  ASSERT_TRUE(inbox.Post(Tick(), Priority::kClient).ok());
  inbox.Close();
  EXPECT_EQ(inbox.Post(Tick(), Priority::kOwn).code(), Code::kUnavailable);
  EXPECT_EQ(inbox.Take(10, 1000).size(), 1U);
  EXPECT_TRUE(inbox.Take(10, 1000).empty());
}

// A store whose commits fail from the n-th on.
class FailingStore final : public store::JobStore {
 public:
  explicit FailingStore(int good_commits) : left_(good_commits), real_(store::OpenMemoryStore()) {}
  Status Commit(std::span<const core::Mutation> mutations) override {
    if (left_-- <= 0) return ResourceExhausted("the disk is full");
    return real_->Commit(mutations);
  }
  Result<store::Snapshot> Load() override { return real_->Load(); }
  Result<std::unique_ptr<store::Reader>> OpenReader() override { return real_->OpenReader(); }
  Status Backup(const std::string& path) override { return real_->Backup(path); }

 private:
  std::atomic<int> left_;
  std::unique_ptr<store::JobStore> real_;
};

class NoOutlets final : public Outlets {
 public:
  void Committed(int64_t) override {}
  void ToWorker(const core::Effect&) override {}
  void Start(const core::StartChecks&) override {}
  void Start(const core::ComputeScore&) override {}
};

// Submits and waits for the reply, or says why there was none.
Status SubmitAndWait(Dispatcher& dispatcher, const std::string& id) {
  BoundedQueue<Status> replies(1);
  core::RequestSpec spec;
  spec.model = "org/m";
  spec.suite = "toy";
  const Status posted = dispatcher.Call(
      [&](core::ReplyToken token) {
        return core::Submit{token, {"me", "submitter"}, RequestId{id}, spec};
      },
      [&replies](const core::Reply& reply, const core::Core&) {
        (void)replies.TryPush(reply.status);
      });
  if (!posted.ok()) return posted;
  return replies.Pop().value_or(Internal("no reply"));
}

class DispatcherTest : public testing::Test {
 protected:
  Dispatcher::Options Options(store::JobStore& store) {
    return {core::Limits(), store,
            clock_,         metrics_,
            outlets_,       [this](const Status& status) { (void)fatal_.TryPush(status); }};
  }

  FakeClock clock_;
  Metrics metrics_{WallTime{}};
  NoOutlets outlets_;
  BoundedQueue<Status> fatal_{1};
};

TEST_F(DispatcherTest, ARepliedSubmissionIsInTheStore) {
  const auto store = store::OpenMemoryStore();
  Dispatcher dispatcher(Options(*store));
  ASSERT_TRUE(dispatcher.Start().ok());
  ASSERT_TRUE(SubmitAndWait(dispatcher, "a").ok());
  const auto reader = store->OpenReader();
  EXPECT_TRUE((*reader)->GetRequest(RequestId{"a"}).ok());
  EXPECT_GT(dispatcher.committed_seq(), 0);
  EXPECT_EQ(dispatcher.counts().pending, 1);
}

TEST_F(DispatcherTest, AFailedCommitAcknowledgesNothingAndEndsTheDispatcher) {
  FailingStore store(1);
  Dispatcher dispatcher(Options(store));
  ASSERT_TRUE(dispatcher.Start().ok());
  EXPECT_TRUE(SubmitAndWait(dispatcher, "a").ok());
  EXPECT_EQ(SubmitAndWait(dispatcher, "b").code(), Code::kUnavailable);
  EXPECT_EQ(fatal_.Pop()->code(), Code::kResourceExhausted);
  EXPECT_EQ(dispatcher.failure().code(), Code::kResourceExhausted);
  EXPECT_EQ(SubmitAndWait(dispatcher, "c").code(), Code::kUnavailable);
  EXPECT_EQ(dispatcher.Ask([](const core::Core&, core::Now) {}).code(), Code::kUnavailable);
}

TEST_F(DispatcherTest, QuestionsAfterTheEndAreAnsweredToo) {
  const auto store = store::OpenMemoryStore();
  Dispatcher dispatcher(Options(*store));
  ASSERT_TRUE(dispatcher.Start().ok());
  bool asked = false;
  EXPECT_TRUE(dispatcher.Ask([&asked](const core::Core&, core::Now) { asked = true; }).ok());
  EXPECT_TRUE(asked);
  dispatcher.Stop();
  EXPECT_EQ(dispatcher.Ask([](const core::Core&, core::Now) {}).code(), Code::kUnavailable);
}

evaluation::PreparedTask TaskOf(const std::string& name, size_t requests) {
  evaluation::PreparedTask task;
  task.config.task = name;
  task.requests.resize(requests);
  return task;
}

core::BatchRow BatchOf(int64_t batch, const std::string& worker, const std::string& results) {
  core::BatchRow row;
  row.batch = batch;
  row.worker = WorkerId{worker};
  row.results_json = results;
  return row;
}

TEST(CollectedAnswers, LieInRequestOrderWhateverTheOrderOfBatches) {
  const std::vector<evaluation::PreparedTask> tasks = {TaskOf("a", 2), TaskOf("b", 1)};
  const std::vector<core::BatchRow> batches = {
      BatchOf(0, "w2", R"({"task":"a","results":[[1,-2.5,false]]})"),
      BatchOf(1, "w1", R"({"task":"b","results":[[0,"-inf",true]]})"),
      BatchOf(2, "w1", R"({"task":"a","results":[[0,-1,true]]})")};
  const auto answers = CollectAnswers(tasks, batches);
  ASSERT_TRUE(answers.ok()) << answers.status().ToString();
  EXPECT_EQ(answers->workers, (std::vector<std::string>{"w1", "w2"}));
  EXPECT_EQ(answers->tasks[0].responses[0].log_likelihood, -1);
  EXPECT_EQ(answers->tasks[0].responses[1].log_likelihood, -2.5);
  EXPECT_TRUE(answers->tasks[0].responses[0].is_greedy);
  EXPECT_EQ(answers->tasks[0].worker, (std::vector<int32_t>{0, 1}));
  EXPECT_LT(answers->tasks[1].responses[0].log_likelihood, -1e300);
}

TEST(CollectedAnswers, WindowsOfSeveralWorkersAndTextsComeTogether) {
  std::vector<evaluation::PreparedTask> tasks = {TaskOf("rolling", 2), TaskOf("texts", 2)};
  tasks[0].request_kind = evaluation::RequestKind::kLoglikelihoodRolling;
  tasks[1].request_kind = evaluation::RequestKind::kGenerate;
  const std::vector<core::BatchRow> batches = {
      BatchOf(0, "w2", R"({"task":"rolling","results":[[1,1,2,-1.5]]})"),
      BatchOf(1, "w1", R"({"task":"rolling","results":[[1,0,2,-2],[0,0,0,0]]})"),
      BatchOf(2, "w1", R"({"task":"texts","results":[[1,"가"],[0,""]]})")};
  const auto answers = CollectAnswers(tasks, batches);
  ASSERT_TRUE(answers.ok()) << answers.status().ToString();
  EXPECT_EQ(answers->tasks[0].responses[0].log_likelihood, 0);
  EXPECT_EQ(answers->tasks[0].responses[1].log_likelihood, -3.5);
  EXPECT_EQ(answers->tasks[0].worker, (std::vector<int32_t>{0, 1}));
  EXPECT_EQ(answers->tasks[0].other_workers, (std::set<std::pair<size_t, int32_t>>{{1, 0}}));
  EXPECT_EQ(answers->tasks[1].responses[0].text, "");
  EXPECT_EQ(answers->tasks[1].responses[1].text, "가");
  const auto partial = CollectAnswers(tasks, std::span(batches).subspan(1));
  EXPECT_EQ(partial.status().code(), Code::kDataLoss);
  EXPECT_NE(partial.status().message().find("request 1 of 2"), std::string::npos);
}

TEST(CollectedAnswers, DamagedBatchesAreRefused) {
  const std::vector<evaluation::PreparedTask> tasks = {TaskOf("a", 1)};
  for (const char* bad :
       {"", "{}", R"({"task":"b","results":[[0,-1,true]]})", R"({"task":"a","results":{}})",
        R"({"task":"a","results":[]})", R"({"task":"a","results":[[1,-1,true]]})",
        R"({"task":"a","results":[[-1,-1,true]]})", R"({"task":"a","results":[[0,"x",true]]})",
        R"({"task":"a","results":[[0,-1]]})", R"({"task":"a","results":[[0.5,-1,true]]})",
        R"({"task":"a","results":[[0,-1,true],[0,-1,true]]})"}) {
    const std::vector<core::BatchRow> batches = {BatchOf(0, "w", bad)};
    const auto answers = CollectAnswers(tasks, batches);
    EXPECT_EQ(answers.status().code(), Code::kDataLoss) << bad;
  }
}

}  // namespace
}  // namespace koeval::service
