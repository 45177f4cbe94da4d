// Models, flags and the leaderboard's marks over gRPC.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <functional>

#include "koeval/v1/board.grpc.pb.h"
#include "scheduler/store/job_store.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

using grpc::StatusCode;

class ModelsTest : public ServiceTest {
 protected:
  void SetUp() override { Start(); }

  std::unique_ptr<v1::BoardService::Stub> Board() { return v1::BoardService::NewStub(channel_); }

  grpc::Status Flag(const std::string& model, const std::string& reason, const std::string& url,
                    v1::FlagModelResponse* response, const std::string& token = "") {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::FlagModelRequest request;
    request.set_model(model);
    request.set_reason(reason);
    request.set_url(url);
    return Board()->FlagModel(&context, request, response);
  }
  v1::ModelFlag MustFlag(const std::string& model, const std::string& reason) {
    v1::FlagModelResponse response;
    const grpc::Status status = Flag(model, reason, "https://hub.example/d/1", &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.flag();
  }
  grpc::Status Unflag(const std::string& model, const std::string& token = "") {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::UnflagModelRequest request;
    request.set_model(model);
    v1::UnflagModelResponse response;
    return Board()->UnflagModel(&context, request, &response);
  }
  v1::ListModelsResponse Models(int page_size = 0, const std::string& page_token = "",
                                bool flagged_only = false) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::ListModelsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(page_token);
    request.set_flagged_only(flagged_only);
    v1::ListModelsResponse response;
    const grpc::Status status = Board()->ListModels(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
  grpc::Status Refresh(const std::vector<std::string>& models,
                       std::vector<v1::RefreshModelsResponse>* out, const std::string& token = "") {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::RefreshModelsRequest request;
    for (const std::string& model : models) request.add_models(model);
    const auto board = Board();
    const auto stream = board->RefreshModels(&context, request);
    v1::RefreshModelsResponse one;
    while (stream->Read(&one)) out->push_back(one);
    return stream->Finish();
  }
  v1::GetLeaderboardResponse Leaderboard(bool flagged) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::GetLeaderboardRequest request;
    request.set_flagged(flagged);
    v1::GetLeaderboardResponse response;
    EXPECT_TRUE(results_->GetLeaderboard(&context, request, &response).ok());
    return response;
  }
  std::vector<core::AuditRow> Audit() {
    Stop();
    const auto store = store::OpenSqliteStore(config_.DatabasePath());
    EXPECT_TRUE(store.ok()) << store.status().ToString();
    return (*store)->OpenReader().value()->Audit(100).value();
  }
  // Restarts the scheduler on a database in which the row of `model` is changed.
  void EditRow(const std::string& model, const std::function<void(core::ModelRow&)>& edit) {
    Stop();
    {
      const auto store = store::OpenSqliteStore(config_.DatabasePath());
      ASSERT_TRUE(store.ok()) << store.status().ToString();
      auto row = (*store)->OpenReader().value()->Model(model).value();
      ASSERT_TRUE(row.has_value());
      edit(*row);
      const std::array<core::Mutation, 1> mutations = {*row};
      ASSERT_TRUE((*store)->Commit(mutations).ok());
    }
    Start();
  }
  void Finish(const std::string& id, const std::string& model) {
    MustSubmit(id, model);
    const FakeWorker worker(channel_, "node-" + id);
    WaitForPhase(id, "done");
  }
};

TEST_F(ModelsTest, AModelThatPassedItsChecksIsKnown) {
  MustSubmit("r-1", "org/good");
  MustSubmit("r-2", "org/broken");
  WaitForPhase("r-1", "queued");
  WaitForPhase("r-2", "done");
  const v1::ListModelsResponse models = Models();
  ASSERT_EQ(models.models_size(), 1);
  const v1::ModelFacts& facts = models.models(0).facts();
  EXPECT_EQ(facts.model(), "org/good");
  EXPECT_EQ(facts.architecture(), "LlamaForCausalLM");
  EXPECT_EQ(facts.parameters(), 123);
  EXPECT_EQ(facts.type(), "unknown");
  EXPECT_EQ(facts.icon(), "?");
  EXPECT_EQ(facts.precision(), "float32");
  EXPECT_EQ(facts.source(), "checks");
  EXPECT_EQ(facts.refreshed_at_us(), clock_.Wall().micros);
  EXPECT_FALSE(models.models(0).has_flag());
}

TEST_F(ModelsTest, AFlaggedModelIsHiddenUntilItIsAskedForOrTheFlagIsLifted) {
  Finish("r-1", "org/good");
  Finish("r-2", "org/other");
  EXPECT_EQ(Leaderboard(false).rows_size(), 2);
  const v1::ModelFlag flag = MustFlag("org/good", "trained on test data");
  EXPECT_EQ(flag.set_by(), "local");
  const v1::GetLeaderboardResponse hidden = Leaderboard(false);
  ASSERT_EQ(hidden.rows_size(), 1);
  EXPECT_EQ(hidden.rows(0).model(), "org/other");
  EXPECT_EQ(hidden.rows(0).rank(), 1);
  EXPECT_FALSE(hidden.rows(0).has_flag());
  EXPECT_EQ(hidden.flagged_hidden(), 1);
  const v1::GetLeaderboardResponse shown = Leaderboard(true);
  ASSERT_EQ(shown.rows_size(), 2);
  EXPECT_EQ(shown.flagged_hidden(), 0);
  for (const v1::LeaderboardRow& row : shown.rows()) {
    EXPECT_EQ(row.rank(), row.model() == "org/good" ? 0 : 1) << "a flagged model takes no rank";
    EXPECT_EQ(row.has_flag(), row.model() == "org/good");
    EXPECT_EQ(row.facts().model(), row.model());
    EXPECT_EQ(row.weight_type(), "Original");
  }
  EXPECT_TRUE(Unflag("org/good").ok());
  EXPECT_EQ(Leaderboard(false).rows_size(), 2);
  EXPECT_EQ(Unflag("org/good").error_code(), StatusCode::NOT_FOUND);
}

TEST_F(ModelsTest, TheSameFlagAgainChangesNothingAndAnotherOneReplacesIt) {
  const v1::ModelFlag first = MustFlag("org/new", "one");
  clock_.AdvanceMs(1000);
  EXPECT_EQ(MustFlag("org/new", "one").set_at_us(), first.set_at_us());
  const v1::ModelFlag second = MustFlag("org/new", "two");
  EXPECT_GT(second.set_at_us(), first.set_at_us());
  EXPECT_TRUE(Unflag("org/new").ok());
  // The clock stands still: the new flag still has a time of its own.
  EXPECT_GT(MustFlag("org/new", "three").set_at_us(), second.set_at_us());
  const v1::ListModelsResponse flagged = Models(0, "", /*flagged_only=*/true);
  ASSERT_EQ(flagged.models_size(), 1);
  EXPECT_EQ(flagged.models(0).flag().reason(), "three");
  const auto audit = Audit();
  std::vector<std::string> lines;
  for (const core::AuditRow& row : audit) lines.push_back(row.action + " " + row.detail);
  EXPECT_EQ(lines, (std::vector<std::string>{"flag three https://hub.example/d/1", "unflag ",
                                             "flag two https://hub.example/d/1",
                                             "flag one https://hub.example/d/1"}));
  const auto store = store::OpenSqliteStore(config_.DatabasePath());
  const auto reader = (*store)->OpenReader().value();
  EXPECT_EQ(reader->Flags("org/new", /*lifted=*/true, 10)->size(), 3u);
  EXPECT_EQ(reader->Flags("org/new", /*lifted=*/false, 10)->size(), 1u);
}

TEST_F(ModelsTest, BadFlagsAreRefusedWithTheField) {
  struct Case {
    const char *model, *reason, *url, *field;
  };
  const std::vector<Case> cases = {
      {"noslash", "why", "", "model"},    {"", "why", "", "model"},
      {"org/../etc", "why", "", "model"}, {"org/x", "", "", "reason"},
      {"org/x", "a\nb", "", "reason"},    {"org/x", "why", "javascript:alert(1)", "url"}};
  for (const Case& c : cases) {
    v1::FlagModelResponse response;
    const grpc::Status status = Flag(c.model, c.reason, c.url, &response);
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT) << c.model << c.reason << c.url;
    EXPECT_EQ(status.error_message().substr(0, std::string(c.field).size()), c.field);
  }
  EXPECT_EQ(Models().models_size(), 0);
}

