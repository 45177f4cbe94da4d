// Roles, health, reflection and HTTP of a running scheduler.
#include <fmt/format.h>
#include <grpcpp/generic/generic_stub.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/stat.h>

#include "scheduler/store/job_store.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

using grpc::StatusCode;

constexpr const char* kReader = "reader-token-0123456789";
constexpr const char* kAlice = "alice-token-0123456789";
constexpr const char* kBob = "bob-token-0123456789";
constexpr const char* kOperator = "operator-token-0123456789";
constexpr const char* kWorker = "worker-token-0123456789";

class RolesTest : public ServiceTest {
 protected:
  void SetUp() override {
    config_.tokens_file = dir_.path("tokens");
    WriteTokens(
        fmt::format("eve reader {}\nalice submitter {}\nbob submitter {}\n"
                    "op operator {}\nnodes worker {}\n",
                    kReader, kAlice, kBob, kOperator, kWorker));
    Start();
  }

  void WriteTokens(const std::string& text) {
    WriteText(config_.tokens_file, text);
    ASSERT_EQ(::chmod(config_.tokens_file.c_str(), 0600), 0);
  }

  StatusCode SubmitAs(const std::string& token, const std::string& id) {
    v1::SubmitResponse response;
    return Submit(id, &response, "org/good", token).error_code();
  }

  StatusCode CancelAs(const std::string& token, const std::string& id) {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::CancelRequest request;
    request.set_request_id(id);
    v1::CancelResponse response;
    return queue_->Cancel(&context, request, &response).error_code();
  }

  StatusCode GetAs(const std::string& token, const std::string& id) {
    v1::GetRequestResponse response;
    return Get(id, &response, token).error_code();
  }

  StatusCode PauseAs(const std::string& token) {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::SetDispatchResponse response;
    return queue_->SetDispatch(&context, {}, &response).error_code();
  }

  StatusCode BackupAs(const std::string& token) {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::BackupResponse response;
    return queue_->Backup(&context, {}, &response).error_code();
  }

  StatusCode ExplainAs(const std::string& token, const std::string& id) {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::ExplainRequest request;
    request.set_request_id(id);
    v1::ExplainResponse response;
    return queue_->Explain(&context, request, &response).error_code();
  }

  StatusCode SamplesAs(const std::string& token) {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::GetSamplesRequest request;
    request.set_request_id("nope");
    auto reader = results_->GetSamples(&context, request);
    v1::GetSamplesResponse line;
    EXPECT_FALSE(reader->Read(&line));
    return reader->Finish().error_code();
  }
};

