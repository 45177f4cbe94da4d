// The queue over gRPC: submit, look, page, watch, cancel, retry, pause, back up.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "scheduler/store/job_store.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

using grpc::StatusCode;

class QueueTest : public ServiceTest {
 protected:
  void SetUp() override { Start(); }

  grpc::Status SubmitSpec(const std::string& id, const v1::RequestSpec& spec) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::SubmitRequest request;
    request.set_request_id(id);
    *request.mutable_spec() = spec;
    v1::SubmitResponse response;
    return queue_->Submit(&context, request, &response);
  }

  v1::ListRequestsResponse List(const v1::ListRequestsRequest& request) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::ListRequestsResponse response;
    const grpc::Status status = queue_->ListRequests(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }

  v1::GetQueueResponse Queue() {
    grpc::ClientContext context;
    Prepare(&context);
    v1::GetQueueResponse response;
    EXPECT_TRUE(queue_->GetQueue(&context, {}, &response).ok());
    return response;
  }

  grpc::Status Cancel(const std::string& id, v1::CancelResponse* response) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::CancelRequest request;
    request.set_request_id(id);
    return queue_->Cancel(&context, request, response);
  }

  grpc::Status Retry(const std::string& id, v1::RetryResponse* response) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::RetryRequest request;
    request.set_request_id(id);
    return queue_->Retry(&context, request, response);
  }

  void Pause(bool paused) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::SetDispatchRequest request;
    request.set_paused(paused);
    v1::SetDispatchResponse response;
    ASSERT_TRUE(queue_->SetDispatch(&context, request, &response).ok());
    EXPECT_EQ(response.paused(), paused);
  }

  // `count` events after `after`, as Watch gives them.
  std::vector<v1::WatchResponse> Events(int64_t after, bool from_start, int64_t last) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::WatchRequest request;
    request.set_after_seq(after);
    request.set_from_start(from_start);
    auto reader = queue_->Watch(&context, request);
    std::vector<v1::WatchResponse> events;
    v1::WatchResponse event;
    while ((events.empty() || events.back().seq() < last) && reader->Read(&event)) {
      events.push_back(event);
    }
    context.TryCancel();
    while (reader->Read(&event)) {
    }
    return events;
  }
};

TEST_F(QueueTest, TheSameSubmissionTwiceGetsTheFirstAnswer) {
  v1::SubmitResponse first, second;
  ASSERT_TRUE(Submit("a", &first).ok());
  ASSERT_TRUE(Submit("a", &second).ok());
  EXPECT_FALSE(first.already_known());
  EXPECT_TRUE(second.already_known());
  EXPECT_EQ(second.request().number(), first.request().number());
  EXPECT_EQ(Queue().pending(), 1);
}

TEST_F(QueueTest, DefaultsAreFilledIn) {
  const v1::Request request = MustSubmit("a");
  EXPECT_EQ(request.spec().suite(), "toy");
  EXPECT_EQ(request.spec().profile(), "lm-eval-0.4");
  EXPECT_EQ(request.spec().precision(), "float32");
  EXPECT_EQ(request.spec().revision(), "main");
  EXPECT_EQ(request.spec().time_limit_ms(), config_.time_limit_default_ms);
  EXPECT_EQ(request.suite_version(), "1");
  EXPECT_EQ(request.bundle_digest().size(), 64U);
  EXPECT_EQ(request.submitter(), "local");
}

TEST_F(QueueTest, ATakenIdWithAnotherSpecIsRefused) {
  MustSubmit("a");
  v1::SubmitResponse response;
  EXPECT_EQ(Submit("a", &response, "org/other").error_code(), StatusCode::ALREADY_EXISTS);
}

