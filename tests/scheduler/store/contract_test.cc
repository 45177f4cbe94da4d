// Commits, loads and backups of every JobStore.
#include "tests/scheduler/store/contract.h"

#include <atomic>
#include <cmath>
#include <thread>

namespace koeval::store {
namespace {

INSTANTIATE_TEST_SUITE_P(All, StoreContract, testing::ValuesIn(Backends()), BackendName);

TEST_P(StoreContract, NewStoreIsEmpty) {
  EXPECT_TRUE(Loaded().empty());
  EXPECT_TRUE(TextsOf(*reader_, {}).empty());
  EXPECT_EQ(store_->quarantined(), 0);
}

TEST_P(StoreContract, LoadGivesWhatWasCommitted) {
  const core::RequestRow first = MakeRequest(1, random_);
  core::RequestRow second = MakeRequest(2, random_);
  second.plan.reset();
  second.spec.limit.reset();
  core::AttemptRow open = MakeAttempt(first.id, 2, 3);
  open.ending = "";
  const core::LeaseRow lease = MakeLease(41, first.id);
  ASSERT_TRUE(IsOk(Commit({second, first, open, MakeAttempt(first.id, 2, 2), lease,
                           MakeBatch(first.id, 2, 1), MakeBatch(first.id, 2, 0),
                           core::MetaRow{"next_lease", "42"}, core::MetaRow{"a", "b"}})));
  const auto snapshot = store_->Load();
  ASSERT_TRUE(IsOk(snapshot));
  EXPECT_EQ(TextsOf(snapshot->requests), TextsOf(std::vector{first, second}));
  EXPECT_EQ(TextsOf(snapshot->open_attempts), TextsOf(std::vector{open}));
  EXPECT_EQ(TextsOf(snapshot->leases), TextsOf(std::vector{lease}));
  EXPECT_EQ(TextsOf(snapshot->meta),
            TextsOf(std::vector<core::MetaRow>{{"a", "b"}, {"next_lease", "42"}}));
  EXPECT_EQ(TextsOf(snapshot->batches),
            TextsOf(std::vector<Snapshot::StoredBatch>{{first.id, 2, 0}, {first.id, 2, 1}}));
}

TEST_P(StoreContract, LoadLeavesOutBatchesOfDoneRequestsAndEarlierRounds) {
  core::RequestRow done = MakeRequest(1, random_);
  done.state = core::RequestState::kFailed;
  done.phase = core::Phase::kDone;
  const core::RequestRow live = MakeRequest(2, random_);
  ASSERT_TRUE(IsOk(Commit(
      {done, live, MakeBatch(done.id, 2, 0), MakeBatch(live.id, 1, 0), MakeBatch(live.id, 2, 5)})));
  const auto snapshot = store_->Load();
  ASSERT_TRUE(IsOk(snapshot));
  EXPECT_EQ(snapshot->requests.size(), 2u);
  EXPECT_EQ(TextsOf(snapshot->batches),
            TextsOf(std::vector<Snapshot::StoredBatch>{{live.id, 2, 5}}));
}

TEST_P(StoreContract, RowsThatChangeAreReplaced) {
  core::RequestRow row = MakeRequest(1, random_);
  core::AttemptRow attempt = MakeAttempt(row.id, 1, 1);
  attempt.ending = "";
  core::LeaseRow lease = MakeLease(1, row.id);
  ASSERT_TRUE(IsOk(
      Commit({row, attempt, lease, MakeScore(row.id, 2, 0.25), core::MetaRow{"paused", "1"}})));
  row.state = core::RequestState::kPending;
  row.phase = core::Phase::kQueued;
  row.reason = "";
  row.plan.reset();
  attempt.ending = "WORKER_LOST";
  lease.begin += 1;
  ASSERT_TRUE(IsOk(
      Commit({row, attempt, lease, MakeScore(row.id, 2, 0.75), core::MetaRow{"paused", "2"}})));
  const auto snapshot = store_->Load();
  ASSERT_TRUE(IsOk(snapshot));
  EXPECT_EQ(TextsOf(snapshot->requests), TextsOf(std::vector{row}));
  EXPECT_TRUE(snapshot->open_attempts.empty());
  EXPECT_EQ(TextsOf(snapshot->leases), TextsOf(std::vector{lease}));
  EXPECT_EQ(TextsOf(snapshot->meta), TextsOf(std::vector<core::MetaRow>{{"paused", "2"}}));
  EXPECT_EQ(reader_->Score(row.id, 2).value()->average, 0.75);
}

TEST_P(StoreContract, RemovedRowsAreGone) {
  const core::RequestRow row = MakeRequest(1, random_);
  ASSERT_TRUE(IsOk(
      Commit({row, MakeLease(1, row.id), MakeLease(2, row.id), core::MetaRow{"paused", "1"}})));
  ASSERT_TRUE(IsOk(Commit({core::RemoveLease{{1}}, core::MetaRow{"paused", ""}})));
  const auto snapshot = store_->Load();
  ASSERT_TRUE(IsOk(snapshot));
  EXPECT_EQ(TextsOf(snapshot->leases), TextsOf(std::vector{MakeLease(2, row.id)}));
  EXPECT_TRUE(snapshot->meta.empty());
}

TEST_P(StoreContract, MutationsApplyInOrder) {
  const core::RequestRow row = MakeRequest(1, random_);
  ASSERT_TRUE(
      IsOk(Commit({row, core::MetaRow{"a", "1"}, core::MetaRow{"a", ""}, core::MetaRow{"b", ""},
                   core::MetaRow{"b", "2"}, MakeLease(1, row.id), core::RemoveLease{{1}}})));
  const auto snapshot = store_->Load();
  ASSERT_TRUE(IsOk(snapshot));
  EXPECT_TRUE(snapshot->leases.empty());
  EXPECT_EQ(TextsOf(snapshot->meta), TextsOf(std::vector<core::MetaRow>{{"b", "2"}}));
}

// What a store refuses, together with rows before and after it that must not stay.
class RefusedCommit : public StoreContract {
 protected:
  void ExpectRefused(const core::Mutation& refused) {
    const core::RequestRow stored = MakeRequest(1, random_);
    ASSERT_TRUE(IsOk(Commit({stored, MakeBatch(stored.id, 1, 7), MakeEvent(1, stored.id)})));
    const std::vector<std::string> loaded = Loaded();
    const std::vector<RequestId> ids = {{"request-1"}, {"request-2"}, {"other"}};
    const std::vector<std::string> seen = TextsOf(*reader_, ids);
    core::RequestRow changed = stored;
    changed.reason = "changed";
    const core::RequestRow added = MakeRequest(2, random_);
    const Status status =
        Commit({changed, added, MakeBatch(added.id, 1, 0), MakeEvent(2, added.id),
                core::MetaRow{"paused", "1"}, MakeAudit("x"), MakeLease(9, added.id), refused,
                MakeBatch(added.id, 1, 1), MakeAttempt(added.id, 1, 1)});
    EXPECT_EQ(status.code(), Code::kAlreadyExists) << status.ToString();
    EXPECT_EQ(Loaded(), loaded);
    EXPECT_EQ(TextsOf(*reader_, ids), seen);
    // A refusal is no failure: the next commit works.
    EXPECT_TRUE(IsOk(Commit({added, MakeEvent(2, added.id)})));
  }
};
INSTANTIATE_TEST_SUITE_P(All, RefusedCommit, testing::ValuesIn(Backends()), BackendName);

TEST_P(RefusedCommit, StoredBatchIsRefusedWhole) {
  ExpectRefused(MakeBatch({"request-1"}, 1, 7));
}
TEST_P(RefusedCommit, BatchTwiceInOneCommitIsRefusedWhole) {
  ExpectRefused(MakeBatch({"request-2"}, 1, 0));
}
TEST_P(RefusedCommit, StoredEventIsRefusedWhole) {
  ExpectRefused(MakeEvent(1, {"other"}));
}
TEST_P(RefusedCommit, EventTwiceInOneCommitIsRefusedWhole) {
  ExpectRefused(MakeEvent(2, {"other"}));
}
TEST_P(RefusedCommit, RequestNumberOfAnotherIdIsRefusedWhole) {
  core::RequestRow other = MakeRequest(1, random_);
  other.id = {"other"};
  ExpectRefused(other);
}
TEST_P(RefusedCommit, RequestIdOfAnotherNumberIsRefusedWhole) {
  core::RequestRow other = MakeRequest(3, random_);
  other.id = {"request-1"};
  ExpectRefused(other);
}
TEST_P(RefusedCommit, RequestNumberTwiceInOneCommitIsRefusedWhole) {
  core::RequestRow other = MakeRequest(2, random_);
  other.id = {"other"};
  ExpectRefused(other);
}

TEST_P(StoreContract, EmptyCommitIsFine) {
  EXPECT_TRUE(IsOk(Commit({})));
}

TEST_P(StoreContract, LargeCommitIsWhole) {
  constexpr int64_t kBatches = 5'000;
  const core::RequestRow row = MakeRequest(1, random_);
  std::vector<core::Mutation> mutations = {row};
  for (int64_t i = 0; i < kBatches; ++i) mutations.emplace_back(MakeBatch(row.id, 2, i));
  ASSERT_TRUE(IsOk(Commit(std::move(mutations))));
  EXPECT_EQ(store_->Load()->batches.size(), static_cast<size_t>(kBatches));
  EXPECT_EQ(reader_->Batches(row.id, 2)->size(), static_cast<size_t>(kBatches));
}

// One writer keeps two rows equal in every commit; readers must never see them differ.
TEST_P(StoreContract, ReadersSeeCommittedStatesWhileTheWriterWorks) {
  constexpr int64_t kCommits = 300;
  constexpr int kReaders = 3;
  core::RequestRow row = MakeRequest(1, random_);
  row.updated_seq = 0;
  ASSERT_TRUE(IsOk(Commit({row, MakeBatch(row.id, 2, 0), MakeEvent(1, row.id)})));
  std::atomic<bool> done = false;
  std::atomic<int64_t> wrong = 0;
  std::atomic<int64_t> reads = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&, reader = store_->OpenReader().value()] {
      int64_t last = 0;
      while (!done) {
        const auto events = reader->Events(0, row.id, kCommits + 2);
        const auto batches = reader->Batches(row.id, 2);
        const auto request = reader->GetRequest(row.id);
        // Read in the order of their growth: a later read can only see more.
        const bool ok = events.ok() && batches.ok() && request.ok() &&
                        events->size() <= batches->size() &&
                        static_cast<int64_t>(batches->size()) <= request->updated_seq + 1 &&
                        request->updated_seq >= last;
        if (!ok) ++wrong;
        if (request.ok()) last = request->updated_seq;
        ++reads;
      }
    });
  }
  for (int64_t i = 1; i <= kCommits; ++i) {
    row.updated_seq = i;
    EXPECT_TRUE(IsOk(Commit({MakeEvent(i + 1, row.id), MakeBatch(row.id, 2, i), row})));
  }
  done = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_EQ(reader_->Batches(row.id, 2)->size(), static_cast<size_t>(kCommits + 1));
}

