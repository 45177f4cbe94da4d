// Rows that cannot be read are moved aside; values whose loss would be dangerous are not.
#include <gtest/gtest.h>

#include "scheduler/store/sqlite_load.h"
#include "tests/common/temp_folder.h"
#include "tests/scheduler/store/raw_sql.h"
#include "tests/scheduler/store/rows.h"

namespace koeval::store {
namespace {

class QuarantineTest : public testing::Test {
 protected:
  // Two running requests, each with all that belongs to one.
  void SetUp() override {
    const auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(IsOk(store));
    for (int64_t number = 1; number <= 2; ++number) {
      const core::RequestRow row = MakeRequest(number, random_);
      core::AttemptRow open = MakeAttempt(row.id, 2, 3);
      open.ending = "";
      ASSERT_TRUE(IsOk((*store)->Commit(std::vector<core::Mutation>{
          row, open, MakeAttempt(row.id, 1, 1), MakeLease(number, row.id), MakeBatch(row.id, 2, 0),
          MakeBatch(row.id, 2, 1), MakeScore(row.id, 1, 0.5), MakeEvent(number, row.id),
          core::MetaRow{"active:" + row.id.text, "5"}, core::MetaRow{"class:" + row.id.text, "cpu"},
          core::MetaRow{"faults:" + row.id.text + ":2:0", "node-1"}})));
    }
    ASSERT_TRUE(IsOk((*store)->Commit(std::vector<core::Mutation>{
        core::MetaRow{"next_lease", "3"}, core::MetaRow{"drained:node-1", "fan"}})));
    Snapshot whole = (*store)->Load().value();
    for (const core::RequestRow& row : whole.requests) rows_.push_back(row);
    first_only_ = First(whole);
  }

  // The part of a snapshot that does not belong to request-2.
  static Snapshot First(Snapshot all) {
    const auto second = [](const auto& row) { return row.request.text == "request-2"; };
    std::erase_if(all.requests, [](const auto& row) { return row.id.text == "request-2"; });
    std::erase_if(all.leases, second);
    std::erase_if(all.open_attempts, second);
    std::erase_if(all.batches, second);
    std::erase_if(all.meta, [](const core::MetaRow& row) {
      return row.key.find("request-2") != std::string::npos;
    });
    return all;
  }

  // After `damage`, the scheduler starts with request-1 alone, and request-2 can come back.
  void ExpectSecondRequestMovedAside(const std::string& damage) {
    RunSql(path_, damage);
    for (int opening = 0; opening < 2; ++opening) {
      const auto store = OpenSqliteStore(path_);
      ASSERT_TRUE(IsOk(store));
      const auto loaded = (*store)->Load();
      ASSERT_TRUE(IsOk(loaded));
      EXPECT_EQ(TextsOf(*loaded), TextsOf(first_only_)) << damage;
      // The request, 2 attempts, a lease, 2 batches, a score, 3 named values.
      EXPECT_EQ((*store)->quarantined(), 10);
      const auto reader = (*store)->OpenReader().value();
      EXPECT_EQ(reader->ListRequests({}, {}).value().size(), 1u);
      EXPECT_EQ(reader->Events(0, {"request-2"}, 10).value().size(), 1u);  // what was, was
    }
    const auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(IsOk(store));
    EXPECT_TRUE(IsOk((*store)->Commit(std::vector<core::Mutation>{
        rows_[1], MakeBatch(rows_[1].id, 2, 0), MakeLease(2, rows_[1].id)})));
    EXPECT_EQ(AskSql(path_, "SELECT count(*) FROM quarantine WHERE reason = ''"), "0");
  }