TEST_F(ModelsTest, PagesFollowEachOther) {
  for (const char* model : {"org/c", "org/a", "org/b"}) MustFlag(model, "why");
  const v1::ListModelsResponse first = Models(2);
  ASSERT_EQ(first.models_size(), 2);
  EXPECT_EQ(first.models(0).facts().model(), "org/a");
  EXPECT_EQ(first.models(1).facts().model(), "org/b");
  const v1::ListModelsResponse second = Models(2, first.next_page_token());
  ASSERT_EQ(second.models_size(), 1);
  EXPECT_EQ(second.models(0).facts().model(), "org/c");
  EXPECT_EQ(second.next_page_token(), "");
}

TEST_F(ModelsTest, RefreshLooksAtRequestsAndMarksDirectoriesThatAreGone) {
  config_.allow_local_models = true;
  Restart();
  const std::string folder = dir_.path("model");
  std::filesystem::create_directory(folder);
  MustSubmit("r-1", folder);
  WaitForPhase("r-1", "queued");
  std::vector<v1::RefreshModelsResponse> refreshed;
  ASSERT_TRUE(Refresh({}, &refreshed).ok());
  ASSERT_EQ(refreshed.size(), 1u);
  EXPECT_FALSE(refreshed[0].changed());
  std::filesystem::remove(folder);
  clock_.AdvanceMs(5000);
  refreshed.clear();
  ASSERT_TRUE(Refresh({folder}, &refreshed).ok());
  ASSERT_EQ(refreshed.size(), 1u);
  EXPECT_TRUE(refreshed[0].changed());
  EXPECT_TRUE(refreshed[0].facts().deleted());
  EXPECT_EQ(refreshed[0].facts().deleted_at_us(), clock_.Wall().micros);
  std::filesystem::create_directory(folder);
  refreshed.clear();
  ASSERT_TRUE(Refresh({}, &refreshed).ok());
  EXPECT_FALSE(refreshed[0].facts().deleted());
  const grpc::Status unknown = Refresh({"org/nobody"}, &refreshed);
  EXPECT_EQ(unknown.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(Audit().front().action, "refresh models");
}

// Knows org/here, says nothing about org/slow, and has nothing else.
class FewModels final : public ModelHub {
 public:
  Result<std::unique_ptr<hub::Repository>> Open(const std::string& id,
                                                const std::string& /*revision*/) override {
    if (id == "org/slow") return Unavailable("the hub is slow; try again later");
    if (id != "org/here") return NotFound("the hub has no " + id);
    return std::unique_ptr<hub::Repository>(std::make_unique<Empty>());
  }
  Result<std::string> AccountOf(const std::string& /*token*/) override {
    return Status(Code::kUnauthenticated, "no accounts here");
  }
  void Stop() override {}

 private:
  class Empty final : public hub::Repository {
   public:
    Empty() {
      info_.id = "org/here";
      info_.likes = 31;
      info_.license = "apache-2.0";
    }
    const hub::RepositoryInfo& info() const override { return info_; }
    Result<std::string> ReadFile(const std::string& path, size_t /*bytes_max*/) const override {
      return NotFound(path);
    }
    Result<std::string> ReadRange(const std::string& path, uint64_t /*offset*/,
                                  uint64_t /*length*/) const override {
      return NotFound(path);
    }

   private:
    hub::RepositoryInfo info_;
  };
};

TEST_F(ModelsTest, RefreshAsksTheHubAndMarksWhatItHasNoMore) {
  Stop();
  hub_ = std::make_shared<FewModels>();
  Start();
  for (const char* model : {"org/gone", "org/here", "org/slow"}) MustFlag(model, "known by a flag");
  std::vector<v1::RefreshModelsResponse> refreshed;
  ASSERT_TRUE(Refresh({}, &refreshed).ok());
  ASSERT_EQ(refreshed.size(), 3u);
  EXPECT_TRUE(refreshed[0].facts().deleted());
  EXPECT_EQ(refreshed[0].problem(), "");
  EXPECT_EQ(refreshed[1].facts().likes(), 31);
  EXPECT_EQ(refreshed[1].facts().license(), "apache-2.0");
  EXPECT_EQ(refreshed[1].facts().source(), "hub");
  EXPECT_FALSE(refreshed[1].facts().deleted());
  EXPECT_EQ(refreshed[2].problem(), "the hub is slow; try again later");
  EXPECT_FALSE(refreshed[2].facts().deleted());
  EXPECT_FALSE(refreshed[2].changed());
}

TEST_F(ModelsTest, ALookThatOnlyComesFromElsewhereChangesNothing) {
  Stop();
  hub_ = std::make_shared<FewModels>();
  Start();
  MustFlag("org/here", "known by a flag");
  std::vector<v1::RefreshModelsResponse> refreshed;
  ASSERT_TRUE(Refresh({}, &refreshed).ok());
  ASSERT_EQ(refreshed.size(), 1u);
  EXPECT_TRUE(refreshed[0].changed()) << "the hub tells likes";
  EditRow("org/here", [](core::ModelRow& row) { row.source = "checks"; });
  refreshed.clear();
  ASSERT_TRUE(Refresh({}, &refreshed).ok());
  ASSERT_EQ(refreshed.size(), 1u);
  EXPECT_FALSE(refreshed[0].changed());
  EXPECT_EQ(refreshed[0].facts().source(), "hub");
}

TEST_F(ModelsTest, AHubThatCannotBeAskedLeavesWhatItSaidBefore) {
  MustSubmit("r-1", "org/slow");
  WaitForPhase("r-1", "queued");
  hub_ = std::make_shared<FewModels>();
  EditRow("org/slow", [](core::ModelRow& row) { row.parameters = 999; });  // the checks said 123
  std::vector<v1::RefreshModelsResponse> refreshed;
  ASSERT_TRUE(Refresh({}, &refreshed).ok());
  ASSERT_EQ(refreshed.size(), 1u);
  EXPECT_NE(refreshed[0].problem(), "");
  EXPECT_FALSE(refreshed[0].changed());
  EXPECT_EQ(refreshed[0].facts().parameters(), 999);
}

TEST_F(ModelsTest, OnlyOperatorsFlagAndRefresh) {
  Stop();
  const std::string submitter(40, 'b');
  const std::string op(40, 'c');
  config_.tokens_file = dir_.path("tokens");
  WriteText(config_.tokens_file, "sam submitter " + submitter + "\notto operator " + op + "\n");
  std::filesystem::permissions(config_.tokens_file, std::filesystem::perms::owner_read);
  Start();
  v1::FlagModelResponse response;
  std::vector<v1::RefreshModelsResponse> refreshed;
  EXPECT_EQ(Flag("org/x", "why", "", &response, submitter).error_code(),
            StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Unflag("org/x", submitter).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Refresh({}, &refreshed, submitter).error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Flag("org/x", "why", "", &response).error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(Flag("org/x", "why", "", &response, op).ok());
  EXPECT_EQ(response.flag().set_by(), "otto");
  EXPECT_TRUE(Refresh({}, &refreshed, op).ok());
  EXPECT_TRUE(Unflag("org/x", op).ok());
}

}  // namespace
}  // namespace koeval::service
