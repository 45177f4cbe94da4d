// Names of the installation that readers must not learn, planted wherever they can come from, and
// looked for in all that pages, the JSON API and koeval.v1 answer.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "koeval/v1/board.grpc.pb.h"
#include "tests/scheduler/service/web_harness.h"

namespace koeval::service {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kOperatorToken = "olga-token-0123456789";
constexpr const char* kWorkerToken = "wanda-token-0123456789";
constexpr const char* kFolder = "/srv/planted-root/good";
constexpr const char* kHost = "planted-host-7";

class PlantedNamesTest : public WebTest {
 protected:
  // "done" was evaluated by the planted worker, "back" was handed back by it.
  void SetUp() override {
    config_.tokens_file = dir_.path("tokens");
    WriteText(config_.tokens_file,
              fmt::format("eve reader {}\nalice submitter {}\nolga operator {}\nwanda worker {}\n",
                          kReaderToken, kSubmitterToken, kOperatorToken, kWorkerToken));
    ASSERT_EQ(::chmod(config_.tokens_file.c_str(), 0600), 0);
    config_.web.public_pages = true;
    config_.allow_local_models = true;
    Start();
    FakeStream worker(channel_, kWorkerToken);
    worker.Hello(kHost);
    v1::SubmitResponse response;
    ASSERT_TRUE(Submit("done", &response, kFolder, kSubmitterToken).ok());
    worker.Plan(worker.NextLease().lease());
    for (int64_t stored = 0; stored < kToyBatches;) {
      const link::Lease run = worker.NextLease();
      for (int64_t batch = run.begin(); batch < run.end(); ++batch, ++stored) {
        worker.Batch(run.lease(), batch);
      }
    }
    WaitForChange("done", "finished");
    ASSERT_TRUE(Submit("back", &response, kFolder, kSubmitterToken).ok());
    worker.Ended(worker.NextLease().lease(), "DISK_FULL",
                 fmt::format("{}.planted-net.example at 10.9.8.7:443 has no room in "
                             "/var/planted-cache/model.bin",
                             kHost));
    WaitForChange("back", "put_back");
    grpc::ClientContext context;
    Prepare(&context, kOperatorToken);
    v1::DrainRequest drain;
    drain.set_worker(kHost);
    drain.set_drain(true);
    drain.set_reason(fmt::format("{} is hot", kHost));
    v1::DrainResponse drained;
    ASSERT_TRUE(cluster_->Drain(&context, drain, &drained).ok());
  }

  // Until the feed says that an attempt of it has ended as `kind`.
  void WaitForChange(const std::string& id, const std::string& kind) {
    grpc::ClientContext context;
    Prepare(&context, kOperatorToken);
    v1::WatchRequest request;
    request.set_request_id(id);
    request.set_from_start(true);
    const auto stream = queue_->Watch(&context, request);
    v1::WatchResponse change;
    while (change.kind() != kind && stream->Read(&change)) {
    }
    EXPECT_EQ(change.kind(), kind);
    context.TryCancel();
  }

