// Schema versions: fixtures of old ones, upgrades, and newer ones refused.
#include "scheduler/store/schema.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "scheduler/store/sqlite_store.h"
#include "tests/common/temp_folder.h"
#include "tests/scheduler/store/fixture_rows.h"
#include "tests/scheduler/store/raw_sql.h"
#include "tests/scheduler/store/rows.h"

namespace koeval::store {
namespace {

const std::vector<RequestId> kIds = {{"request-1"}, {"request-2"}, {"request-3"}, {"request-4"}};

const std::string kNewest = std::to_string(Migrations().size());
const std::string kNext = std::to_string(Migrations().size() + 1);

// All versions that there are, and then `more`.
std::vector<Migration> MigrationsAnd(std::vector<Migration> more) {
  std::vector<Migration> out(Migrations().begin(), Migrations().end());
  out.insert(out.end(), more.begin(), more.end());
  return out;
}

class SchemaTest : public testing::Test {
 protected:
  // What a store holds after FixtureRows().
  void Remember(JobStore& store) {
    loaded_ = TextsOf(store.Load().value());
    seen_ = TextsOf(*store.OpenReader().value(), kIds);
  }
  void ExpectRemembered(JobStore& store) {
    EXPECT_EQ(TextsOf(store.Load().value()), loaded_);
    EXPECT_EQ(TextsOf(*store.OpenReader().value(), kIds), seen_);
    EXPECT_EQ(store.quarantined(), 0);
  }
  void MakeCurrent() {
    const auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(IsOk(store));
    ASSERT_TRUE(IsOk((*store)->Commit(FixtureRows())));
    Remember(**store);
  }

  TempFolder folder_;
  const std::string path_ = folder_.File("koeval.db");
  std::vector<std::string> loaded_, seen_;
};

TEST_F(SchemaTest, FixtureOfEveryVersionOpensWithAllItsRows) {
  const char* source = std::getenv("KOEVAL_SOURCE_DIR");
  ASSERT_NE(source, nullptr) << "KOEVAL_SOURCE_DIR names the source tree";
  MakeCurrent();
  for (size_t version = 1; version <= Migrations().size(); ++version) {
    const std::string name = "v" + std::to_string(version) + ".db";
    std::filesystem::copy_file(std::string(source) + "/tests/scheduler/store/fixtures/" + name,
                               folder_.File(name));
    EXPECT_EQ(AskSql(folder_.File(name), "PRAGMA user_version"), std::to_string(version));
    const auto store = OpenSqliteStore(folder_.File(name));
    ASSERT_TRUE(IsOk(store));
    ExpectRemembered(**store);
    EXPECT_TRUE(IsOk((*store)->Commit(std::vector<core::Mutation>{MakeEvent(100, kIds[0])})));
  }
}

TEST_F(SchemaTest, NewerVersionIsRefusedWithTheRemedy) {
  MakeCurrent();
  RunSql(path_, "PRAGMA user_version = " + kNext);
  const auto store = OpenSqliteStore(path_);
  EXPECT_EQ(store.status().code(), Code::kFailedPrecondition);
  for (const std::string& word :
       {"version " + kNext, std::string("newer"), std::string("backup")}) {
    EXPECT_NE(store.status().message().find(word), std::string::npos);
  }
  RunSql(path_, "PRAGMA user_version = " + kNewest);
  ExpectRemembered(*OpenSqliteStore(path_).value());
}

TEST_F(SchemaTest, ImpossibleVersionIsDamage) {
  MakeCurrent();
  RunSql(path_, "PRAGMA user_version = -3");
  EXPECT_EQ(OpenSqliteStore(path_).status().code(), Code::kDataLoss);
}

TEST_F(SchemaTest, ARequestWithChatOptionsComesBackAndOthersHaveNone) {
  std::mt19937_64 random(2);
  core::RequestRow row = MakeRequest(1, random);
  row.spec.chat = R"({"chat_template":"","fewshot_as_multiturn":true,"system_instruction":"한"})";
  core::RequestRow plain = MakeRequest(2, random);
  {
    const auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(IsOk(store));
    ASSERT_TRUE(IsOk((*store)->Commit(std::vector<core::Mutation>{row, plain})));
  }
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  const auto snapshot = (*store)->Load();
  ASSERT_TRUE(IsOk(snapshot));
  ASSERT_EQ(snapshot->requests.size(), 2u);
  EXPECT_EQ(snapshot->requests[0].spec.chat, row.spec.chat);
  EXPECT_EQ(snapshot->requests[1].spec.chat, "");
}

constexpr Migration kAddColumn =
    "ALTER TABLE requests ADD COLUMN note TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT;";

TEST_F(SchemaTest, UpgradeKeepsEveryRow) {
  MakeCurrent();
  const std::vector<Migration> migrations = MigrationsAnd({kAddColumn});
  {
    const auto store = OpenSqliteStore(path_, {.vfs = "", .migrations = migrations});
    ASSERT_TRUE(IsOk(store));
    ExpectRemembered(**store);  // the new column changes no checksum
  }
  EXPECT_EQ(AskSql(path_, "PRAGMA user_version"), kNext);
  // The older program, which knows the version before at most, keeps its hands off.
  EXPECT_EQ(OpenSqliteStore(path_).status().code(), Code::kFailedPrecondition);
  const auto again = OpenSqliteStore(path_, {.vfs = "", .migrations = migrations});
  ASSERT_TRUE(IsOk(again));
  ExpectRemembered(**again);
}

TEST_F(SchemaTest, NewDatabaseGoesThroughEveryVersion) {
  const std::vector<Migration> migrations = MigrationsAnd({kAddColumn});
  ASSERT_TRUE(IsOk(OpenSqliteStore(path_, {.vfs = "", .migrations = migrations})));
  EXPECT_EQ(AskSql(path_, "PRAGMA user_version"), kNext);
  EXPECT_EQ(AskSql(path_, "SELECT count(note) FROM requests"), "0");
}

TEST_F(SchemaTest, UpgradeThatFailsLeavesTheOldVersionWhole) {
  MakeCurrent();
  const std::vector<Migration> migrations =
      MigrationsAnd({kAddColumn, "CREATE TABLE requests (already_there TEXT);"});
  EXPECT_FALSE(OpenSqliteStore(path_, {.vfs = "", .migrations = migrations}).ok());
  EXPECT_EQ(AskSql(path_, "PRAGMA user_version"), kNewest);
  EXPECT_EQ(AskSql(path_, "SELECT count(*) FROM sqlite_schema WHERE name = 'extra'"), "0");
  ExpectRemembered(*OpenSqliteStore(path_).value());
}

}  // namespace
}  // namespace koeval::store
