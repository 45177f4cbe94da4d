// Disks that fail and power that goes, at every point where a file changes.
#include <gtest/gtest.h>

#include "scheduler/store/sqlite_store.h"
#include "tests/common/temp_folder.h"
#include "tests/scheduler/store/faulty_vfs.h"
#include "tests/scheduler/store/rows.h"
#include "tests/scheduler/store/workload.h"

namespace koeval::store {
namespace {

// Loops n upward until a run has no failure.
constexpr int64_t kOperationsMax = 5'000;

// The n-th change fails with `code`, once or for ever.
void FailEverywhere(int code, bool forever) {
  int64_t refused = 0;
  for (int64_t n = 1; n <= kOperationsMax; ++n) {
    const TempFolder folder;
    const std::string path = folder.File("k.db");
    const std::string what = "failure at operation " + std::to_string(n);
    int64_t acked = 0;
    Status status;
    bool failed = false;
    {
      FaultyVfs vfs;
      vfs.FailAt(n, code, forever);
      status = RunWorkload(path, FaultyVfs::kName, [&](int64_t i) { acked = i; });
      failed = vfs.failed();
    }
    if (!failed) {
      EXPECT_TRUE(IsOk(status));
      EXPECT_EQ(acked, kWorkloadCommits);
      EXPECT_GT(n, 100);  // the loop saw the whole of a real run
      EXPECT_GT(refused, 50);
      return;
    }
    if (!status.ok()) ++refused;
    ExpectWholeCommits(path, acked, acked + 1, what);
    if (testing::Test::HasFailure()) FAIL() << what;
  }
  FAIL() << "no run without a failure";
}

TEST(FaultTest, WriteErrorOnceLosesNothingThatWasAcknowledged) {
  FailEverywhere(SQLITE_IOERR_WRITE, false);
}
TEST(FaultTest, WriteErrorsForEverLoseNothingThatWasAcknowledged) {
  FailEverywhere(SQLITE_IOERR_WRITE, true);
}
TEST(FaultTest, SyncErrorOnceLosesNothingThatWasAcknowledged) {
  FailEverywhere(SQLITE_IOERR_FSYNC, false);
}
TEST(FaultTest, FullDiskOnceLosesNothingThatWasAcknowledged) {
  FailEverywhere(SQLITE_FULL, false);
}
TEST(FaultTest, FullDiskForEverLosesNothingThatWasAcknowledged) {
  FailEverywhere(SQLITE_FULL, true);
}

TEST(FaultTest, PowerLossLosesNothingThatWasAcknowledged) {
  constexpr uint64_t kSeeds = 4;
  for (int64_t n = 1; n <= kOperationsMax; ++n) {
    bool failed = true;
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const TempFolder folder;
      const std::string path = folder.File("k.db");
      const std::string what =
          "power loss at operation " + std::to_string(n) + ", seed " + std::to_string(seed);
      std::mt19937_64 random(static_cast<uint64_t>(n) * kSeeds + seed);
      int64_t acked = 0;
      {
        FaultyVfs vfs;
        vfs.FailAt(n, SQLITE_IOERR, true);
        const Status status = RunWorkload(path, FaultyVfs::kName, [&](int64_t i) { acked = i; });
        failed = vfs.failed();
        EXPECT_TRUE(failed || status.ok());
        vfs.PowerLoss(random);
      }
      ExpectWholeCommits(path, acked, acked + 1, what);
      if (testing::Test::HasFailure()) FAIL() << what;
    }
    if (!failed) {
      EXPECT_GT(n, 100);
      return;
    }
  }
  FAIL() << "no run without a failure";
}

class OneFaultTest : public testing::Test {
 protected:
  void Open() {
    SqliteOptions options;
    options.vfs = FaultyVfs::kName;
    auto store = OpenSqliteStore(folder_.File("k.db"), options);
    ASSERT_TRUE(IsOk(store));
    store_ = *std::move(store);
    ASSERT_TRUE(IsOk(store_->Commit(CommitOf(1))));
  }

  TempFolder folder_;
  FaultyVfs vfs_;
  std::unique_ptr<JobStore> store_;
};

TEST_F(OneFaultTest, EveryCommitIsSynced) {
  Open();
  for (int64_t i = 2; i < 10; ++i) {
    const int64_t before = vfs_.syncs();
    ASSERT_TRUE(IsOk(store_->Commit(CommitOf(i))));
    EXPECT_GT(vfs_.syncs(), before);
  }
}

TEST_F(OneFaultTest, FullDiskIsNamedAndEndsTheStore) {
  Open();
  vfs_.FailAt(vfs_.operations() + 1, SQLITE_FULL, false);
  const Status full = store_->Commit(CommitOf(2));
  EXPECT_EQ(full.code(), Code::kResourceExhausted);
  EXPECT_NE(full.message().find(folder_.File("k.db")), std::string::npos);
  EXPECT_NE(full.message().find("free space"), std::string::npos);
  const int64_t operations = vfs_.operations();
  EXPECT_EQ(store_->Commit(CommitOf(2)).code(), Code::kResourceExhausted);
  EXPECT_EQ(store_->Commit({}).code(), Code::kResourceExhausted);
  EXPECT_EQ(vfs_.operations(), operations);  // nothing more is written
  store_.reset();
  ExpectWholeCommits(folder_.File("k.db"), 1, 1, "after a full disk");
}

TEST_F(OneFaultTest, ReadersGoOnAfterTheStoreHasEnded) {
  Open();
  const auto reader = store_->OpenReader();
  ASSERT_TRUE(IsOk(reader));
  vfs_.FailAt(vfs_.operations() + 1, SQLITE_IOERR_WRITE, true);
  EXPECT_EQ(store_->Commit(CommitOf(2)).code(), Code::kUnavailable);
  const auto request = (*reader)->GetRequest({"request-1"});
  ASSERT_TRUE(IsOk(request));
  EXPECT_EQ(request->updated_seq, 1);
}

TEST_F(OneFaultTest, BackupThatCannotBeReadLeavesNothing) {
  Open();
  const std::string path = folder_.File("none/backup.db");
  EXPECT_FALSE(store_->Backup(path).ok());
  EXPECT_TRUE(IsOk(store_->Commit(CommitOf(2))));
}

}  // namespace
}  // namespace koeval::store
