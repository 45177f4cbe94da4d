// Registered datasets: uploads, versions, suites that wait for them, removal, and who sees texts.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <map>

#include "common/base/file.h"
#include "common/base/json.h"
#include "common/evaluation/parquet.h"
#include "koeval/v1/datasets.grpc.pb.h"
#include "scheduler/service/limits.h"
#include "scheduler/store/job_store.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;
using grpc::StatusCode;

constexpr const char* kReader = "reader-token-0123456789";
constexpr const char* kOperator = "operator-token-0123456789";
using Files = std::vector<std::pair<std::string, std::string>>;

// The toy suite, with the rows of toy_a in a registered dataset that is not there yet.
class DatasetTest : public ServiceTest {
 protected:
  void SetUp() override {
    const std::string rows = dir_.path("tasks/toy_a.jsonl");
    rows_ = ReadFile(rows).value();
    fs::remove(rows);
    SetTask(
        "description: \"Weigh these.\\n\"\ndoc_to_text: \"{{question}}\"\n"
        "doc_to_choice: \"{{choices}}\"\ndoc_to_target: \"{{label}}\"\n");
    Start();
    Connect();
  }

  void SetTask(const std::string& documents) {
    WriteText(dir_.path("tasks/toy_a.yaml"),
              "task: toy_a\ndataset_path: acme/toy-a\ntest_split: test\n"
              "output_type: multiple_choice\nnum_fewshot: 0\n" +
                  documents +
                  "metric_list:\n  - metric: acc\n    aggregation: mean\n"
                  "    higher_is_better: true\nmetadata:\n  version: 1.0\n");
  }

  void Connect() { datasets_ = v1::DatasetService::NewStub(channel_); }

  void RestartWithTokens() {
    Stop();
    config_.tokens_file = dir_.path("tokens");
    WriteText(config_.tokens_file,
              fmt::format("eve reader {}\nop operator {}\n", kReader, kOperator));
    ASSERT_EQ(::chmod(config_.tokens_file.c_str(), 0600), 0);
    Start();
    Connect();
  }

  // Sends the messages of an upload; without `end` it breaks off.
  grpc::Status Add(const std::string& name, const Files& files, bool is_public = false,
                   bool end = true, const std::string& token = "") {
    grpc::ClientContext context;
    Prepare(&context, token);
    added_.Clear();
    const auto stream = datasets_->AddDataset(&context, &added_);
    v1::AddDatasetRequest message;
    message.mutable_header()->set_name(name);
    message.mutable_header()->set_is_public(is_public);
    stream->Write(message);
    int64_t bytes = 0;
    for (const auto& [file, text] : files) {
      message.mutable_piece()->set_file(file);
      message.mutable_piece()->set_bytes(text.substr(0, 10));
      stream->Write(message);
      message.mutable_piece()->set_file("");
      message.mutable_piece()->set_bytes(text.size() > 10 ? text.substr(10) : "");
      stream->Write(message);
      bytes += static_cast<int64_t>(text.size());
    }
    message.mutable_end()->set_files(static_cast<int64_t>(files.size()));
    message.mutable_end()->set_bytes(bytes);
    if (end) stream->Write(message);
    stream->WritesDone();
    return stream->Finish();
  }

  grpc::Status Remove(const std::string& name, v1::RemoveDatasetResponse* response,
                      const std::string& token = "") {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::RemoveDatasetRequest request;
    request.set_name(name);
    return datasets_->RemoveDataset(&context, request, response);
  }

  v1::ListDatasetsResponse List() {
    grpc::ClientContext context;
    Prepare(&context);
    v1::ListDatasetsResponse response;
    EXPECT_TRUE(datasets_->ListDatasets(&context, {}, &response).ok());
    return response;
  }

  std::string Unavailable() {
    grpc::ClientContext context;
    Prepare(&context);
    v1::ListSuitesResponse response;
    EXPECT_TRUE(catalogue_->ListSuites(&context, {}, &response).ok());
    return response.suites(0).unavailable();
  }

  void Finish(const std::string& id) {
    FakeWorker worker(channel_, "node-1");
    MustSubmit(id);
    const v1::Request request = WaitForPhase(id, "done");
    ASSERT_EQ(request.state(), v1::REQUEST_STATE_FINISHED) << request.reason();
  }

  // The samples of toy_a, and whether each says that its texts are withheld.
  std::vector<std::pair<Json, bool>> SamplesAs(const std::string& token,
                                               const std::string& id = "a") {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::GetSamplesRequest request;
    request.set_request_id(id);
    request.set_task("toy_a");
    auto reader = results_->GetSamples(&context, request);
    std::vector<std::pair<Json, bool>> lines;
    v1::GetSamplesResponse line;
    while (reader->Read(&line)) lines.emplace_back(*ParseJson(line.line()), line.texts_withheld());
    EXPECT_TRUE(reader->Finish().ok());
    return lines;
  }

