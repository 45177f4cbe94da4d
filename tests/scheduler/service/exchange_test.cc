// Files of the leaderboard's datasets over gRPC: import, export, the folders that are kept in step,
// and imported scores. One test needs KOEVAL_TEST_DATA.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <map>

#include "common/base/file.h"
#include "koeval/v1/board.grpc.pb.h"
#include "scheduler/board/board_folder.h"
#include "scheduler/board/request_file.h"
#include "scheduler/board/result_file.h"
#include "scheduler/store/job_store.h"
#include "tests/common/test_data.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;
using grpc::StatusCode;
using Files = std::map<std::string, std::string>;  // by path

constexpr const char* kRequestFile =
    R"({"model": "old/one", "base_model": "", "revision": "main", "private": false, )"
    R"("precision": "float16", "params": 1.3, "weight_type": "Original", "status": "FINISHED", )"
    R"("model_type": "🟢 : pretrained", "likes": 4, "license": "mit", "job_id": 27, "x": [NaN]})";
constexpr const char* kRequestPath = "old/one_eval_request_False_float16_Original.json";

class ExchangeTest : public ServiceTest {
 protected:
  v1::ImportFilesResponse Import(v1::FileKind kind, const Files& files,
                                 StatusCode expected = StatusCode::OK) {
    grpc::ClientContext context;
    Prepare(&context);
    const auto board = v1::BoardService::NewStub(channel_);
    v1::ImportFilesResponse response;
    const auto stream = board->ImportFiles(&context, &response);
    for (const auto& [path, text] : files) {
      v1::ImportFilesRequest request;
      request.set_kind(kind);
      request.mutable_file()->set_path(path);
      request.mutable_file()->set_text(text);
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), expected) << status.error_message();
    return response;
  }

  Files Export(v1::FileKind kind, v1::ResultFormat format = v1::RESULT_FORMAT_UNSPECIFIED,
               StatusCode expected = StatusCode::OK) {
    grpc::ClientContext context;
    Prepare(&context);
    const auto board = v1::BoardService::NewStub(channel_);
    v1::ExportFilesRequest request;
    request.set_kind(kind);
    request.set_result_format(format);
    const auto stream = board->ExportFiles(&context, request);
    v1::ExportFilesResponse response;
    Files files;
    while (stream->Read(&response)) files[response.file().path()] = response.file().text();
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), expected) << status.error_message();
    return files;
  }

  v1::GetLeaderboardResponse Leaderboard() {
    grpc::ClientContext context;
    Prepare(&context);
    v1::GetLeaderboardResponse response;
    EXPECT_TRUE(results_->GetLeaderboard(&context, {}, &response).ok());
    return response;
  }

  void Finish(const std::string& id, const std::string& model) {
    MustSubmit(id, model);
    const FakeWorker worker(channel_, "node-" + id);
    WaitForPhase(id, "done");
  }

  static Files FolderFiles(const std::string& folder) {
    Files files;
    const auto listed = board::ListBoardFolder(folder);
    EXPECT_TRUE(listed.ok()) << listed.status().ToString();
    for (const std::string& path : listed->paths) {
      files[path] = ReadFile(folder + "/" + path).value();
    }
    return files;
  }
};

TEST_F(ExchangeTest, OwnRequestsAreExportedAsTheLeaderboardHasThem) {
  Start();
  Finish("r-1", "org/good");
  MustSubmit("r-2", "org/waiting");
  WaitForPhase("r-2", "queued");
  MustSubmit("r-3", "org/broken");
  WaitForPhase("r-3", "done");
  const Files files = Export(v1::FILE_KIND_REQUESTS);
  ASSERT_EQ(files.size(), 3u);
  const std::string name = "_eval_request_False_float32_Original.json";
  const auto good = board::ParseRequestFile(files.at("org/good" + name));
  ASSERT_TRUE(good.ok()) << good.status().ToString();
  EXPECT_EQ(good->model, "org/good");
  EXPECT_EQ(good->status, "FINISHED");
  EXPECT_EQ(good->revision, "main");
  EXPECT_EQ(good->architectures, "LlamaForCausalLM");
  EXPECT_EQ(good->job_id, 1);
  EXPECT_EQ(good->submitted_time, "2023-11-14T22:13:20Z");
  EXPECT_EQ(good->job_start_time, "2023-11-14T22:13:20.000000");
  EXPECT_EQ(good->model_type, "? : unknown");
  EXPECT_EQ(good->is_private, false);
  EXPECT_EQ(good->use_chat_template, false);
  EXPECT_EQ(good->sender, "local");
  const auto waiting = board::ParseRequestFile(files.at("org/waiting" + name));
  EXPECT_EQ(waiting->status, "PENDING");
  EXPECT_EQ(waiting->job_id, -1);
  EXPECT_EQ(waiting->job_start_time, "");
  EXPECT_EQ(board::ParseRequestFile(files.at("org/broken" + name))->status, "FAILED");
}