  TempFolder folder_;
  const std::string path_ = folder_.File("koeval.db");
  std::mt19937_64 random_{3};
  std::vector<core::RequestRow> rows_;
  Snapshot first_only_;
};

TEST_F(QuarantineTest, RequestOfUnknownState) {
  ExpectSecondRequestMovedAside("UPDATE requests SET state = 'WAITING' WHERE number = 2");
}
TEST_F(QuarantineTest, RequestWhosePlanIsNoJson) {
  ExpectSecondRequestMovedAside("UPDATE requests SET plan = '{' WHERE number = 2");
}
TEST_F(QuarantineTest, RequestWhosePlanLacksAField) {
  ExpectSecondRequestMovedAside("UPDATE requests SET plan = '{\"digest\":\"d\"}' WHERE number = 2");
}
TEST_F(QuarantineTest, RequestWithAChangedText) {
  ExpectSecondRequestMovedAside("UPDATE requests SET model = model || 'x' WHERE number = 2");
}
TEST_F(QuarantineTest, RequestWithAChangedNumber) {
  ExpectSecondRequestMovedAside("UPDATE requests SET priority = priority + 1 WHERE number = 2");
}
TEST_F(QuarantineTest, RequestWithALostValue) {
  ExpectSecondRequestMovedAside("UPDATE requests SET sample_limit = NULL WHERE number = 2");
}
TEST_F(QuarantineTest, RequestWithAnotherId) {
  ExpectSecondRequestMovedAside("UPDATE requests SET id = 'request-3' WHERE number = 2");
}

TEST_F(QuarantineTest, LeaseAloneIsMovedAside) {
  RunSql(path_, "UPDATE leases SET end_batch = 1000000 WHERE id = 2");
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  const auto loaded = (*store)->Load();
  ASSERT_TRUE(IsOk(loaded));
  EXPECT_EQ(TextsOf(loaded->leases), TextsOf(first_only_.leases));
  EXPECT_EQ(loaded->requests.size(), 2u);
  EXPECT_EQ(loaded->open_attempts.size(), 2u);
  EXPECT_EQ((*store)->quarantined(), 1);
}

TEST_F(QuarantineTest, OpenAttemptAloneIsMovedAside) {
  RunSql(path_,
         "UPDATE attempts SET worker = 'x''\" y' WHERE request = 'request-2' AND ending = ''");
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  const auto loaded = (*store)->Load();
  ASSERT_TRUE(IsOk(loaded));
  EXPECT_EQ(TextsOf(loaded->open_attempts), TextsOf(first_only_.open_attempts));
  EXPECT_EQ((*store)->quarantined(), 1);
}

TEST_F(QuarantineTest, MovedRowIsKeptAsText) {
  RunSql(path_, "UPDATE leases SET worker = 'it''s me' WHERE id = 2");
  ASSERT_TRUE(IsOk(OpenSqliteStore(path_).value()->Load()));
  EXPECT_EQ(AskSql(path_, "SELECT source FROM quarantine"), "leases");
  EXPECT_EQ(AskSql(path_, "SELECT reason FROM quarantine"), "the checksum differs");
  EXPECT_TRUE(AskSql(path_, "SELECT row FROM quarantine")
                  .starts_with("2, 'request-2', 2, 3, "
                               "'it''s me', 1, 20, 28, "));
}

TEST_F(QuarantineTest, NamedValueIsDamageAndNothingIsMoved) {
  RunSql(path_, "UPDATE meta SET value = '1' WHERE key = 'next_lease'");
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  const auto loaded = (*store)->Load();
  EXPECT_EQ(loaded.status().code(), Code::kDataLoss);
  EXPECT_NE(loaded.status().message().find("backup"), std::string::npos);
  EXPECT_EQ(AskSql(path_, "SELECT count(*) FROM quarantine"), "0");
}

TEST_F(QuarantineTest, TooManyRowsAreDamageAndNothingIsMoved) {
  {
    const auto store = OpenSqliteStore(path_);
    ASSERT_TRUE(IsOk(store));
    std::vector<core::Mutation> rows;
    for (int64_t number = 3; number < 5 + kQuarantinedMax; ++number) {
      rows.emplace_back(MakeRequest(number, random_));
    }
    ASSERT_TRUE(IsOk((*store)->Commit(rows)));
  }
  RunSql(path_, "UPDATE requests SET round = round + 1");
  const auto loaded = OpenSqliteStore(path_).value()->Load();
  EXPECT_EQ(loaded.status().code(), Code::kDataLoss);
  EXPECT_EQ(AskSql(path_, "SELECT count(*) FROM quarantine"), "0");
}

TEST_F(QuarantineTest, ChangedResultsAreNeverGivenToScoring) {
  RunSql(path_,
         "UPDATE batches SET results = replace(results, '-1.25', '-1.24') WHERE batch = 1;"
         "UPDATE scores SET average = 0.75;"
         "UPDATE events SET text = 'x' WHERE seq = 1");
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  const auto reader = (*store)->OpenReader().value();
  const auto batches = reader->Batches({"request-1"}, 2);
  EXPECT_EQ(batches.status().code(), Code::kDataLoss);
  EXPECT_NE(batches.status().message().find(path_), std::string::npos);
  EXPECT_EQ(reader->Score({"request-1"}, 1).status().code(), Code::kDataLoss);
  EXPECT_EQ(reader->Events(0, {}, 10).status().code(), Code::kDataLoss);
  EXPECT_TRUE(IsOk(reader->Events(1, {}, 10)));
}

TEST_F(QuarantineTest, ReaderNamesARequestThatIsDamagedWhileInUse) {
  const auto store = OpenSqliteStore(path_);
  ASSERT_TRUE(IsOk(store));
  const auto reader = (*store)->OpenReader().value();
  RunSql(path_, "UPDATE requests SET phase = 'dreaming' WHERE number = 2");
  EXPECT_TRUE(IsOk(reader->GetRequest({"request-1"})));
  const auto damaged = reader->GetRequest({"request-2"});
  EXPECT_EQ(damaged.status().code(), Code::kDataLoss);
  EXPECT_NE(damaged.status().message().find("phase"), std::string::npos);
}

}  // namespace
}  // namespace koeval::store
