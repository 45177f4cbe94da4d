// Commits that can be recognised.
#include "tests/scheduler/store/workload.h"

#include <gtest/gtest.h>

#include "scheduler/store/sqlite_store.h"
#include "tests/scheduler/store/rows.h"

namespace koeval::store {
namespace {

constexpr int64_t kCommitsPerOpening = 4;

core::RequestRow ChangedRequest(int64_t i) {
  std::mt19937_64 random(1);
  core::RequestRow row = MakeRequest(1, random);
  row.updated_seq = i;
  return row;
}

core::RequestRow NewRequest(int64_t i) {
  std::mt19937_64 random(static_cast<uint64_t>(i));
  core::RequestRow row = MakeRequest(i + 1, random);
  row.facts_json = std::string(3'000, static_cast<char>('a' + i % 26));  // more than a page
  return row;
}

}  // namespace

std::vector<core::Mutation> CommitOf(int64_t i) {
  return {MakeEvent(i, {"request-1"}),
          ChangedRequest(i),
          MakeBatch({"request-1"}, 2, i),
          NewRequest(i),
          MakeLease(i, {"request-1"}),
          core::RemoveLease{{i - 1}},
          core::MetaRow{"next_seq", std::to_string(i)}};
}

Status RunWorkload(const std::string& path, const std::string& vfs,
                   const std::function<void(int64_t)>& acked) {
  SqliteOptions options;
  options.vfs = vfs;
  for (int64_t i = 1; i <= kWorkloadCommits;) {
    ASSIGN_OR_RETURN(const auto store, OpenSqliteStore(path, options));
    RETURN_IF_ERROR(store->Load().status());
    for (int64_t n = 0; n < kCommitsPerOpening && i <= kWorkloadCommits; ++n, ++i) {
      RETURN_IF_ERROR(store->Commit(CommitOf(i)));
      acked(i);
    }
  }
  return OkStatus();
}

void ExpectWholeCommits(const std::string& path, int64_t acked, int64_t most,
                        const std::string& what) {
  const auto store = OpenSqliteStore(path);
  ASSERT_TRUE(IsOk(store)) << what;
  const auto loaded = (*store)->Load();
  ASSERT_TRUE(IsOk(loaded)) << what;
  EXPECT_EQ((*store)->quarantined(), 0) << what;
  const auto reader = (*store)->OpenReader();
  ASSERT_TRUE(IsOk(reader)) << what;
  const auto events = (*reader)->Events(0, {}, most + 10);
  ASSERT_TRUE(IsOk(events)) << what;
  const auto k = static_cast<int64_t>(events->size());
  EXPECT_GE(k, acked) << what;
  EXPECT_LE(k, most) << what;
  if (k == 0) {
    EXPECT_TRUE(TextsOf(*loaded).empty()) << what;
    return;
  }
  Snapshot expected;
  expected.requests = {ChangedRequest(k)};
  for (int64_t i = 1; i <= k; ++i) {
    expected.requests.push_back(NewRequest(i));
    expected.batches.push_back({{"request-1"}, 2, i});
    EXPECT_EQ(TextOf((*events)[static_cast<size_t>(i - 1)]), TextOf(MakeEvent(i, {"request-1"})));
  }
  expected.leases = {MakeLease(k, {"request-1"})};
  expected.meta = {{"next_seq", std::to_string(k)}};
  EXPECT_EQ(TextsOf(*loaded), TextsOf(expected)) << what;
  const auto batches = (*reader)->Batches({"request-1"}, 2);
  ASSERT_TRUE(IsOk(batches)) << what;
  EXPECT_EQ(static_cast<int64_t>(batches->size()), k) << what;
  // And it goes on.
  EXPECT_TRUE(IsOk((*store)->Commit(CommitOf(k + 1)))) << what;
}

}  // namespace koeval::store