TEST_F(ExchangeTest, OwnScoresAreExportedWithoutTextsOfDocuments) {
  Start();
  Finish("r-1", "org/good");
  Finish("r-2", "org/good");  // in the same second
  const Files files = Export(v1::FILE_KIND_RESULTS);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_TRUE(files.contains("org/good/result_2023-11-14 22:13:20.json"));
  EXPECT_TRUE(files.contains("org/good/result_2023-11-14 22:13:21.json"));
  const auto file = board::ParseResultFile(files.begin()->first, files.begin()->second);
  ASSERT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_EQ(file->model, "org/good");
  EXPECT_EQ(file->precision, "float32");
  EXPECT_FALSE(file->scores.empty());
  const auto samples = Samples("r-1");
  ASSERT_FALSE(samples.empty());
  EXPECT_EQ(files.begin()->second.find("doc_hash"), std::string::npos);
}

TEST_F(ExchangeTest, ExportOfAnImportedExportIsByteEqual) {
  Start();
  Finish("r-1", "org/good");
  MustSubmit("r-2", "org/broken");
  WaitForPhase("r-2", "done");
  Import(v1::FILE_KIND_REQUESTS, {{kRequestPath, kRequestFile}});
  const Files requests = Export(v1::FILE_KIND_REQUESTS);
  const Files results = Export(v1::FILE_KIND_RESULTS);
  ASSERT_EQ(requests.size(), 3u);
  ASSERT_EQ(results.size(), 1u);
  EXPECT_EQ(requests.at(kRequestPath), kRequestFile);
  // Into the same scheduler, whose own requests stand there already.
  Import(v1::FILE_KIND_REQUESTS, requests);
  Import(v1::FILE_KIND_RESULTS, results);
  EXPECT_EQ(Export(v1::FILE_KIND_REQUESTS), requests);
  EXPECT_EQ(Export(v1::FILE_KIND_RESULTS), results);
  // And into an empty one.
  Stop();
  config_.database = dir_.path("other.db");
  Start();
  EXPECT_EQ(Import(v1::FILE_KIND_REQUESTS, requests).added(), 3);
  EXPECT_EQ(Import(v1::FILE_KIND_RESULTS, results).added(), 1);
  EXPECT_EQ(Export(v1::FILE_KIND_REQUESTS), requests);
  EXPECT_EQ(Export(v1::FILE_KIND_RESULTS), results);
}

