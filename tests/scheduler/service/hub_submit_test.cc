// Submissions of repositories: pinned to a commit, known by their content, made by a hub's account,
// tried without being stored, and checked by the real koeval-check.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

#include "common/base/json.h"
#include "common/base/sanitizer.h"
#include "common/tokenizer/tokenizer.h"
#include "scheduler/service/hub_accounts.h"
#include "tests/common/hub/good_repository.h"
#include "tests/scheduler/service/harness.h"
#include "tests/scheduler/service/memory_hub.h"

namespace koeval::service {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

class HubSubmitTest : public ServiceTest {
 protected:
  HubSubmitTest() : memory_(std::make_shared<MemoryHub>()) {
    hub_ = memory_;
    config_.hub.endpoint = "http://hub.invalid";
    memory_->Set("org/name", "main", hub::GoodFiles());
  }

  static std::string CommitOf(const hub::RepositoryFiles& files) {
    return hub::MemoryRepository("org/name", files).info().commit;
  }

  grpc::Status Send(v1::SubmitRequest request, v1::SubmitResponse* response,
                    const std::string& hub_token = "") {
    grpc::ClientContext context;
    Prepare(&context);
    if (!hub_token.empty()) context.AddMetadata(kHubTokenKey, hub_token);
    return queue_->Submit(&context, request, response);
  }

  static v1::SubmitRequest RequestFor(const std::string& id,
                                      const std::string& model = "org/name") {
    v1::SubmitRequest request;
    request.set_request_id(id);
    request.mutable_spec()->set_model(model);
    return request;
  }

  std::shared_ptr<MemoryHub> memory_;
};

TEST_F(HubSubmitTest, TheRevisionIsPinnedToItsCommit) {
  Start();
  const std::string commit = CommitOf(hub::GoodFiles());
  EXPECT_EQ(MustSubmit("a", "org/name").spec().revision(), commit);
  v1::GetRequestResponse stored;
  ASSERT_TRUE(Get("a", &stored).ok());
  EXPECT_EQ(stored.request().spec().revision(), commit);
}

TEST_F(HubSubmitTest, ARepeatedCallGetsTheFirstCommitThoughTheBranchMoved) {
  Start();
  const std::string first = MustSubmit("a", "org/name").spec().revision();
  hub::RepositoryFiles moved = hub::GoodFiles();
  moved["config.json"] += " ";
  memory_->Set("org/name", "main", moved);
  v1::SubmitResponse again;
  ASSERT_TRUE(Submit("a", &again, "org/name").ok());
  EXPECT_TRUE(again.already_known());
  EXPECT_EQ(again.request().spec().revision(), first);
  EXPECT_EQ(MustSubmit("b", "org/name").spec().revision(), CommitOf(moved));
}

TEST_F(HubSubmitTest, AKnownIdWithAnotherBranchIsRefusedWithTheFieldAlsoWithoutTheHub) {
  hub::RepositoryFiles dev = hub::GoodFiles();
  dev["config.json"] += " ";
  memory_->Set("org/name", "dev", dev);
  Start();
  const std::string first = MustSubmit("a", "org/name").spec().revision();
  memory_->Fail(Unavailable("the hub is silent"));
  v1::SubmitResponse response;
  v1::SubmitRequest other = RequestFor("a");
  other.mutable_spec()->set_revision("dev");
  grpc::Status status = Send(other, &response);
  EXPECT_EQ(status.error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(status.error_message(), HasSubstr("differs in: revision;"));
  other.mutable_spec()->set_revision("main");
  other.mutable_spec()->set_priority(3);
  status = Send(other, &response);
  EXPECT_EQ(status.error_code(), StatusCode::ALREADY_EXISTS);
  EXPECT_THAT(status.error_message(), HasSubstr("differs in: priority;"));
  ASSERT_TRUE(Send(RequestFor("a"), &response).ok()) << "the same call again";
  EXPECT_TRUE(response.already_known());
  EXPECT_EQ(response.request().spec().revision(), first);
}

TEST_F(HubSubmitTest, EqualFilesAndSettingsAreOneRequest) {
  hub::RepositoryFiles renamed = hub::GoodFiles();
  renamed["README.md"] += " Now under another name.";
  memory_->Set("other/copy", "main", renamed);
  Start();
  MustSubmit("a", "org/name");
  v1::SubmitResponse response;
  ASSERT_TRUE(Send(RequestFor("b", "other/copy"), &response).ok());
  EXPECT_TRUE(response.already_known());
  EXPECT_EQ(response.request().id(), "a");
  v1::SubmitRequest other = RequestFor("c");
  other.mutable_spec()->set_precision("bfloat16");
  ASSERT_TRUE(Send(other, &response).ok());
  EXPECT_EQ(response.request().id(), "c");
  v1::SubmitRequest forced = RequestFor("d");
  forced.set_force(true);
  ASSERT_TRUE(Send(forced, &response).ok());
  EXPECT_FALSE(response.already_known());
  EXPECT_EQ(response.request().id(), "d");
}

TEST_F(HubSubmitTest, WhatTheHubDoesNotGiveIsRefusedWithItsEnding) {
  Start();
  v1::SubmitResponse response;
  grpc::Status status = Submit("a", &response, "org/other");
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("MODEL_NOT_FOUND"));
  v1::SubmitRequest request = RequestFor("b");
  request.mutable_spec()->set_revision("v2");
  status = Send(request, &response);
  EXPECT_EQ(status.error_code(), StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("REVISION_NOT_FOUND"));
  memory_->Fail(PermissionDenied("org/name is gated"));
  status = Submit("c", &response, "org/name");
  EXPECT_EQ(status.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("MODEL_GATED"));
  memory_->Fail(Unavailable("the hub is silent"));
  status = Submit("d", &response, "org/name");
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("HUB_UNAVAILABLE"));
}

