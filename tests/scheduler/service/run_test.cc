// Whole runs over the link with made-up answers: scores, leaderboard, samples, faults.
#include <gtest/gtest.h>

#include "common/base/json.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

using grpc::StatusCode;

class RunTest : public ServiceTest {
 protected:
  void SetUp() override { Start(); }

  grpc::Status Results(const std::string& id, v1::GetResultsResponse* response) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::GetResultsRequest request;
    request.set_request_id(id);
    return results_->GetResults(&context, request, response);
  }

  grpc::Status SubmitSpec(const std::string& id, const v1::RequestSpec& spec) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::SubmitRequest request;
    request.set_request_id(id);
    *request.mutable_spec() = spec;
    v1::SubmitResponse response;
    return queue_->Submit(&context, request, &response);
  }

  v1::GetLeaderboardResponse Leaderboard() {
    grpc::ClientContext context;
    Prepare(&context);
    v1::GetLeaderboardResponse response;
    EXPECT_TRUE(results_->GetLeaderboard(&context, {}, &response).ok());
    return response;
  }
};

// toy_a: documents 0 and 3 of 6 are wrong; toy_b: 0 and 3 of 4.
constexpr double kToyA = 4.0 / 6;
constexpr double kToyB = 2.0 / 4;

TEST_F(RunTest, ARequestIsScoredFromItsStoredBatches) {
  FakeWorker worker(channel_, "node-1");
  MustSubmit("a");
  const v1::Request request = WaitForPhase("a", "done");
  ASSERT_EQ(request.state(), v1::REQUEST_STATE_FINISHED) << request.reason();
  EXPECT_EQ(request.ending(), "FINISHED");
  EXPECT_EQ(request.progress().batches_done(), kToyBatches);
  EXPECT_EQ(request.hardware_class(), "cpu:test");

  v1::GetResultsResponse results;
  ASSERT_TRUE(Results("a", &results).ok());
  ASSERT_EQ(results.entries_size(), 2);
  EXPECT_EQ(results.entries(0).name(), "Toy-A");
  EXPECT_DOUBLE_EQ(results.entries(0).value(), kToyA);
  EXPECT_DOUBLE_EQ(results.entries(1).value(), kToyB);
  EXPECT_DOUBLE_EQ(results.average(), (kToyA + kToyB) / 2);
  ASSERT_EQ(results.tasks_size(), 2);
  EXPECT_EQ(results.tasks(0).documents(), 6);
  const auto file = ParseJson(results.results_json());
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_DOUBLE_EQ((*file)["results"]["toy_a"]["acc,none"].get<double>(), kToyA);

  const v1::GetLeaderboardResponse board = Leaderboard();
  ASSERT_EQ(board.rows_size(), 1);
  EXPECT_EQ(board.rows(0).request_id(), "a");
  EXPECT_EQ(board.rows(0).rank(), 1);
  ASSERT_EQ(board.columns_size(), 2);
  EXPECT_EQ(board.columns(1), "Toy-B");
}