  Json ResultsAs(const std::string& token, const std::string& id = "a") {
    grpc::ClientContext context;
    Prepare(&context, token);
    v1::GetResultsRequest request;
    request.set_request_id(id);
    v1::GetResultsResponse response;
    EXPECT_TRUE(results_->GetResults(&context, request, &response).ok());
    return *ParseJson(response.results_json());
  }

  // Every file below <state_dir>/datasets and bundles.
  std::vector<fs::path> StoredFiles() {
    std::vector<fs::path> out;
    for (const char* folder : {"datasets", "bundles"}) {
      for (const auto& entry :
           fs::recursive_directory_iterator(fs::path(config_.state_dir) / folder)) {
        if (entry.is_regular_file()) out.push_back(entry.path());
      }
    }
    return out;
  }

  std::string rows_;
  v1::AddDatasetResponse added_;
  std::unique_ptr<v1::DatasetService::Stub> datasets_;
};

TEST_F(DatasetTest, ASuiteThatWaitsForItsRowsOpensWithoutARestart) {
  EXPECT_NE(Unavailable().find("acme/toy-a"), std::string::npos) << Unavailable();
  v1::SubmitResponse response;
  EXPECT_EQ(Submit("early", &response).error_code(), StatusCode::FAILED_PRECONDITION);

  const grpc::Status status = Add("acme/toy-a", {{"test.jsonl", rows_}});
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(added_.suites_opened_size(), 1);
  EXPECT_EQ(added_.suites_opened(0), "toy");
  EXPECT_EQ(added_.dataset().digest().size(), 64u);
  EXPECT_EQ(Unavailable(), "");
  Finish("a");
  const Json results = ResultsAs("");
  EXPECT_EQ(results["koeval"]["tasks"]["toy_a"]["dataset"]["name"], "acme/toy-a");
  EXPECT_EQ(results["koeval"]["tasks"]["toy_a"]["dataset"]["digest"], added_.dataset().digest());
  EXPECT_FALSE(results["koeval"]["tasks"]["toy_b"].contains("dataset"));

  Stop();
  Start();
  Connect();
  EXPECT_EQ(Unavailable(), "") << "known after a restart too";
}

TEST_F(DatasetTest, AParquetFileGivesTheRowsAndScoresOfItsJsonLines) {
  const std::string golden =
      std::string(std::getenv("KOEVAL_SOURCE_DIR")) + "/tests/golden/parquet/";
  if (evaluation::ReadParquetFile(golden + "toy.parquet").status().code() == Code::kUnimplemented) {
    GTEST_SKIP() << "this build cannot read Parquet; deploy/setup.sh --parquet installs what it "
                    "needs";
  }
  const grpc::Status status =
      Add("acme/toy-a", {{"test.parquet", ReadFile(golden + "toy.parquet").value()}});
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(added_.dataset().splits_size(), 1);
  EXPECT_EQ(added_.dataset().splits(0).rows(), 6);
  Finish("a");
  const auto samples = SamplesAs("");
  const Json results = ResultsAs("");
  EXPECT_EQ(results["koeval"]["tasks"]["toy_a"]["dataset"]["digest"], added_.dataset().digest());

  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}).ok());  // the next version, same rows
  FakeWorker worker(channel_, "node-2");
  MustSubmit("b");
  ASSERT_EQ(WaitForPhase("b", "done").state(), v1::REQUEST_STATE_FINISHED);
  EXPECT_EQ(SamplesAs("", "b"), samples);
  EXPECT_EQ(ResultsAs("", "b")["results"], results["results"]);
}

TEST_F(DatasetTest, ADamagedParquetFileIsRefusedAndNotKept) {
  const grpc::Status status = Add("acme/toy-a", {{"test.parquet", "PAR1, but nothing more"}});
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.error_message().find("test.parquet"), std::string::npos)
      << status.error_message();
  EXPECT_EQ(List().datasets_size(), 0);
  for (const fs::path& path : StoredFiles()) EXPECT_EQ(path.filename(), "index.json");
}

TEST_F(DatasetTest, RowsLieOnDiskForTheSchedulersUserAlone) {
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}, {"extra/dev.jsonl", rows_}}).ok());
  EXPECT_FALSE(StoredFiles().empty());
  for (const fs::path& path : StoredFiles()) {
    struct stat info {};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u) << path;
    ASSERT_EQ(::stat(path.parent_path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0700u) << path;
  }
}