TEST_F(HubSubmitTest, AModelBelowModelsDirIsNotLookedForOnTheHub) {
  config_.models_dir = dir_.path("models");
  WriteText(dir_.path("models/org/name/config.json"), "{}");
  Start();
  EXPECT_EQ(MustSubmit("a", "org/name").spec().revision(), "main");
  EXPECT_EQ(memory_->opened(), 0);
}

TEST_F(HubSubmitTest, ATokenOfTheHubSaysWhoSubmits) {
  config_.hub.accept_tokens = true;
  config_.tokens_file = dir_.path("tokens");
  WriteText(config_.tokens_file, "op operator operator-token-0123456789\n");
  std::filesystem::permissions(config_.tokens_file, std::filesystem::perms(0600));
  Start();
  v1::SubmitResponse response;
  ASSERT_TRUE(Send(RequestFor("a"), &response, "hf_ann").ok());
  EXPECT_EQ(response.request().submitter(), "hub:ann");
  EXPECT_EQ(Send(RequestFor("b"), &response, "hf_eve").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(Send(RequestFor("c"), &response).error_code(), StatusCode::UNAUTHENTICATED);
  const auto cancel_as = [&](const std::string& token) {
    grpc::ClientContext context;
    Prepare(&context);
    context.AddMetadata(kHubTokenKey, token);
    v1::CancelRequest request;
    request.set_request_id("a");
    v1::CancelResponse cancelled;
    return queue_->Cancel(&context, request, &cancelled).error_code();
  };
  EXPECT_EQ(cancel_as("hf_bob"), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(cancel_as("hf_ann"), StatusCode::OK);
  EXPECT_EQ(memory_->asked(), 3) << "one question for each token";
}

TEST_F(HubSubmitTest, TokensOfTheHubAreIgnoredUnlessTheyAreAccepted) {
  Start();
  v1::SubmitResponse response;
  ASSERT_TRUE(Send(RequestFor("a"), &response, "hf_eve").ok());
  EXPECT_EQ(response.request().submitter(), "local");
  EXPECT_EQ(memory_->asked(), 0);
}

TEST_F(HubSubmitTest, ADryRunTellsAllAndStoresNothing) {
  Start();
  FakeStream small(channel_);
  small.Hello("small", 1, {}, 1, int64_t{24} << 30);
  small.NextWelcome();
  const auto dry_run = [&](const std::string& model) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::DryRunRequest request;
    request.mutable_spec()->set_model(model);
    v1::DryRunResponse response;
    const grpc::Status status = queue_->DryRun(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  };
  memory_->Set("org/broken", "main", {{"config.json", "{"}});
  memory_->Set("org/large", "main", {{"config.json", "{}"}});
  const v1::DryRunResponse good = dry_run("org/name");
  EXPECT_TRUE(good.accepted());
  EXPECT_EQ(good.spec().revision(), CommitOf(hub::GoodFiles()));
  ASSERT_EQ(good.tasks_size(), 2);
  EXPECT_EQ(good.tasks(0).documents(), 6);
  EXPECT_EQ(good.tasks(0).requests(), 18);
  EXPECT_GT(good.tasks(0).prompt_bytes(), 0);
  EXPECT_GT(good.tasks(0).prompt_tokens(), good.tasks(0).prompt_bytes() / 4);
  EXPECT_TRUE(good.tasks(0).tokens_are_exact()) << "the toy suite is counted whole";
  EXPECT_EQ(good.operations(),
            2.0 * 123 *
                static_cast<double>(good.tasks(0).prompt_tokens() + good.tasks(1).prompt_tokens()));
  EXPECT_FALSE(good.has_run_ms()) << "nothing has finished yet";
  EXPECT_EQ(good.start_ms(), 0);
  EXPECT_TRUE(good.has_start_ms());
  const v1::DryRunResponse broken = dry_run("org/broken");
  EXPECT_FALSE(broken.accepted());
  EXPECT_THAT(broken.report_json(), HasSubstr("BAD_CHECKPOINT"));
  EXPECT_EQ(broken.tasks_size(), 0);
  const v1::DryRunResponse large = dry_run("org/large");
  EXPECT_FALSE(large.accepted());
  EXPECT_FALSE(large.fits());
  EXPECT_THAT(large.placement(), HasSubstr("the largest slot has 24.0 GiB"));
  EXPECT_FALSE(large.placement_remedy().empty());
  grpc::ClientContext context;
  Prepare(&context);
  v1::GetQueueResponse queue;
  ASSERT_TRUE(queue_->GetQueue(&context, {}, &queue).ok());
  EXPECT_EQ(queue.pending() + queue.running() + queue.finished() + queue.failed(), 0);
  MustSubmit("a", "org/name");
  EXPECT_EQ(dry_run("org/name").same_request_id(), "a");
}

TEST_F(HubSubmitTest, ADryRunTellsHowLongOthersOfTheSuiteTook) {
  Start();
  MustSubmit("a", "org/name");
  WaitForPhase("a", "queued");
  {
    FakeWorker worker(channel_, "w");
    WaitForPhase("a", "done");
  }
  const auto run_ms = [&](int64_t limit) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::DryRunRequest request;
    request.mutable_spec()->set_model("org/name");
    if (limit > 0) request.mutable_spec()->set_limit(limit);
    v1::DryRunResponse response;
    EXPECT_TRUE(queue_->DryRun(&context, request, &response).ok());
    return response.has_run_ms() ? std::optional(response.run_ms()) : std::nullopt;
  };
  EXPECT_EQ(run_ms(0), 0) << "under a clock that stands still";
  EXPECT_EQ(run_ms(2), std::nullopt) << "another limit is another evaluation";
}

TEST_F(HubSubmitTest, ADryRunAddsUpTheTimesOfThoseAheadForTheStart) {
  for (const char* name : {"a", "b", "c"}) {
    hub::RepositoryFiles files = hub::GoodFiles();
    files["config.json"] += name;
    memory_->Set(std::string("org/") + name, "main", files);
  }
  config_.lease_batches_max = kToyBatches;
  Start();
  const auto start_ms = [&] {
    grpc::ClientContext context;
    Prepare(&context);
    v1::DryRunRequest request;
    request.mutable_spec()->set_model("org/name");
    v1::DryRunResponse response;
    EXPECT_TRUE(queue_->DryRun(&context, request, &response).ok());
    return response.has_start_ms() ? std::optional(response.start_ms()) : std::nullopt;
  };
  FakeStream worker(channel_);
  worker.Hello("w");
  worker.NextWelcome();
  MustSubmit("a", "org/a");
  worker.Plan(worker.NextLease().lease());
  const link::Lease lease = worker.NextLease();
  worker.Batch(lease.lease(), lease.begin());
  WaitFor("a", [](const v1::Request& request) { return request.progress().batches_done() > 0; });
  MustSubmit("b", "org/b");
  WaitForPhase("b", "queued");
  EXPECT_EQ(start_ms(), std::nullopt) << "nobody knows how long b will take";
  for (int64_t batch = lease.begin() + 1; batch < lease.end(); ++batch) {
    worker.Batch(lease.lease(), batch);
  }
  WaitForPhase("a", "done");
  worker.Plan(worker.NextLease().lease());
  const link::Lease next = worker.NextLease();
  worker.Batch(next.lease(), next.begin());
  WaitFor("b", [](const v1::Request& request) { return request.progress().batches_done() > 0; });
  MustSubmit("c", "org/c");
  WaitForPhase("c", "queued");
  EXPECT_EQ(start_ms(), 5 * (kToyBatches - 1)) << "the rest of b, and c takes as long as a did: 0";
}

TEST_F(HubSubmitTest, AHubThatIsSilentDuringTheChecksLetsTheRequestWait) {
  memory_->Set("org/silent", "main", hub::GoodFiles());
  Start();
  MustSubmit("a", "org/silent");
  const auto waits = [](const v1::Request& request) {
    return request.reason().find("HUB_UNAVAILABLE") != std::string::npos;
  };
  const v1::Request request = WaitFor("a", waits);
  EXPECT_EQ(request.state(), v1::REQUEST_STATE_PENDING);
  EXPECT_THAT(request.reason(), HasSubstr("tried again in 15.0 s (try 2 of 20)"));
  EXPECT_THAT(request.reason(), HasSubstr("the hub answers with status 503"));
  Restart();
  EXPECT_THAT(WaitFor("a", waits).reason(), HasSubstr("(try 2 of 20)"));
}

TEST_F(HubSubmitTest, WithoutAWaitASilentHubEndsTheRequestWithARemedy) {
  memory_->Set("org/silent", "main", hub::GoodFiles());
  config_.check.hub_wait_ms = 0;
  Start();
  MustSubmit("a", "org/silent");
  const v1::Request request = WaitForPhase("a", "done");
  EXPECT_EQ(request.ending(), "HUB_UNAVAILABLE");
  EXPECT_THAT(request.remedy(), HasSubstr("once the model hub answers again"));
}

// The runner of the daemon over the real program.
class RealChecks : public testing::Test {
 protected:
  Result<CheckReport> Check(hub::RepositoryFiles files, const CheckSpec& spec) {
    auto memory = std::make_shared<MemoryHub>();
    memory->Set("org/name", "main", std::move(files));
    CheckConfig config;
    if (kHasAddressSanitizer) config.memory_bytes = 0;  // its shadow would count
    ProcessCheckRunner runner(std::string(std::getenv("KOEVAL_BIN_DIR")) + "/koeval-check", "",
                              config, Clock::Real(), memory, dir_.path("scratch"));
    auto report = runner.Check(spec);
    std::error_code missing;
    const std::filesystem::directory_iterator left(dir_.path("scratch"), missing);
    EXPECT_EQ(left, std::filesystem::directory_iterator()) << "the staged copy is gone";
    return report;
  }

  TempDir dir_;
};

TEST_F(RealChecks, AGoodRepositoryPassesWithItsFacts) {
  const auto report = Check(hub::GoodFiles(), {"org/name", "main", "bfloat16"});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->ok()) << hub::ToJson(*report).dump(1);
  EXPECT_EQ(report->facts["parameters"], 184656);
  EXPECT_EQ(report->facts["license"], "apache-2.0");
  EXPECT_TRUE(report->facts.contains("commit"));
  EXPECT_EQ(report->steps.front().check, "repository");
}