TEST_F(QueueTest, BadSubmissionsNameTheField) {
  struct Case {
    std::string id, field;
    StatusCode code;
    std::function<void(v1::RequestSpec*)> spoil;
  };
  const std::vector<Case> cases = {
      {"bad id", "request_id", StatusCode::INVALID_ARGUMENT, [](auto*) {}},
      {"", "request_id", StatusCode::INVALID_ARGUMENT, [](auto*) {}},
      {"a", "model", StatusCode::INVALID_ARGUMENT, [](auto* s) { s->clear_model(); }},
      {"a", "model", StatusCode::INVALID_ARGUMENT, [](auto* s) { s->set_model("no-slash"); }},
      {"a", "model", StatusCode::INVALID_ARGUMENT, [](auto* s) { s->set_model("../etc/x"); }},
      {"a", "model", StatusCode::INVALID_ARGUMENT, [](auto* s) { s->set_model("org/a/b"); }},
      {"a", "allow_local_models", StatusCode::FAILED_PRECONDITION,
       [](auto* s) { s->set_model("/models/x"); }},
      {"a", "precision", StatusCode::INVALID_ARGUMENT, [](auto* s) { s->set_precision("int4"); }},
      {"a", "suite", StatusCode::NOT_FOUND, [](auto* s) { s->set_suite("nope"); }},
      {"a", "profile", StatusCode::INVALID_ARGUMENT, [](auto* s) { s->set_profile("nope"); }},
      {"a", "limit", StatusCode::INVALID_ARGUMENT, [](auto* s) { s->set_limit(0); }},
      {"a", "priority", StatusCode::INVALID_ARGUMENT, [](auto* s) { s->set_priority(101); }},
      {"a", "time_limit_ms", StatusCode::INVALID_ARGUMENT,
       [](auto* s) { s->set_time_limit_ms(int64_t{1} << 60); }},
      {"a", "revision", StatusCode::INVALID_ARGUMENT,
       [](auto* s) { s->set_revision(std::string(200, 'x')); }},
      {"a", "weight_type", StatusCode::INVALID_ARGUMENT,
       [](auto* s) { s->set_weight_type("a\nb"); }},
      {"a", "larger", StatusCode::RESOURCE_EXHAUSTED,
       [](auto* s) { s->set_model_type(std::string(300'000, 'x')); }},
  };
  for (const Case& c : cases) {
    v1::RequestSpec spec;
    spec.set_model("org/good");
    c.spoil(&spec);
    const grpc::Status status = SubmitSpec(c.id, spec);
    EXPECT_EQ(status.error_code(), c.code) << c.field << ": " << status.error_message();
    EXPECT_NE(status.error_message().find(c.field), std::string::npos) << status.error_message();
  }
  EXPECT_EQ(Queue().pending() + Queue().failed(), 0);
}

TEST_F(QueueTest, AnUnknownRequestIsNotFound) {
  v1::GetRequestResponse response;
  EXPECT_EQ(Get("nope", &response).error_code(), StatusCode::NOT_FOUND);
  v1::CancelResponse cancelled;
  EXPECT_EQ(Cancel("nope", &cancelled).error_code(), StatusCode::NOT_FOUND);
  v1::RetryResponse retried;
  EXPECT_EQ(Retry("nope", &retried).error_code(), StatusCode::NOT_FOUND);
}

TEST_F(QueueTest, ABrokenModelFailsWithItsFinding) {
  MustSubmit("b", "org/broken");
  const v1::Request request = WaitForPhase("b", "done");
  EXPECT_EQ(request.state(), v1::REQUEST_STATE_FAILED);
  EXPECT_EQ(request.ending(), "BAD_CHECKPOINT");
  EXPECT_NE(request.reason().find("ends early"), std::string::npos) << request.reason();
  EXPECT_EQ(request.remedy(), "Upload the file again.");
  EXPECT_NE(request.facts_json().find("LlamaForCausalLM"), std::string::npos);
}

TEST_F(QueueTest, PagesHoldEveryRequestOnce) {
  for (int i = 0; i < 25; ++i) MustSubmit("r" + std::to_string(i));
  for (const bool newest_first : {false, true}) {
    v1::ListRequestsRequest request;
    request.set_page_size(10);
    request.set_newest_first(newest_first);
    std::vector<int64_t> numbers;
    std::vector<int> sizes;
    do {
      const v1::ListRequestsResponse page = List(request);
      sizes.push_back(page.requests_size());
      for (const auto& row : page.requests()) numbers.push_back(row.number());
      request.set_page_token(page.next_page_token());
    } while (!request.page_token().empty());
    EXPECT_EQ(sizes, (std::vector<int>{10, 10, 5}));
    if (newest_first) std::reverse(numbers.begin(), numbers.end());
    std::vector<int64_t> expected(25);
    for (int64_t i = 0; i < 25; ++i) expected[static_cast<size_t>(i)] = i + 1;
    EXPECT_EQ(numbers, expected);
  }
}

TEST_F(QueueTest, AForeignPageTokenIsRefused) {
  for (int i = 0; i < 3; ++i) MustSubmit("r" + std::to_string(i));
  v1::ListRequestsRequest request;
  request.set_page_size(1);
  const std::string token = List(request).next_page_token();
  ASSERT_FALSE(token.empty());
  for (const std::string& bad : {std::string("x"), token + "9999999999999999999", token + "x",
                                 std::string("0123456789abcdef.1")}) {
    request.set_page_token(bad);
    grpc::ClientContext context;
    Prepare(&context);
    v1::ListRequestsResponse response;
    EXPECT_EQ(queue_->ListRequests(&context, request, &response).error_code(),
              StatusCode::INVALID_ARGUMENT)
        << bad;
  }
  request.set_page_token(token);
  request.set_model("other filter");
  grpc::ClientContext context;
  Prepare(&context);
  v1::ListRequestsResponse response;
  EXPECT_EQ(queue_->ListRequests(&context, request, &response).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

TEST_F(QueueTest, FiltersNarrowTheList) {
  MustSubmit("good", "org/good");
  MustSubmit("bad", "org/broken");
  WaitForPhase("bad", "done");
  WaitForPhase("good", "queued");
  v1::ListRequestsRequest failed;
  failed.add_states(v1::REQUEST_STATE_FAILED);
  ASSERT_EQ(List(failed).requests_size(), 1);
  EXPECT_EQ(List(failed).requests(0).id(), "bad");
  v1::ListRequestsRequest by_model;
  by_model.set_model("goo");
  ASSERT_EQ(List(by_model).requests_size(), 1);
  EXPECT_EQ(List(by_model).requests(0).progress().queue_position(), 1);
  v1::ListRequestsRequest by_suite;
  by_suite.set_suite("other");
  EXPECT_EQ(List(by_suite).requests_size(), 0);
}

TEST_F(QueueTest, WatchHasNoGapsAcrossARestart) {
  for (int i = 0; i < 10; ++i) MustSubmit("r" + std::to_string(i));
  for (int i = 0; i < 10; ++i) WaitForPhase("r" + std::to_string(i), "queued");
  const int64_t before = Queue().last_seq();
  const auto first = Events(0, /*from_start=*/true, before);
  ASSERT_EQ(static_cast<int64_t>(first.size()), before);
  for (int64_t i = 0; i < before; ++i) EXPECT_EQ(first[static_cast<size_t>(i)].seq(), i + 1);
  Restart();
  MustSubmit("later");
  WaitForPhase("later", "queued");
  const int64_t after = Queue().last_seq();
  const auto second = Events(before, /*from_start=*/false, after);
  ASSERT_EQ(static_cast<int64_t>(second.size()), after - before);
  for (size_t i = 0; i < second.size(); ++i) {
    EXPECT_EQ(second[i].seq(), before + 1 + static_cast<int64_t>(i));
  }
}

TEST_F(QueueTest, WatchFollowsWhatIsCommittedLater) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::WatchRequest request;
  request.set_request_id("mine");
  auto reader = queue_->Watch(&context, request);
  reader->WaitForInitialMetadata();
  MustSubmit("other");
  MustSubmit("mine");
  v1::WatchResponse event;
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.request_id(), "mine");
  EXPECT_EQ(event.kind(), "submitted");
  ASSERT_TRUE(reader->Read(&event));
  EXPECT_EQ(event.request_id(), "mine");
  context.TryCancel();
}

TEST_F(QueueTest, WatchingTheFutureIsRefused) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::WatchRequest request;
  request.set_after_seq(1'000'000);
  auto reader = queue_->Watch(&context, request);
  v1::WatchResponse event;
  EXPECT_FALSE(reader->Read(&event));
  EXPECT_EQ(reader->Finish().error_code(), StatusCode::OUT_OF_RANGE);
}

TEST_F(QueueTest, ACancelledRequestCanBeRetriedAsANewRound) {
  MustSubmit("a");
  v1::CancelResponse cancelled;
  ASSERT_TRUE(Cancel("a", &cancelled).ok());
  EXPECT_EQ(cancelled.request().state(), v1::REQUEST_STATE_FAILED);
  EXPECT_EQ(cancelled.request().ending(), "CANCELLED");
  v1::RetryResponse retried;
  ASSERT_TRUE(Retry("a", &retried).ok());
  EXPECT_EQ(retried.request().state(), v1::REQUEST_STATE_PENDING);
  EXPECT_EQ(retried.request().round(), 2);
  EXPECT_EQ(Retry("a", &retried).error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(QueueTest, PausedDispatchGivesNoLeaseUntilItResumes) {
  Pause(true);
  FakeStream worker(channel_);
  worker.Hello("node");
  worker.NextWelcome();
  MustSubmit("a");
  WaitForPhase("a", "queued");
  EXPECT_TRUE(Queue().paused());
  Restart();
  EXPECT_TRUE(Queue().paused());
  FakeStream again(channel_);
  again.Hello("node");
  again.NextWelcome();
  v1::GetRequestResponse response;
  ASSERT_TRUE(Get("a", &response).ok());
  EXPECT_EQ(response.request().phase(), "queued");
  Pause(false);
  EXPECT_EQ(again.NextLease().request_id(), "a");
}

TEST_F(QueueTest, ABackupHoldsWhatWasAcknowledged) {
  MustSubmit("a");
  grpc::ClientContext context;
  Prepare(&context);
  v1::BackupRequest request;
  request.set_name("copy.db");
  v1::BackupResponse response;
  const grpc::Status status = queue_->Backup(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.path(), config_.state_dir + "/backups/copy.db");
  EXPECT_EQ(response.bytes(), static_cast<int64_t>(std::filesystem::file_size(response.path())));
  auto copy = store::OpenSqliteStore(response.path());
  ASSERT_TRUE(copy.ok()) << copy.status().ToString();
  auto reader = (*copy)->OpenReader();
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE((*reader)->GetRequest(RequestId{"a"}).ok());

  grpc::ClientContext again;
  Prepare(&again);
  EXPECT_EQ(queue_->Backup(&again, request, &response).error_code(), StatusCode::ALREADY_EXISTS);
  grpc::ClientContext outside;
  Prepare(&outside);
  request.set_name("../escape.db");
  EXPECT_EQ(queue_->Backup(&outside, request, &response).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace koeval::service