// Own scores and imported files of two versions, in the first leaderboard's layout, into an empty
// scheduler and out again.
TEST_F(ExchangeTest, ResultsInTheFirstLeaderboardsLayoutSayTheSameAfterAnImport) {
  Start();
  Finish("r-1", "org/good");
  const std::string old_path = "old/v1/result_2023-10-01 00:00:00.json";
  const std::string old_text =
      R"({"config_general": {"model_name": "old/v1", "model_sha": "abc"}, "results": )"
      R"({"harness|ko_eqbench|0": {"acc": 0.5, "acc_stderr": 0.1}, "all": {"acc": 0.5}}})";
  Import(v1::FILE_KIND_RESULTS,
         {{old_path, old_text},
          {"old/new/results_20240102_030405.json",
           R"({"results": {"arc_challenge": {"acc_norm,none": 0.25}}, "n-shot": )"
           R"({"arc_challenge": 25}, "config": {"model_args": "pretrained=old/new"}})"}});
  const Files stored = Export(v1::FILE_KIND_RESULTS);
  const Files exported = Export(v1::FILE_KIND_RESULTS, v1::RESULT_FORMAT_LEADERBOARD_V1);
  ASSERT_EQ(exported.size(), 3u);
  EXPECT_EQ(exported.at(old_path), old_text);
  for (const auto& [path, text] : exported) {
    const auto before = board::ParseResultFile(path, stored.at(path));
    const auto after = board::ParseResultFile(path, text);
    ASSERT_TRUE(after.ok()) << path << ": " << after.status().ToString();
    EXPECT_EQ(after->format, "leaderboard") << path;
    EXPECT_EQ(after->model, before->model);
    EXPECT_EQ(after->revision, before->revision);
    EXPECT_EQ(after->precision, before->precision);
    EXPECT_EQ(after->date, before->date);
    EXPECT_EQ(after->scores.front().value, before->scores.front().value) << path;
    EXPECT_EQ(after->scores.front().num_fewshot, before->scores.front().num_fewshot) << path;
  }
  const v1::GetLeaderboardResponse before = Leaderboard();
  Stop();
  config_.database = dir_.path("other.db");
  Start();
  EXPECT_EQ(Import(v1::FILE_KIND_RESULTS, exported).added(), 3);
  EXPECT_EQ(Export(v1::FILE_KIND_RESULTS, v1::RESULT_FORMAT_LEADERBOARD_V1), exported);
  const v1::GetLeaderboardResponse after = Leaderboard();
  ASSERT_EQ(after.rows_size(), 1);
  EXPECT_EQ(after.rows(0).model(), "org/good");
  EXPECT_EQ(after.rows(0).average(), before.rows(0).average());
}

TEST_F(ExchangeTest, AFormatThatIsUnknownOrOfNoUseIsRefused) {
  Start();
  Export(v1::FILE_KIND_RESULTS, static_cast<v1::ResultFormat>(7), StatusCode::INVALID_ARGUMENT);
  Export(v1::FILE_KIND_REQUESTS, v1::RESULT_FORMAT_LEADERBOARD_V1, StatusCode::INVALID_ARGUMENT);
}

TEST_F(ExchangeTest, ImportingTwiceChangesNothingAndABadFileKeepsTheOthers) {
  Start();
  const Files files = {
      {kRequestPath, kRequestFile},
      {"old/two_False_False_False.json",
       "{\r\n  \"model\": \"old/two\",\"8bit_eval\": false,\"status\": \"RERUN\"}\r\n"},
      {"old/bad.json", "{\"model\": \"old/bad\""},
      {"../evil.json", kRequestFile}};
  const v1::ImportFilesResponse first = Import(v1::FILE_KIND_REQUESTS, files);
  EXPECT_EQ(first.added(), 2);
  EXPECT_EQ(first.refused(), 2);
  ASSERT_EQ(first.problems_size(), 2);
  EXPECT_EQ(first.problems(0).path(), "../evil.json");
  EXPECT_EQ(first.problems(1).path(), "old/bad.json");
  EXPECT_NE(first.problems(1).text().find("byte"), std::string::npos) << first.problems(1).text();
  const v1::ImportFilesResponse again = Import(v1::FILE_KIND_REQUESTS, files);
  EXPECT_EQ(again.added() + again.changed(), 0);
  EXPECT_EQ(again.unchanged(), 2);
  Files changed = files;
  changed["old/two_False_False_False.json"] += " ";
  EXPECT_EQ(Import(v1::FILE_KIND_REQUESTS, changed).changed(), 1);
  const Files out = Export(v1::FILE_KIND_REQUESTS);
  EXPECT_EQ(out,
            (Files{{kRequestPath, kRequestFile},
                   {"old/two_False_False_False.json", changed["old/two_False_False_False.json"]}}));
}