TEST_P(StoreContract, ReaderOutlivesTheStore) {
  const core::RequestRow row = MakeRequest(1, random_);
  ASSERT_TRUE(IsOk(Commit({row})));
  store_.reset();
  const auto found = reader_->GetRequest(row.id);
  ASSERT_TRUE(IsOk(found));
  EXPECT_EQ(TextOf(*found), TextOf(row));
}

TEST_P(StoreContract, BackupOpensAndEquals) {
  std::vector<core::Mutation> mutations;
  std::vector<RequestId> ids;
  for (int64_t number = 1; number <= 30; ++number) {
    const core::RequestRow row = MakeRequest(number, random_);
    ids.push_back(row.id);
    mutations.insert(mutations.end(),
                     {row, MakeAttempt(row.id, 1, 1), MakeLease(number, row.id),
                      MakeBatch(row.id, 1, 0), MakeBatch(row.id, 2, 0), MakeScore(row.id, 1, 0.5),
                      MakeEvent(number, row.id), MakeAudit(row.id.text)});
  }
  mutations.emplace_back(core::MetaRow{"next_lease", "31"});
  mutations.emplace_back(MakeModel("org/a"));
  mutations.emplace_back(MakeFlag("org/a", 5));
  mutations.emplace_back(MakeImport("requests", "org/a.json"));
  mutations.emplace_back(core::ImportTextRow{"requests", "org/a.json", "{ }\n"});
  ASSERT_TRUE(IsOk(Commit(std::move(mutations))));
  const std::string path = folder_.File("backup.db");
  ASSERT_TRUE(IsOk(store_->Backup(path)));
  // The backup is of its moment.
  ASSERT_TRUE(IsOk(Commit({MakeEvent(31, ids[0])})));
  const auto copy = OpenSqliteStore(path);
  ASSERT_TRUE(IsOk(copy));
  EXPECT_EQ(TextsOf((*copy)->Load().value()), Loaded());
  ASSERT_TRUE(IsOk((*copy)->Commit(std::vector<core::Mutation>{MakeEvent(31, ids[0])})));
  EXPECT_EQ(TextsOf(*(*copy)->OpenReader().value(), ids), TextsOf(*reader_, ids));
}

TEST_P(StoreContract, BackupNeverOverwrites) {
  const std::string path = folder_.File("backup.db");
  ASSERT_TRUE(IsOk(store_->Backup(path)));
  const Status again = store_->Backup(path);
  EXPECT_EQ(again.code(), Code::kAlreadyExists);
  EXPECT_NE(again.message().find(path), std::string::npos);
  EXPECT_EQ(store_->Backup(folder_.File("no/folder/b.db")).code(), Code::kPermissionDenied);
}

}  // namespace
}  // namespace koeval::store
