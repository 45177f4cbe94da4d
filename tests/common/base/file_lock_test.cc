// Locks by flock: who excludes whom, and until when.
#include "common/base/file_lock.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <thread>
#include <utility>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval {
namespace {

using Mode = FileLock::Mode;

class FileLockTest : public testing::Test {
 protected:
  bool CanHave(Mode mode) {
    const auto lock = FileLock::Try(path_, mode);
    EXPECT_TRUE(lock.ok()) << lock.status().ToString();
    return lock.ok() && *lock != nullptr;
  }

  const TempFolder folder_;
  const std::string path_ = folder_.File("lock");
};

TEST_F(FileLockTest, ExclusiveExcludesAllAndSharedExcludesExclusive) {
  {
    const auto held = FileLock::Try(path_, Mode::kExclusive, 0600);
    ASSERT_TRUE(held.ok() && *held != nullptr);
    EXPECT_FALSE(CanHave(Mode::kExclusive));
    EXPECT_FALSE(CanHave(Mode::kShared));
    struct stat info {};
    ASSERT_EQ(::stat(path_.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0600u);
  }
  {
    const auto held = FileLock::Try(path_, Mode::kShared);
    ASSERT_TRUE(held.ok() && *held != nullptr);
    EXPECT_TRUE(CanHave(Mode::kShared));
    EXPECT_FALSE(CanHave(Mode::kExclusive));
  }
  EXPECT_TRUE(CanHave(Mode::kExclusive));
}

TEST_F(FileLockTest, GoesWithItsProcessHoweverThatEnds) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    const auto held = FileLock::Try(path_, Mode::kExclusive);
    const char has = held.ok() && *held != nullptr ? 'y' : 'n';
    if (::write(ends[1], &has, 1) == 1) ::pause();
    ::_exit(1);
  }
  char has = 'n';
  ASSERT_EQ(::read(ends[0], &has, 1), 1);
  EXPECT_EQ(has, 'y');
  EXPECT_FALSE(CanHave(Mode::kExclusive));
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_EQ(::waitpid(pid, nullptr, 0), pid);
  EXPECT_TRUE(CanHave(Mode::kExclusive));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(FileLockTest, AWaitEndsWithTheLockOrWhenItIsGivenUp) {
  auto held = FileLock::Try(path_, Mode::kExclusive);
  ASSERT_TRUE(held.ok() && *held != nullptr);
  Cancel cancel;
  cancel.Ask();
  EXPECT_EQ(FileLock::Take(path_, Mode::kShared, cancel).status().code(), Code::kCancelled);
  const Cancel never;
  Status waited = Internal("not taken");
  std::thread waiter([&] { waited = FileLock::Take(path_, Mode::kShared, never).status(); });
  held->reset();
  waiter.join();
  EXPECT_TRUE(waited.ok()) << waited.ToString();
}

TEST_F(FileLockTest, AFileThatIsThereIsLockedWithoutWritingIt) {
  const Cancel never;
  EXPECT_EQ(FileLock::TakeThere(path_, never).status().code(), Code::kNotFound);
  ASSERT_TRUE(WriteFileAtomically(path_, "as it is", 0400).ok());
  const auto held = FileLock::TakeThere(path_, never);
  ASSERT_TRUE(held.ok() && *held != nullptr);
  EXPECT_EQ(ReadFile(path_).value(), "as it is");
  const auto other = FileLock::TakeThere(path_, never);
  EXPECT_TRUE(other.ok()) << "both share it";
}

TEST_F(FileLockTest, HoldsTheTextThatWasWrittenLast) {
  const auto held = FileLock::Try(path_, Mode::kExclusive);
  ASSERT_TRUE(held.ok() && *held != nullptr);
  ASSERT_TRUE((*held)->Write("123456").ok());
  ASSERT_TRUE((*held)->Write("789").ok());
  EXPECT_EQ(ReadFile(path_).value(), "789");
}

TEST_F(FileLockTest, AFolderThatIsNotThereIsNamed) {
  const std::string path = folder_.File("none/lock");
  const Status status = FileLock::Try(path, Mode::kShared).status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_NE(status.message().find(path), std::string::npos);
}

}  // namespace
}  // namespace koeval
