// Export folders: passes over what changed, failures, and what is tried again.
#include <gtest/gtest.h>

#include <filesystem>

#include "common/base/file.h"
#include "scheduler/board/board_folder.h"
#include "scheduler/board/request_file.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/service/board_exporter.h"
#include "scheduler/service/metrics.h"
#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

class ExporterTest : public testing::Test {
 protected:
  void Put(int64_t number, const std::string& model, core::RequestState state) {
    core::RequestRow row;
    row.id = {"r-" + std::to_string(number)};
    row.number = number;
    row.spec.model = model;
    row.spec.suite = number == 9 ? "other" : "toy";
    row.state = state;
    row.submitted_at = {1'700'000'000'000'000};
    Commit({row, core::EventRow{++seq_, row.submitted_at, row.id, "request_changed", ""}});
  }
  void Commit(const std::vector<core::Mutation>& mutations) {
    ASSERT_TRUE(store_->Commit(mutations).ok());
  }
  BoardExporter Exporter() {
    return BoardExporter(readers_, metrics_,
                         [](const std::string& text) { return Result<std::string>(text); },
                         {.requests_dir = folder_, .results_dir = "", .suite = "toy"});
  }
  std::string Counted(const std::string& outcome) {
    const std::string name = "koeval_export_files_total{outcome=\"" + outcome + "\"} ";
    const std::string text = metrics_.Text();
    const size_t at = text.find(name);
    if (at == std::string::npos) return "";
    return text.substr(at + name.size(), text.find('\n', at) - at - name.size());
  }
  std::string StatusOf(const std::string& model) {
    const std::string path = model + "_eval_request_False_float32_Original.json";
    const auto text = ReadFile(folder_ + "/" + path);
    return text.ok() ? board::ParseRequestFile(*text)->status : text.status().message();
  }

  TempDir dir_;
  const std::string folder_ = dir_.path("requests");
  std::unique_ptr<store::JobStore> store_ = store::OpenMemoryStore();
  ReaderPool readers_{*store_};
  Metrics metrics_{WallTime{}};
  int64_t seq_ = 0;
};

TEST_F(ExporterTest, APassWritesWhatChangedAlone) {
  Put(1, "org/a", core::RequestState::kPending);
  Put(2, "org/b", core::RequestState::kPending);
  Put(9, "org/c", core::RequestState::kPending);
  BoardExporter exporter = Exporter();
  ASSERT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(board::ListBoardFolder(folder_)->paths.size(), 2u) << "of one suite";
  EXPECT_EQ(Counted("ok"), "2");
  ASSERT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(Counted("ok"), "2");
  Put(2, "org/b", core::RequestState::kFailed);
  ASSERT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(Counted("ok"), "3");
  EXPECT_EQ(StatusOf("org/a"), "PENDING");
  EXPECT_EQ(StatusOf("org/b"), "FAILED");
  Put(3, "org/a", core::RequestState::kRunning);  // the newest request of a name counts
  ASSERT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(StatusOf("org/a"), "RUNNING");
  Put(1, "org/a", core::RequestState::kFinished);
  ASSERT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(StatusOf("org/a"), "RUNNING");
}

TEST_F(ExporterTest, AnotherProcessLeavesFilesThatAreRightAlone) {
  Put(1, "org/a", core::RequestState::kPending);
  ASSERT_TRUE(Exporter().RunOnce(seq_).ok());
  ASSERT_TRUE(Exporter().RunOnce(seq_).ok());
  EXPECT_EQ(Counted("ok"), "1");
}

TEST_F(ExporterTest, WhatCannotBeWrittenIsCountedAndTriedAgain) {
  Put(1, "org/a", core::RequestState::kPending);
  WriteText(folder_, "a file in the way");
  BoardExporter exporter = Exporter();
  const Status failed = exporter.RunOnce(seq_);
  EXPECT_FALSE(failed.ok());
  EXPECT_NE(failed.message().find(folder_), std::string::npos) << failed.message();
  EXPECT_EQ(Counted("failed"), "1");
  fs::remove(folder_);
  EXPECT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(StatusOf("org/a"), "PENDING");
}

TEST_F(ExporterTest, APassGivesUpAfterManyFailuresAndKeepsTheRestForLater) {
  for (int64_t n = 1; n <= 40; ++n) {
    Put(n == 9 ? 99 : n, "org/m" + std::to_string(n), core::RequestState::kPending);
  }
  WriteText(folder_, "a file in the way");
  BoardExporter exporter = Exporter();
  EXPECT_FALSE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(Counted("failed"), "16");
  fs::remove(folder_);
  EXPECT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(board::ListBoardFolder(folder_)->paths.size(), 40u);
}

TEST_F(ExporterTest, ImportedFilesAreWrittenAfterARescan) {
  BoardExporter exporter = Exporter();
  ASSERT_TRUE(exporter.RunOnce(seq_).ok());
  core::ImportRow row;
  row.kind = "requests";
  row.path = "old/one.json";
  Commit({row, core::ImportTextRow{"requests", "old/one.json", "{\"a\": 1}\n"}});
  ASSERT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_FALSE(fs::exists(folder_ + "/old/one.json"));
  exporter.Rescan();
  ASSERT_TRUE(exporter.RunOnce(seq_).ok());
  EXPECT_EQ(ReadFile(folder_ + "/old/one.json").value(), "{\"a\": 1}\n");
}

}  // namespace
}  // namespace koeval::service