TEST_F(RunTest, AChatTemplateReachesWorkerScoresAndResultsAlike) {
  v1::RequestSpec spec;
  spec.set_model("org/good");
  spec.set_chat_template("");
  spec.set_system_instruction("Be brief.");
  ASSERT_TRUE(SubmitSpec("a", spec).ok());
  FakeStream stream(channel_);
  stream.Hello("node-1");
  stream.NextWelcome();
  const link::Lease lease = stream.NextLease();
  const auto chat = ParseJson(lease.chat_json());
  ASSERT_TRUE(chat.ok()) << lease.chat_json();
  EXPECT_EQ((*chat)["chat_template"]["name"], "default");
  EXPECT_EQ((*chat)["chat_template"]["special_tokens"]["bos_token"], "<s>");
  EXPECT_EQ((*chat)["fewshot_as_multiturn"], true);
  EXPECT_EQ((*chat)["system_instruction"], "Be brief.");
  EXPECT_EQ((*chat)["now_seconds"], clock_.Wall().micros / 1'000'000);
  stream.Plan(lease.lease());
  for (int64_t done = 0; done < kToyBatches;) {
    const link::Lease run = stream.NextLease();
    for (int64_t batch = run.begin(); batch < run.end(); ++batch, ++done) {
      stream.Batch(run.lease(), batch);
    }
  }
  const v1::Request request = WaitForPhase("a", "done");
  ASSERT_EQ(request.state(), v1::REQUEST_STATE_FINISHED) << request.reason();
  EXPECT_TRUE(request.spec().has_chat_template());
  EXPECT_EQ(request.facts_json().find("strftime_now"), std::string::npos) << "the hash stands in";
  v1::GetResultsResponse results;
  ASSERT_TRUE(Results("a", &results).ok());
  const auto file = ParseJson(results.results_json());
  ASSERT_TRUE(file.ok());
  EXPECT_EQ((*file)["chat_template"], (*chat)["chat_template"]["text"]);
  EXPECT_EQ((*file)["chat_template_sha"].get<std::string>().size(), 64u);
  EXPECT_EQ((*file)["system_instruction"], "Be brief.");
  EXPECT_EQ((*file)["fewshot_as_multiturn"], true);
  // The prompts of the samples are those of the conversation.
  const auto sample = ParseJson(Samples("a")[0].line());
  ASSERT_TRUE(sample.ok());
  const std::string context = (*sample)["arguments"]["gen_args_0"]["arg_0"];
  EXPECT_NE(context.find("[system]Be brief.[user]toy_a 0?"), std::string::npos) << context;
}

TEST_F(RunTest, ARequestWithoutChatOptionsSendsNone) {
  MustSubmit("a");
  FakeStream stream(channel_);
  stream.Hello("node-1");
  stream.NextWelcome();
  EXPECT_EQ(stream.NextLease().chat_json(), "");
}

TEST_F(RunTest, TwoWorkersShareARequestAndTheSamplesAreThoseOfOne) {
  MustSubmit("alone");
  {
    FakeWorker worker(channel_, "node-1");
    ASSERT_EQ(WaitForPhase("alone", "done").state(), v1::REQUEST_STATE_FINISHED);
  }
  // Two streams that answer by hand, so that both contribute for certain.
  FakeStream first(channel_), second(channel_);
  first.Hello("node-1");
  first.NextWelcome();
  MustSubmit("shared");
  first.Plan(first.NextLease().lease());
  second.Hello("node-2");
  link::Lease of_first = first.NextLease();
  link::Lease of_second = second.NextLease();
  EXPECT_NE(of_first.begin(), of_second.begin());
  second.Batch(of_second.lease(), of_second.begin());
  of_second = second.NextLease();
  first.Batch(of_first.lease(), of_first.begin());
  of_first = first.NextLease();
  first.Batch(of_first.lease(), of_first.begin());
  of_first = first.NextLease();
  second.Batch(of_second.lease(), of_second.begin());
  first.Batch(of_first.lease(), of_first.begin());
  ASSERT_EQ(WaitForPhase("shared", "done").state(), v1::REQUEST_STATE_FINISHED);

  const auto alone = Samples("alone");
  const auto shared = Samples("shared");
  ASSERT_EQ(alone.size(), 10U);
  ASSERT_EQ(shared.size(), alone.size());
  std::set<std::string> workers;
  for (size_t i = 0; i < alone.size(); ++i) {
    EXPECT_EQ(shared[i].line(), alone[i].line());
    EXPECT_EQ(shared[i].task(), alone[i].task());
    ASSERT_EQ(shared[i].workers_size(), 1);
    workers.insert(shared[i].workers(0));
  }
  EXPECT_EQ(workers, (std::set<std::string>{"node-1", "node-2"}));
}

TEST_F(RunTest, SamplesSurviveARestart) {
  {
    FakeWorker worker(channel_, "node-1");
    MustSubmit("a");
    ASSERT_EQ(WaitForPhase("a", "done").state(), v1::REQUEST_STATE_FINISHED);
  }
  const auto before = Samples("a");
  Restart();
  const auto after = Samples("a");
  ASSERT_EQ(after.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i) EXPECT_EQ(after[i].line(), before[i].line());
}