  // Everything that koeval.v1 answers a reader with this token, as text.
  std::string AllOfRpc(const std::string& token) {
    std::string all;
    for (const char* id : {"done", "back"}) {
      v1::GetRequestResponse request;
      EXPECT_TRUE(ServiceTest::Get(id, &request, token).ok());
      all += request.DebugString();
      v1::ExplainRequest question;
      question.set_request_id(id);
      v1::ExplainResponse answer;
      grpc::ClientContext context;
      Prepare(&context, token);
      EXPECT_TRUE(queue_->Explain(&context, question, &answer).ok());
      all += answer.DebugString();
    }
    const auto add = [&](auto* stub, auto method, auto request, auto response) {
      grpc::ClientContext context;
      Prepare(&context, token);
      const grpc::Status status = (stub->*method)(&context, request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      all += response.DebugString();
    };
    v1::GetResultsRequest done;
    done.set_request_id("done");
    const auto board = v1::BoardService::NewStub(channel_);
    add(queue_.get(), &v1::QueueService::Stub::ListRequests, v1::ListRequestsRequest(),
        v1::ListRequestsResponse());
    add(cluster_.get(), &v1::ClusterService::Stub::ListWorkers, v1::ListWorkersRequest(),
        v1::ListWorkersResponse());
    add(results_.get(), &v1::ResultsService::Stub::GetResults, done, v1::GetResultsResponse());
    add(results_.get(), &v1::ResultsService::Stub::GetLeaderboard, v1::GetLeaderboardRequest(),
        v1::GetLeaderboardResponse());
    add(catalogue_.get(), &v1::CatalogueService::Stub::ListSuites, v1::ListSuitesRequest(),
        v1::ListSuitesResponse());
    add(board.get(), &v1::BoardService::Stub::ListModels, v1::ListModelsRequest(),
        v1::ListModelsResponse());
    return all + Samples(token) + Changes(token);
  }

  std::string Samples(const std::string& token) {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::GetSamplesRequest request;
    request.set_request_id("done");
    const auto stream = results_->GetSamples(&context, request);
    std::string all;
    for (v1::GetSamplesResponse line; stream->Read(&line);) all += line.DebugString();
    EXPECT_TRUE(stream->Finish().ok());
    return all;
  }

  // The feed up to the newest change.
  std::string Changes(const std::string& token) {
    grpc::ClientContext counts_context;
    Prepare(&counts_context, token);
    v1::GetQueueResponse counts;
    EXPECT_TRUE(queue_->GetQueue(&counts_context, {}, &counts).ok());
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::WatchRequest request;
    request.set_from_start(true);
    const auto stream = queue_->Watch(&context, request);
    std::string all;
    v1::WatchResponse change;
    while (change.seq() < counts.last_seq() && stream->Read(&change)) all += change.DebugString();
    context.TryCancel();
    return all;
  }

  // Everything that the HTTP port answers.
  std::string AllOfHttp(const httplib::Headers& headers) {
    std::string all;
    for (const char* path :
         {"/", "/?lang=ko", "/leaderboard.csv", "/leaderboard.json", "/queue",
          "/queue?state=pending", "/requests/done", "/requests/back", "/requests/back?lang=ko",
          "/submit", "/about", "/api/v1/leaderboard", "/api/v1/queue", "/api/v1/requests",
          "/api/v1/requests/done", "/api/v1/requests/back", "/api/v1/requests/done/results",
          "/api/v1/requests/done/results/file", "/api/v1/suites"}) {
      all += Body(path, headers);
    }
    const int64_t last = (*ParseJson(Body("/api/v1/queue", headers)))["queue"]["last_seq"];
    httplib::Client client("http://" + scheduler_->http_address());
    std::string changes;
    client.Get("/api/v1/watch?after=0", headers, [&](const char* data, size_t size) {
      changes.append(data, size);
      return changes.find(fmt::format("id: {}\n", last)) == std::string::npos;
    });
    return all + changes;
  }
};

void ExpectNothingPlanted(const std::string& text) {
  for (const char* name : {"planted", "10.9.8.7", "/srv/", "/var/"}) {
    const size_t at = text.find(name);
    EXPECT_EQ(at, std::string::npos) << text.substr(at < 200 ? 0 : at - 200, 400);
  }
}

TEST_F(PlantedNamesTest, ReadersSeeNoneOfThem) {
  ExpectNothingPlanted(AllOfRpc(kReaderToken));
  ExpectNothingPlanted(AllOfHttp(Bearer(kReaderToken)));
  ExpectNothingPlanted(AllOfHttp({}));
}

TEST_F(PlantedNamesTest, ReadersStillLearnWhatHappened) {
  const std::string rpc = AllOfRpc(kReaderToken);
  EXPECT_THAT(rpc, HasSubstr("has no room in \\342\\200\\246/model.bin"));
  EXPECT_THAT(rpc, HasSubstr("local/good"));
  const std::string page = Body("/requests/back", Bearer(kReaderToken));
  EXPECT_THAT(page, HasSubstr("has no room in …/model.bin"));
  EXPECT_THAT(page, HasSubstr("node-"));
}

TEST_F(PlantedNamesTest, OperatorsSeeAllAndSubmittersTheirOwnFolder) {
  const std::string rpc = AllOfRpc(kOperatorToken);
  for (const char* name : {kHost, kFolder, "10.9.8.7:443", "/var/planted-cache/model.bin"}) {
    EXPECT_THAT(rpc, HasSubstr(name));
  }
  EXPECT_THAT(Body("/requests/back", Bearer(kOperatorToken)), HasSubstr(kHost));
  const std::string own = Body("/requests/back", Bearer(kSubmitterToken));
  EXPECT_THAT(own, HasSubstr(kFolder));
  EXPECT_THAT(own, Not(HasSubstr("planted-host")));
}

TEST_F(PlantedNamesTest, AFolderIsNotFoundByAGuessAtIt) {
  const auto found = [this](const char* model, const char* token) {
    const auto json =
        ParseJson(Body(fmt::format("/api/v1/requests?model={}", model), Bearer(token)));
    return json.ok() ? (*json)["requests"].size() : 99;
  };
  EXPECT_EQ(found("planted-root", kOperatorToken), 2U);
  EXPECT_EQ(found("planted-root", kSubmitterToken), 2U);
  EXPECT_EQ(found("planted-root", kReaderToken), 0U);
  EXPECT_EQ(found("good", kReaderToken), 2U);
}

TEST_F(PlantedNamesTest, WhoCancelledIsNotForReadersWithoutAToken) {
  grpc::ClientContext context;
  Prepare(&context, kOperatorToken);
  v1::CancelRequest cancel;
  cancel.set_request_id("back");
  v1::CancelResponse cancelled;
  ASSERT_TRUE(queue_->Cancel(&context, cancel, &cancelled).ok());
  EXPECT_THAT(Body("/requests/back", Bearer(kReaderToken)), HasSubstr("cancelled by olga"));
  for (const char* path : {"/requests/back", "/api/v1/requests/back", "/queue?state=failed"}) {
    EXPECT_THAT(Body(path), Not(HasSubstr("olga"))) << path;
  }
}

}  // namespace
}  // namespace koeval::service