TEST_F(RolesTest, EveryCallNeedsItsRole) {
  EXPECT_EQ(SubmitAs("", "a"), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(SubmitAs("not-a-token-at-all", "a"), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(SubmitAs(kReader, "a"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(SubmitAs(kWorker, "a"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(SubmitAs(kAlice, "a"), StatusCode::OK);
  EXPECT_EQ(GetAs(kReader, "a"), StatusCode::OK);
  EXPECT_EQ(GetAs(kWorker, "a"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(PauseAs(kAlice), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(PauseAs(kOperator), StatusCode::OK);
  EXPECT_EQ(ExplainAs(kReader, "a"), StatusCode::OK);
  EXPECT_EQ(ExplainAs(kWorker, "a"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(BackupAs(kAlice), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(BackupAs(kOperator), StatusCode::OK);
  EXPECT_EQ(SamplesAs(kWorker), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(SamplesAs(kReader), StatusCode::NOT_FOUND);
  EXPECT_EQ(SamplesAs(kOperator), StatusCode::NOT_FOUND);
}

TEST_F(RolesTest, SubmittersChangeTheirOwnRequestsAlone) {
  ASSERT_EQ(SubmitAs(kAlice, "a"), StatusCode::OK);
  EXPECT_EQ(CancelAs(kBob, "a"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(CancelAs(kReader, "a"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(CancelAs(kAlice, "a"), StatusCode::OK);
  ASSERT_EQ(SubmitAs(kBob, "b"), StatusCode::OK);
  EXPECT_EQ(CancelAs(kOperator, "b"), StatusCode::OK);
}

TEST_F(RolesTest, TheLinkIsForWorkersAlone) {
  FakeStream client(channel_, kOperator);
  EXPECT_EQ(client.WaitForEnd().error_code(), StatusCode::PERMISSION_DENIED);
  FakeStream nobody(channel_);
  EXPECT_EQ(nobody.WaitForEnd().error_code(), StatusCode::UNAUTHENTICATED);
  FakeStream worker(channel_, kWorker);
  worker.Hello("node-1");
  EXPECT_GT(worker.NextWelcome().session(), 0);
}

TEST_F(RolesTest, ChangesLeaveAnAuditTrailWithNamesAndNoTokens) {
  ASSERT_EQ(SubmitAs(kAlice, "a"), StatusCode::OK);
  ASSERT_EQ(CancelAs(kOperator, "a"), StatusCode::OK);
  Stop();
  auto store = store::OpenSqliteStore(config_.DatabasePath());
  ASSERT_TRUE(store.ok());
  auto reader = (*store)->OpenReader();
  ASSERT_TRUE(reader.ok());
  const auto audit = (*reader)->Audit(10);
  ASSERT_TRUE(audit.ok());
  ASSERT_EQ(audit->size(), 2U);
  EXPECT_EQ((*audit)[0].who, "op");
  EXPECT_EQ((*audit)[0].action, "cancel");
  EXPECT_EQ((*audit)[1].who, "alice");
  EXPECT_EQ((*audit)[1].role, "submitter");
  EXPECT_EQ((*audit)[1].target, "a");
}

TEST_F(RolesTest, ReloadedTokensReplaceTheOldOnesUnlessTheyAreInvalid) {
  WriteTokens("alice submitter short\n");
  EXPECT_FALSE(scheduler_->ReloadTokens().ok());
  EXPECT_EQ(SubmitAs(kAlice, "a"), StatusCode::OK);
  WriteTokens(fmt::format("bob submitter {}\n", kBob));
  EXPECT_TRUE(scheduler_->ReloadTokens().ok());
  EXPECT_EQ(SubmitAs(kAlice, "b"), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(SubmitAs(kBob, "b"), StatusCode::OK);
}

class ProbesTest : public ServiceTest {
 protected:
  void SetUp() override { Start(); }

  // One unary call with messages as bytes.
  grpc::Status Call(const std::string& method, const std::string& request, std::string* response) {
    grpc::GenericStub stub(channel_);
    grpc::CompletionQueue queue;
    grpc::ClientContext context;
    Prepare(&context);
    const grpc::Slice slice(request);
    auto call = stub.PrepareUnaryCall(&context, method, grpc::ByteBuffer(&slice, 1), &queue);
    call->StartCall();
    grpc::ByteBuffer reply;
    grpc::Status status;
    call->Finish(&reply, &status, nullptr);
    void* tag = nullptr;
    bool ok = false;
    queue.Next(&tag, &ok);
    grpc::Slice out;
    if (status.ok() && reply.DumpToSingleSlice(&out).ok()) {
      response->assign(reinterpret_cast<const char*>(out.begin()), out.size());
    }
    return status;
  }

  // HealthCheckRequest{service = 1} -> HealthCheckResponse{status = 1}.
  std::string Health(const std::string& service) {
    std::string request;
    if (!service.empty()) request = "\x0a" + std::string(1, static_cast<char>(service.size()));
    std::string response;
    const grpc::Status status = Call("/grpc.health.v1.Health/Check", request + service, &response);
    return status.ok() ? response : "status " + std::to_string(status.error_code());
  }

  httplib::Result Http(const std::string& path) {
    return httplib::Client("http://" + scheduler_->http_address()).Get(path);
  }
};

TEST_F(ProbesTest, HealthAnswersForTheServerAndEveryService) {
  const std::string serving = "\x08\x01";
  for (const char* service :
       {"", "koeval.v1.QueueService", "koeval.v1.ResultsService", "koeval.v1.CatalogueService",
        "koeval.v1.ClusterService", "koeval.worker.v1.WorkerLinkService"}) {
    EXPECT_EQ(Health(service), serving) << service;
  }
  EXPECT_EQ(Health("koeval.v1.Nothing"), "status 5");
}

TEST_F(ProbesTest, ReflectionListsTheServices) {
  grpc::GenericStub stub(channel_);
  grpc::CompletionQueue queue;
  grpc::ClientContext context;
  Prepare(&context);
  auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  void* tag = nullptr;
  bool ok = false;
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice slice(std::string("\x3a\x01*"));  // list_services = 7
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer reply;
  call->Read(&reply, nullptr);
  queue.Next(&tag, &ok);
  ASSERT_TRUE(ok);
  grpc::Slice out;
  ASSERT_TRUE(reply.DumpToSingleSlice(&out).ok());
  const std::string text(reinterpret_cast<const char*>(out.begin()), out.size());
  EXPECT_NE(text.find("koeval.v1.QueueService"), std::string::npos);
  EXPECT_NE(text.find("grpc.health.v1.Health"), std::string::npos);
  context.TryCancel();
}

TEST_F(ProbesTest, HealthzSaysOk) {
  const auto answer = Http("/healthz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "ok\n");
  const auto nothing = Http("/nothing");
  ASSERT_TRUE(nothing);
  EXPECT_EQ(nothing->status, 404);
}

TEST_F(ProbesTest, MetricsCountWithoutNamingModelsOrPeople) {
  FakeWorker worker(channel_, "node-1");
  MustSubmit("a");
  MustSubmit("b", "org/broken");
  WaitForPhase("a", "done");
  WaitForPhase("b", "done");
  const auto answer = Http("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  for (const char* line :
       {"koeval_requests{state=\"FINISHED\"} 1", "koeval_requests{state=\"FAILED\"} 1",
        "koeval_workers 1", "koeval_slots 1", "koeval_batches_total 5",
        "koeval_checks_total{outcome=\"failed\"} 1", "koeval_scores_total{outcome=\"ok\"} 1",
        "koeval_build_info{version=\"0.1.0\"} 1", "koeval_commit_seconds_bucket",
        "koeval_dispatch_seconds_count", "koeval_inbox_events"}) {
    EXPECT_NE(answer->body.find(line), std::string::npos) << line << "\n" << answer->body;
  }
  for (const char* name : {"org/good", "local", "node-1", "toy"}) {
    EXPECT_EQ(answer->body.find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace koeval::service