TEST_F(RunTest, ARequestThatRunsThroughASuiteChangeIsScoredAsSubmitted) {
  MustSubmit("a");
  WaitForPhase("a", "queued");
  Stop();
  WriteText(dir_.path("tasks/toy_b.jsonl"),
            R"({"question": "new?", "choices": ["x", "y"], "label": 1})"
            "\n");
  WriteText(dir_.path("suites/toy.yaml"),
            "suite: toy\ntitle: Toy\nversion: \"2\"\nprofile: lm-eval-0.4\ntasks_dir: ../tasks\n"
            "entries:\n  - {name: Only-B, task: toy_b, metric: acc}\n");
  Start();
  FakeWorker worker(channel_, "node-1");
  const v1::Request request = WaitForPhase("a", "done");
  ASSERT_EQ(request.state(), v1::REQUEST_STATE_FINISHED) << request.reason();
  v1::GetResultsResponse results;
  ASSERT_TRUE(Results("a", &results).ok());
  ASSERT_EQ(results.entries_size(), 2);
  EXPECT_DOUBLE_EQ(results.average(), (kToyA + kToyB) / 2);
}

TEST_F(RunTest, ANanIsANumericalFault) {
  FakeWorker worker(channel_, "node-1", [](int64_t batch) {
    std::string text = ToyBatch(batch);
    if (batch == 4) text.replace(text.find("-0.5"), 4, "\"nan\"");
    return text;
  });
  MustSubmit("a");
  const v1::Request request = WaitForPhase("a", "done");
  EXPECT_EQ(request.state(), v1::REQUEST_STATE_FAILED);
  EXPECT_EQ(request.ending(), "NUMERICAL_FAULT");
}

TEST_F(RunTest, AMissingAnswerIsNotScored) {
  FakeWorker worker(channel_, "node-1", [](int64_t batch) {
    return batch == 1 ? std::string(R"({"task": "toy_a", "results": []})") : ToyBatch(batch);
  });
  MustSubmit("a");
  const v1::Request request = WaitForPhase("a", "done");
  EXPECT_EQ(request.state(), v1::REQUEST_STATE_FAILED);
  EXPECT_NE(request.reason().find("no answer"), std::string::npos) << request.reason();
}

TEST_F(RunTest, ResultsOfAnUnfinishedRequestAreRefused) {
  MustSubmit("a");
  v1::GetResultsResponse results;
  EXPECT_EQ(Results("a", &results).error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(Results("nope", &results).error_code(), StatusCode::NOT_FOUND);
  grpc::ClientContext context;
  Prepare(&context);
  v1::GetSamplesRequest request;
  request.set_request_id("a");
  auto reader = results_->GetSamples(&context, request);
  v1::GetSamplesResponse line;
  EXPECT_FALSE(reader->Read(&line));
  EXPECT_EQ(reader->Finish().error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(RunTest, SamplesOfAnUnknownTaskAreNotFound) {
  FakeWorker worker(channel_, "node-1");
  MustSubmit("a");
  WaitForPhase("a", "done");
  grpc::ClientContext context;
  Prepare(&context);
  v1::GetSamplesRequest request;
  request.set_request_id("a");
  request.set_task("nope");
  auto reader = results_->GetSamples(&context, request);
  v1::GetSamplesResponse line;
  EXPECT_FALSE(reader->Read(&line));
  EXPECT_EQ(reader->Finish().error_code(), StatusCode::NOT_FOUND);
}

TEST_F(RunTest, SuitesAreListedWithTheirDocuments) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::ListSuitesResponse response;
  ASSERT_TRUE(catalogue_->ListSuites(&context, {}, &response).ok());
  ASSERT_EQ(response.suites_size(), 1);
  EXPECT_EQ(response.suites(0).name(), "toy");
  EXPECT_TRUE(response.suites(0).is_default());
  EXPECT_EQ(response.suites(0).documents(), 10);
}

}  // namespace
}  // namespace koeval::service
