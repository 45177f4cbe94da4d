// What a process gives up for the rows in its memory.
#include "common/base/private_memory.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace koeval {
namespace {

// In a child, so that the tests themselves can be looked into.
TEST(PrivateMemory, AProcessWithoutCoreDumpsHasNoLimitForThemAndIsNotDumpable) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ForbidCoreDumps();
    rlimit limit{1, 1};
    ::getrlimit(RLIMIT_CORE, &limit);
    const bool none = limit.rlim_cur == 0 && limit.rlim_max == 0;
#if defined(__SANITIZE_ADDRESS__)
    ::_exit(none ? 0 : 1);
#else
    ::_exit(none && ::prctl(PR_GET_DUMPABLE) == 0 ? 0 : 1);
#endif
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

TEST(PrivateMemory, NothingIsLockedBelowALimit) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const rlimit limit{65'536, 65'536};
    ::setrlimit(RLIMIT_MEMLOCK, &limit);
    ::_exit(LockMemory() ? 1 : 0);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace koeval