TEST_F(RealChecks, TokensAreCountedWithTheModelsOwnTokenizer) {
  auto memory = std::make_shared<MemoryHub>();
  memory->Set("org/name", "main", hub::GoodFiles());
  CheckConfig config;
  if (kHasAddressSanitizer) config.memory_bytes = 0;
  ProcessCheckRunner runner(std::string(std::getenv("KOEVAL_BIN_DIR")) + "/koeval-check", "",
                            config, Clock::Real(), memory, dir_.path("scratch"));
  const std::vector<std::string> texts = {"", "one", "\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4 text",
                                          "one"};
  const auto counted = runner.CheckAndCount({"org/name", "main", "bfloat16"},
                                            [&](const CheckReport&) -> Result<TokenQuestion> {
                                              return TokenQuestion{5, texts};
                                            });
  ASSERT_TRUE(counted.ok()) << counted.status().ToString();
  ASSERT_TRUE(counted->tokens.has_value());
  const auto tokenizer = tokenizer::LoadTokenizer(
      std::string(std::getenv("KOEVAL_SOURCE_DIR")) + "/tests/golden/models/llama",
      {tokenizer::Generation::k5, "llama"});
  ASSERT_TRUE(tokenizer.ok());
  std::vector<int64_t> expected;
  for (const std::string& text : texts) {
    expected.push_back(static_cast<int64_t>((*tokenizer)->Encode(text, true)->size()));
  }
  EXPECT_EQ(*counted->tokens, expected);
  const auto refused = runner.CheckAndCount(
      {"org/name", "main", "bfloat16"},
      [](const CheckReport&) -> Result<TokenQuestion> { return NotFound("the bundle is gone"); });
  EXPECT_EQ(refused.status().code(), Code::kNotFound);
}

TEST_F(RealChecks, DefectsOfAllKindsComeInOneReport) {
  hub::RepositoryFiles files = hub::GoodFiles();
  files.at("model.safetensors").resize(3'000);
  files.at("tokenizer.json") = std::string(100'000, '[');
  files.at("README.md") = "no header";
  const auto report = Check(files, {"org/name", "main", "bfloat16"});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  std::set<Ending> codes;
  for (const hub::CheckFinding& finding : report->findings) codes.insert(finding.code);
  EXPECT_EQ(codes, (std::set<Ending>{Ending::kBadCheckpoint, Ending::kBadTokenizer,
                                     Ending::kLicenseNotOpen, Ending::kModelCardTooShort}));
}

TEST_F(RealChecks, ARepositoryThatIsNotThereIsAFindingOfItsOwn) {
  const auto report = Check(hub::GoodFiles(), {"org/name", "v9", "bfloat16"});
  ASSERT_TRUE(report.ok());
  ASSERT_EQ(report->findings.size(), 1u);
  EXPECT_EQ(report->findings[0].code, Ending::kRevisionNotFound);
}

}  // namespace
}  // namespace koeval::service