TEST_F(DatasetTest, TheListNamesVersionsWithDigestSplitsAndSizes) {
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}, {"dev.csv", "q,a\nx,1\ny,2\n"}}).ok());
  const std::string first = added_.dataset().digest();
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}).ok());
  EXPECT_FALSE(added_.already_known());
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}).ok());
  EXPECT_TRUE(added_.already_known());
  const v1::ListDatasetsResponse list = List();
  ASSERT_EQ(list.datasets_size(), 2);
  EXPECT_TRUE(list.datasets(0).is_current());
  EXPECT_NE(list.datasets(0).digest(), first);
  EXPECT_FALSE(list.datasets(1).is_current());
  EXPECT_EQ(list.datasets(1).digest(), first);
  EXPECT_EQ(list.datasets(1).added_by(), "local");
  EXPECT_EQ(list.datasets(1).added_at_us(), clock_.Wall().micros);
  ASSERT_EQ(list.datasets(1).splits_size(), 2);
  EXPECT_EQ(list.datasets(1).splits(0).split(), "dev");
  EXPECT_EQ(list.datasets(1).splits(0).rows(), 2);
  EXPECT_EQ(list.datasets(1).splits(1).rows(), 6);
  EXPECT_EQ(list.datasets(1).splits(1).bytes(), static_cast<int64_t>(rows_.size()));
}

TEST_F(DatasetTest, PartsOfASplitCountAsOne) {
  const size_t half = rows_.find('\n', rows_.size() / 2) + 1;
  ASSERT_TRUE(Add("acme/toy-a", {{"test-00000-of-00002.jsonl", rows_.substr(0, half)},
                                 {"test-00001-of-00002.jsonl", rows_.substr(half)}})
                  .ok());
  ASSERT_EQ(added_.dataset().splits_size(), 1);
  EXPECT_EQ(added_.dataset().splits(0).split(), "test");
  EXPECT_EQ(added_.dataset().splits(0).rows(), 6);
  EXPECT_EQ(added_.dataset().splits(0).bytes(), static_cast<int64_t>(rows_.size()));
  EXPECT_EQ(Unavailable(), "");
}

TEST_F(DatasetTest, ADatasetOfStoredRequestsStaysAndOthersGoWithTheirBundles) {
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}).ok());
  v1::RemoveDatasetResponse removed;
  EXPECT_EQ(Remove("acme/other", &removed).error_code(), StatusCode::NOT_FOUND);
  ASSERT_TRUE(Remove("acme/toy-a", &removed).ok());
  EXPECT_EQ(removed.removed(), 1);
  ASSERT_EQ(removed.suites_closed_size(), 1);
  EXPECT_NE(Unavailable(), "");
  ASSERT_EQ(StoredFiles().size(), 1U) << "the empty index alone";

  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}).ok());
  MustSubmit("a");
  const grpc::Status refused = Remove("acme/toy-a", &removed);
  EXPECT_EQ(refused.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_NE(refused.error_message().find("1 stored requests"), std::string::npos);
  EXPECT_EQ(List().datasets(0).requests(), 1);
  EXPECT_EQ(Unavailable(), "");
}

TEST_F(DatasetTest, AnUploadThatIsNotWholeOrNotValidLeavesNothing) {
  EXPECT_EQ(Add("acme/toy-a", {{"test.jsonl", rows_}}, false, /*end=*/false).error_code(),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Add("../up", {{"test.jsonl", rows_}}).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Add("acme/toy-a", {{"../test.jsonl", rows_}}).error_code(),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Add("acme/toy-a", {{"test.txt", rows_}}).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Add("acme/toy-a", {{"test.jsonl", rows_}, {"test.csv", "a\n1\n"}}).error_code(),
            StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Add("acme/toy-a", {}).error_code(), StatusCode::INVALID_ARGUMENT);
  const grpc::Status bad_row =
      Add("acme/toy-a", {{"test.jsonl", "{\"question\": 1}\n\"a hushed sentence\"\n"}});
  EXPECT_EQ(bad_row.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_NE(bad_row.error_message().find("test.jsonl:2"), std::string::npos)
      << bad_row.error_message();
  EXPECT_EQ(bad_row.error_message().find("hushed"), std::string::npos);
  EXPECT_EQ(List().datasets_size(), 0);
  for (const fs::path& path : StoredFiles()) EXPECT_EQ(path.filename(), "index.json");
}

TEST_F(DatasetTest, ADatasetThatASuiteCannotLoadIsNotKept) {
  SetTask("process_docs: hellaswag\ndoc_to_text: \"{{query}}\"\ndoc_to_target: \"{{label}}\"\n");
  const grpc::Status status = Add("acme/toy-a", {{"test.jsonl", rows_}});
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(List().datasets_size(), 0);
  EXPECT_NE(Unavailable(), "");
  for (const fs::path& path : StoredFiles()) EXPECT_EQ(path.filename(), "index.json");
}

TEST_F(DatasetTest, SuitesWithoutTheNameStayAsTheyAreLoaded) {
  WriteText(dir_.path("suites/other.yaml"),
            "suite: other\ntitle: Other\nversion: \"1\"\nprofile: lm-eval-0.4\n"
            "tasks_dir: ../tasks\nentries:\n  - {name: Toy-B, task: toy_b, metric: acc}\n");
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}).ok());
  EXPECT_EQ(added_.suites_opened_size(), 1);
  // Rows that both suites need are gone from where they lay: a suite that is loaded again sees it.
  fs::remove(dir_.path("tasks/toy_b.jsonl"));
  const auto unavailable = [this] {
    grpc::ClientContext context;
    Prepare(&context);
    v1::ListSuitesResponse response;
    EXPECT_TRUE(catalogue_->ListSuites(&context, {}, &response).ok());
    std::map<std::string, bool> out;
    for (const v1::Suite& suite : response.suites()) {
      out[suite.name()] = !suite.unavailable().empty();
    }
    return out;
  };
  const std::map<std::string, bool> neither = {{"toy", false}, {"other", false}};
  ASSERT_TRUE(Add("acme/unused", {{"test.jsonl", rows_}}).ok());
  EXPECT_EQ(unavailable(), neither) << "nobody looks for that name";
  const grpc::Status loaded_again = Add("acme/toy-a", {{"test.jsonl", rows_ + rows_}});
  EXPECT_FALSE(loaded_again.ok()) << "toy looks for it";
  EXPECT_NE(loaded_again.error_message().find("toy_b"), std::string::npos)
      << loaded_again.error_message();
  EXPECT_EQ(unavailable(), neither);
}

