// What only the SQLite store promises: its lock, its files, and whose database it takes.
#include "scheduler/store/sqlite.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"
#include "tests/scheduler/store/raw_sql.h"
#include "tests/scheduler/store/rows.h"

namespace koeval::store {
namespace {

class SqliteTest : public testing::Test {
 protected:
  // Opens, and expects `code` with every one of `words` in the message.
  void ExpectRefused(const std::string& path, Code code, const std::vector<std::string>& words) {
    const auto store = OpenSqliteStore(path);
    ASSERT_FALSE(store.ok());
    EXPECT_EQ(store.status().code(), code) << store.status().ToString();
    for (const std::string& word : words) {
      EXPECT_NE(store.status().message().find(word), std::string::npos)
          << store.status().ToString();
    }
  }

  TempFolder folder_;
  const std::string path_ = folder_.File("koeval.db");
  std::mt19937_64 random_{7};
};

TEST_F(SqliteTest, EveryFileIsPrivate) {
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  ASSERT_TRUE(IsOk((*store)->Commit(std::vector<core::Mutation>{MakeRequest(1, random_)})));
  ASSERT_TRUE(IsOk((*store)->Backup(folder_.File("backup.db"))));
  for (const char* name :
       {"koeval.db", "koeval.db-wal", "koeval.db-shm", "koeval.db.lock", "backup.db"}) {
    struct stat info {};
    ASSERT_EQ(::stat(folder_.File(name).c_str(), &info), 0) << name;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << name;
  }
}

TEST_F(SqliteTest, SecondOpenerIsRefusedWithFilePidAndRemedy) {
  auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  ExpectRefused(path_, Code::kFailedPrecondition,
                {path_ + ".lock", std::to_string(::getpid()), "stop it"});
  store->reset();
  EXPECT_TRUE(IsOk(OpenSqliteStore(path_)));
}

TEST_F(SqliteTest, RefusedOpenGivesTheLockBack) {
  std::ofstream(path_) << "this is no database, but it is long enough to have a header"
                       << std::endl;
  EXPECT_FALSE(OpenSqliteStore(path_).ok());
  std::filesystem::remove(path_);
  EXPECT_TRUE(IsOk(OpenSqliteStore(path_)));
}

TEST_F(SqliteTest, FolderThatIsNotThereIsNamed) {
  ExpectRefused(folder_.File("none/koeval.db"), Code::kPermissionDenied,
                {folder_.File("none/koeval.db"), "writable"});
}

TEST_F(SqliteTest, FolderThatIsNotWritableIsNamed) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may write everywhere";
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0500), 0);
  ExpectRefused(path_, Code::kPermissionDenied, {path_, "writable"});
  ASSERT_EQ(::chmod(folder_.path().c_str(), 0700), 0);
}

TEST_F(SqliteTest, FolderInPlaceOfTheFileIsRefused) {
  std::filesystem::create_directory(path_);
  ExpectRefused(path_, Code::kPermissionDenied, {path_});
}

TEST_F(SqliteTest, DatabaseOfAnotherProgramIsRefusedAndNotChanged) {
  RunSql(path_, "CREATE TABLE bookmarks (url TEXT)");
  const std::string before = ReadFile(path_).value();
  ExpectRefused(path_, Code::kFailedPrecondition, {path_, "another program", "another path"});
  EXPECT_EQ(ReadFile(path_).value(), before);
}

TEST_F(SqliteTest, EmptiedDatabaseWithALogIsDamaged) {
  {
    const auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(IsOk(store));
    ASSERT_TRUE(IsOk((*store)->Commit(std::vector<core::Mutation>{MakeRequest(1, random_)})));
    std::filesystem::copy_file(path_ + "-wal", folder_.File("wal"));
  }
  std::filesystem::resize_file(path_, 0);
  std::filesystem::copy_file(folder_.File("wal"), path_ + "-wal");
  ExpectRefused(path_, Code::kDataLoss, {path_, "backup"});
  EXPECT_TRUE(std::filesystem::exists(path_ + "-wal"));  // kept for whoever can read it
}

TEST_F(SqliteTest, WriterLeavesOneFileBehindWhenItEnds) {
  {
    const auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(IsOk(store));
    const auto reader = (*store)->OpenReader();
    ASSERT_TRUE(IsOk(reader));
    ASSERT_TRUE(IsOk((*store)->Commit(std::vector<core::Mutation>{MakeRequest(1, random_)})));
    ASSERT_TRUE(IsOk((*reader)->GetRequest({"request-1"})));
  }
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  EXPECT_EQ((*store)->Load()->requests.size(), 1u);
}

TEST_F(SqliteTest, ReaderOfAMissingDatabaseIsRefused) {
  auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  const std::string aside = folder_.File("aside.db");
  std::filesystem::rename(path_, aside);
  EXPECT_FALSE((*store)->OpenReader().ok() &&
               (*store)->OpenReader().value()->GetRequest({"x"}).ok());
  std::filesystem::rename(aside, path_);
}

TEST_F(SqliteTest, BusyDatabaseEndsTheStore) {
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  const auto intruder = Database::Open(path_, SQLITE_OPEN_READWRITE);
  ASSERT_TRUE(IsOk(intruder));
  ASSERT_TRUE(IsOk((*intruder)->Execute("BEGIN IMMEDIATE")));
  const std::vector<core::Mutation> rows = {MakeRequest(1, random_)};
  EXPECT_EQ((*store)->Commit(rows).code(), Code::kUnavailable);
  ASSERT_TRUE(IsOk((*intruder)->Execute("ROLLBACK")));
  const Status after = (*store)->Commit(rows);
  EXPECT_EQ(after.code(), Code::kUnavailable);
  EXPECT_NE(after.message().find("earlier"), std::string::npos);
}

}  // namespace
}  // namespace koeval::store
