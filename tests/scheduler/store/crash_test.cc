// A process that is killed while it commits.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <random>

#include "scheduler/store/sqlite_store.h"
#include "tests/common/temp_folder.h"
#include "tests/scheduler/store/faulty_vfs.h"
#include "tests/scheduler/store/rows.h"
#include "tests/scheduler/store/workload.h"

namespace koeval::store {
namespace {

// A child process that runs `body(acks)` and tells this one about its acknowledged commits.
class Child {
 public:
  template <typename Body>
  explicit Child(const Body& body) {
    int ends[2];
    KOEVAL_CHECK(::pipe(ends) == 0, "pipe");
    pid_ = ::fork();
    KOEVAL_CHECK(pid_ >= 0, "fork");
    if (pid_ == 0) {
      ::close(ends[0]);
      body([&](int64_t i) {
        if (::write(ends[1], &i, sizeof i) != sizeof i) ::_exit(3);
      });
      ::_exit(0);
    }
    ::close(ends[1]);
    acks_ = ends[0];
  }
  ~Child() { ::close(acks_); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // The next acknowledged commit; false when the child has ended.
  bool Next(int64_t* acked) { return ::read(acks_, acked, sizeof *acked) == sizeof *acked; }
  void Kill() { ::kill(pid_, SIGKILL); }
  // Reads the rest of the acknowledgements, and the child's end.
  int Wait(int64_t* acked) {
    int64_t next = 0;
    while (Next(&next)) *acked = next;
    int status = 0;
    KOEVAL_CHECK(::waitpid(pid_, &status, 0) == pid_, "waitpid");
    return status;
  }

 private:
  pid_t pid_ = 0;
  int acks_ = -1;
};

// Every point at which a file changes, one run each.
TEST(CrashTest, KilledBeforeAnyChangeOfAFile) {
  constexpr int64_t kOperationsMax = 5'000;
  for (int64_t n = 1; n <= kOperationsMax; ++n) {
    const TempFolder folder;
    const std::string path = folder.File("k.db");
    int64_t acked = 0;
    Child child([&](const auto& ack) {
      FaultyVfs vfs;
      vfs.CallAt(n, [] { ::raise(SIGKILL); });
      if (!RunWorkload(path, FaultyVfs::kName, ack).ok()) ::_exit(2);
    });
    const int status = child.Wait(&acked);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    ASSERT_TRUE(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << n;
    ExpectWholeCommits(path, acked, acked + 1, "killed at operation " + std::to_string(n));
    ASSERT_FALSE(testing::Test::HasFailure()) << n;
    if (killed) continue;
    EXPECT_EQ(acked, kWorkloadCommits);
    EXPECT_GT(n, 100);
    return;
  }
  FAIL() << "no run without a kill";
}

// The real files and syncs, killed from outside after a seeded number of acknowledgements; the same
// database again and again.
TEST(CrashTest, KilledFromOutsideWhileItCommits) {
  constexpr int kKills = 12;
  const TempFolder folder;
  const std::string path = folder.File("k.db");
  std::mt19937_64 random(99);
  int64_t done = 0;
  for (int kill = 0; kill < kKills; ++kill) {
    const auto acks = static_cast<int64_t>(1 + random() % 40);
    Child child([&](const auto& ack) {
      auto store = OpenSqliteStore(path);
      if (!store.ok()) ::_exit(2);
      for (int64_t i = done + 1;; ++i) {
        if (!(*store)->Commit(CommitOf(i)).ok()) ::_exit(2);
        ack(i);
      }
    });
    int64_t acked = done;
    for (int64_t n = 0; n < acks; ++n) ASSERT_TRUE(child.Next(&acked));
    child.Kill();
    const int status = child.Wait(&acked);
    ASSERT_TRUE(WIFSIGNALED(status)) << "seed 99, kill " << kill;
    EXPECT_GE(acked, done + acks);
    ExpectWholeCommits(path, acked, acked + 1, "seed 99, kill " + std::to_string(kill));
    ASSERT_FALSE(testing::Test::HasFailure());
    // ExpectWholeCommits made one more.
    done = static_cast<int64_t>(
        OpenSqliteStore(path).value()->OpenReader().value()->Events(0, {}, 1'000'000)->size());
  }
}

TEST(CrashTest, LockOfAKilledProcessIsFree) {
  const TempFolder folder;
  const std::string path = folder.File("k.db");
  int64_t acked = 0;
  Child child([&](const auto& ack) {
    const auto store = OpenSqliteStore(path);
    if (!store.ok()) ::_exit(2);
    ack(1);
    while (true) ::pause();
  });
  ASSERT_TRUE(child.Next(&acked));
  EXPECT_EQ(OpenSqliteStore(path).status().code(), Code::kFailedPrecondition);
  child.Kill();
  (void)child.Wait(&acked);
  EXPECT_TRUE(IsOk(OpenSqliteStore(path)));
}

}  // namespace
}  // namespace koeval::store