TEST_F(DatasetTest, ReadersGetIdsDigestsAndNumbersOfPrivateRowsAndOperatorsAll) {
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}).ok());
  Finish("a");
  const auto local = SamplesAs("");
  RestartWithTokens();
  const auto full = SamplesAs(kOperator);
  EXPECT_EQ(full, local);
  const auto lines = SamplesAs(kReader);
  ASSERT_EQ(lines.size(), full.size());
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_TRUE(lines[i].second);
    const Json& line = lines[i].first;
    const Json& whole = full[i].first;
    for (const char* key : {"doc", "target", "arguments", "target_hash"}) {
      EXPECT_TRUE(line[key].is_null()) << key;
      EXPECT_FALSE(whole[key].is_null()) << key;
    }
    for (const char* key :
         {"doc_id", "resps", "filtered_resps", "metrics", "doc_hash", "prompt_hash", "acc"}) {
      EXPECT_EQ(line[key], whole[key]) << key;
    }
  }
  const Json results = ResultsAs(kReader);
  EXPECT_TRUE(results["configs"]["toy_a"]["description"].is_null());
  EXPECT_TRUE(results["configs"]["toy_a"]["doc_to_text"].is_null());
  EXPECT_EQ(results["configs"]["toy_a"]["dataset_path"], "acme/toy-a");
  EXPECT_EQ(results["results"], ResultsAs(kOperator)["results"]);
  EXPECT_EQ(ResultsAs(kOperator)["configs"]["toy_a"]["description"], "Weigh these.\n");
}

TEST_F(DatasetTest, ReadersSeeTextsOfPublicDatasets) {
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}, /*is_public=*/true).ok());
  Finish("a");
  config_.public_datasets = {"toy_b"};
  RestartWithTokens();
  for (const auto& [line, withheld] : SamplesAs(kReader)) {
    EXPECT_FALSE(withheld);
    EXPECT_FALSE(line["doc"].is_null());
  }
  EXPECT_EQ(ResultsAs(kReader), ResultsAs(kOperator));
}

TEST_F(DatasetTest, OnlyOperatorsChangeDatasetsAndEveryChangeIsAudited) {
  RestartWithTokens();
  v1::RemoveDatasetResponse removed;
  EXPECT_EQ(Add("acme/toy-a", {{"test.jsonl", rows_}}, false, true, kReader).error_code(),
            StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(Remove("acme/toy-a", &removed, kReader).error_code(), StatusCode::PERMISSION_DENIED);
  ASSERT_TRUE(Add("acme/toy-a", {{"test.jsonl", rows_}}, false, true, kOperator).ok());
  ASSERT_TRUE(Remove("acme/toy-a", &removed, kOperator).ok());
  Stop();
  auto store = store::OpenSqliteStore(config_.DatabasePath());
  ASSERT_TRUE(store.ok());
  const auto audit = (*store)->OpenReader().value()->Audit(10);
  ASSERT_TRUE(audit.ok());
  ASSERT_EQ(audit->size(), 2U);
  EXPECT_EQ((*audit)[1].action, "dataset-add");
  EXPECT_EQ((*audit)[1].who, "op");
  EXPECT_EQ((*audit)[1].target, "acme/toy-a");
  EXPECT_EQ((*audit)[0].action, "dataset-remove");
}

}  // namespace
}  // namespace koeval::service