TEST_F(ExchangeTest, ImportedRequestsAreHistoryAndTellWhatIsKnownAboutTheirModels) {
  Start();
  Import(v1::FILE_KIND_REQUESTS,
         {{"a/m.json", R"({"model": "a/m", "status": "PENDING", "license": "mit", "likes": 3,)"
                       R"("model_type": "⭕ : instruction-tuned", "params": 10.732})"}});
  grpc::ClientContext context;
  Prepare(&context);
  v1::ListRequestsResponse requests;
  ASSERT_TRUE(queue_->ListRequests(&context, {}, &requests).ok());
  EXPECT_EQ(requests.requests_size(), 0);
  grpc::ClientContext second;
  Prepare(&second);
  v1::ListModelsResponse models;
  ASSERT_TRUE(v1::BoardService::NewStub(channel_)->ListModels(&second, {}, &models).ok());
  ASSERT_EQ(models.models_size(), 1);
  const v1::ModelFacts& facts = models.models(0).facts();
  EXPECT_EQ(facts.type(), "instruction-tuned");
  EXPECT_EQ(facts.license(), "mit");
  EXPECT_EQ(facts.likes(), 3);
  EXPECT_EQ(facts.parameters(), 10'732'000'000);
  EXPECT_EQ(facts.source(), "import");
}

TEST_F(ExchangeTest, AnOwnRequestTakesOverWhatItsImportedFileSaidBesides) {
  Start();
  const std::string path = "org/good_eval_request_False_float32_Original.json";
  Import(
      v1::FILE_KIND_REQUESTS,
      {{path, R"({"model": "org/good", "status": "FAILED", "likes": 9, "note": {"by": "bot"}})"}});
  MustSubmit("r-1", "org/good");
  WaitForPhase("r-1", "queued");
  const std::string text = Export(v1::FILE_KIND_REQUESTS).at(path);
  EXPECT_NE(text.find(R"("status": "PENDING")"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("likes": 9)"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("note": {"by": "bot"})"), std::string::npos) << text;
}

TEST_F(ExchangeTest, LocalDirectoriesAreNamedWithoutTheFoldersAboveThem) {
  config_.allow_local_models = true;
  Start();
  const std::string one = dir_.path("x/model"), two = dir_.path("y/model");
  fs::create_directories(one);
  fs::create_directories(two);
  Finish("r-1", one);
  Finish("r-2", two);
  const Files requests = Export(v1::FILE_KIND_REQUESTS);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_TRUE(requests.contains("local/model_eval_request_False_float32_Original.json"));
  EXPECT_TRUE(requests.begin()->first.starts_with("local/model-"));
  for (const Files& files : {requests, Export(v1::FILE_KIND_RESULTS)}) {
    for (const auto& [path, text] : files) {
      EXPECT_EQ(text.find(dir_.path()), std::string::npos) << path << text;
    }
  }
}

TEST_F(ExchangeTest, ImportedScoresAreRankedAndMarkedOwnOnesCountInstead) {
  Start();
  Finish("r-1", "org/good");
  const std::string own = Export(v1::FILE_KIND_RESULTS).begin()->second;
  const auto body = [](const std::string& model, double a, const std::string& b) {
    return fmt::format(
        R"({{"config_general": {{"model_name": "{}"}}, "results": {{"toy_a": {{"acc": {}, )"
        R"("acc_norm": {}, "acc_stderr": 0.1}}{}}}}})",
        model, a, a, b);
  };
  const std::string both = R"(, "harness|toy:b|0": {"acc": 0.5, "acc_norm": 0.5})";
  Import(v1::FILE_KIND_RESULTS,
         {{"x/best/results_20240101_000000.json", body("x/best", 0.25, both)},
          {"x/best/results_20240102_000000.json", body("x/best", 1.0, "")},
          {"x/half/results_20240101_000000.json", body("x/half", 1.0, "")},
          {"org/good/result_2023-11-14 22:13:20.json", own},
          {"x/none/results_20240101_000000.json",
           R"({"config_general": {"model_name": "x/none"}, "results": {"other": {"acc": 1}}})"}});
  const v1::GetLeaderboardResponse board = Leaderboard();
  ASSERT_EQ(board.rows_size(), 3);
  EXPECT_EQ(board.rows(0).model(), "x/best");
  EXPECT_TRUE(board.rows(0).imported());
  EXPECT_EQ(board.rows(0).entries_size(), 2);
  EXPECT_DOUBLE_EQ(board.rows(0).entries(0).value(), 1.0) << "the newest file counts";
  EXPECT_DOUBLE_EQ(board.rows(0).average(), 0.75);
  EXPECT_EQ(board.rows(1).model(), "org/good");
  EXPECT_FALSE(board.rows(1).imported());
  EXPECT_EQ(board.rows(1).request_id(), "r-1");
  EXPECT_EQ(board.rows(2).model(), "x/half");
  EXPECT_TRUE(std::isnan(board.rows(2).average())) << "an entry is missing";
  for (int i = 0; i < board.rows_size(); ++i) EXPECT_EQ(board.rows(i).rank(), (i + 1) % 3);
}

TEST_F(ExchangeTest, FoldersAreKeptInStepWithTheQueue) {
  config_.exports.requests_dir = dir_.path("requests");
  config_.exports.results_dir = dir_.path("results");
  config_.exports.debounce_ms = 0;
  Start();
  Finish("r-1", "org/good");
  Import(v1::FILE_KIND_REQUESTS, {{kRequestPath, kRequestFile}});
  MustSubmit("r-2", "org/broken");
  WaitForPhase("r-2", "done");
  const Files requests = Export(v1::FILE_KIND_REQUESTS);
  const Files results = Export(v1::FILE_KIND_RESULTS);
  Stop();  // ends with a last pass
  EXPECT_EQ(requests.size(), 3u);
  EXPECT_EQ(results.size(), 1u);
  EXPECT_EQ(FolderFiles(config_.exports.requests_dir), requests);
  EXPECT_EQ(FolderFiles(config_.exports.results_dir), results);
}

TEST_F(ExchangeTest, AFolderThatCannotBeWrittenNeverStopsTheQueueAndIsTriedAgain) {
  config_.exports.requests_dir = dir_.path("blocked/requests");
  config_.exports.debounce_ms = 0;
  WriteText(dir_.path("blocked"), "a file in the way");
  Start();
  Finish("r-1", "org/good");
  Stop();
  EXPECT_TRUE(fs::is_regular_file(dir_.path("blocked")));
  fs::remove(dir_.path("blocked"));
  Start();
  const Files requests = Export(v1::FILE_KIND_REQUESTS);
  Stop();
  EXPECT_EQ(FolderFiles(config_.exports.requests_dir), requests);
}

TEST_F(ExchangeTest, AnUnknownSuiteOfTheExportIsRefusedAtTheStart) {
  config_.exports.requests_dir = dir_.path("requests");
  config_.exports.suite = "nothing";
  auto store = store::OpenSqliteStore(config_.DatabasePath());
  ASSERT_TRUE(store.ok());
  const auto started = Scheduler::Start(
      config_, {*std::move(store), std::make_unique<FakeChecks>(), clock_, [](const Status&) {}});
  EXPECT_EQ(started.status().code(), Code::kNotFound);
  EXPECT_NE(started.status().message().find("export.suite"), std::string::npos);
}

TEST_F(ExchangeTest, FilesOfAModelRepositoryAreNoResultsAndChangeNothing) {
  const auto data = TestData("hub-metadata");
  if (!data.ok()) GTEST_SKIP() << data.status().message();
  const std::string& root = *data;
  Start();
  const Files files = FolderFiles(root);
  ASSERT_EQ(files.size(), 4u);
  for (const v1::FileKind kind : {v1::FILE_KIND_REQUESTS, v1::FILE_KIND_RESULTS}) {
    const v1::ImportFilesResponse imported = Import(kind, files);
    EXPECT_EQ(imported.refused(), 4);
    ASSERT_EQ(imported.problems_size(), 4);
    EXPECT_EQ(imported.problems(0).path(), "mixtral-8x22b/config.json");
    EXPECT_TRUE(Export(kind).empty());
  }
}

// 154 files of a fork and 6 of the harness: all are taken in, and come out byte by byte.
TEST_F(ExchangeTest, PublishedResultFilesComeBackByteByByte) {
  const auto data = TestData("results");
  if (!data.ok()) GTEST_SKIP() << data.status().message();
  const std::string& root = *data;
  Start();
  const Files files = FolderFiles(root);
  ASSERT_EQ(files.size(), 160u);
  const v1::ImportFilesResponse imported = Import(v1::FILE_KIND_RESULTS, files);
  EXPECT_EQ(imported.added(), 160);
  EXPECT_EQ(imported.refused(), 0);
  EXPECT_EQ(Export(v1::FILE_KIND_RESULTS), files);
}

}  // namespace
}  // namespace koeval::service
