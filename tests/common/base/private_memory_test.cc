// What a process gives up for the rows in its memory.
#include "common/base/private_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"

namespace koeval {
namespace {

// What the kernel says of the mapping that holds `address`: "rd", "lo" (locked) and so on.
std::set<std::string> FlagsOf(const void* address) {
  const auto wanted = reinterpret_cast<uintptr_t>(address);
  std::ifstream in("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string first;
    fields >> first;
    if (const size_t dash = first.find('-'); dash != std::string::npos && !first.ends_with(':')) {
      inside = std::stoull(first.substr(0, dash), nullptr, 16) <= wanted &&
               wanted < std::stoull(first.substr(dash + 1), nullptr, 16);
    } else if (inside && first == "VmFlags:") {
      std::set<std::string> flags;
      for (std::string flag; fields >> flag;) flags.insert(flag);
      return flags;
    }
  }
  return {};
}

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

// Where the limit allows it: what is mapped and touched afterwards is locked, a mapped file is not.
TEST(PrivateMemory, TouchedPagesAreLockedButNotThoseOfMappedFiles) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers turn mlockall into nothing";
#endif
  constexpr int kNotAllowed = 77;
  const TempFolder folder;
  const std::string path = folder.File("weights");
  constexpr size_t kBytes = 1 << 20;
  ASSERT_TRUE(WriteFileAtomically(path, std::string(kBytes, 'w')).ok());
  const pid_t pid = ::fork();
  if (pid == 0) {
    const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
    const bool locked = ::setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0 && LockMemory();
    // A user with CAP_IPC_LOCK alone may not raise the limit, and needs not.
    if (!locked && ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) ::_exit(kNotAllowed);
    const auto mapped = MappedFile::Open(path);
    if (!mapped.ok()) ::_exit(2);
    const std::string touched((*mapped)->bytes());  // read through the map, copied to the heap
    ::_exit(FlagsOf(touched.data()).contains("lo") &&
                    !FlagsOf((*mapped)->bytes().data()).contains("lo")
                ? 0
                : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status)) << status;
  if (WEXITSTATUS(status) == kNotAllowed) {
    GTEST_SKIP() << "the limit of locked memory is not unlimited, and this user may not raise it";
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(PrivateMemory, MemoryMayBeSwappedWhereSwapIsInUseAndNoGroupForbidsIt) {
  const std::string heading = "Filename\tType\tSize\tUsed\tPriority\n";
  const std::string disk = heading + "/dev/sda2 partition 8388604 0 -2\n";
  const std::string zram = heading + "/dev/zram0 partition 4194300 0 100\n";
  EXPECT_FALSE(MayBeSwapped({"", {}})) << "a kernel without swap";
  EXPECT_FALSE(MayBeSwapped({heading, {}}));
  EXPECT_FALSE(MayBeSwapped({heading, {"max\n"}}));
  EXPECT_TRUE(MayBeSwapped({disk, {}})) << "no group is known to forbid it";
  EXPECT_TRUE(MayBeSwapped({zram, {"max\n", "max\n"}}));
  EXPECT_TRUE(MayBeSwapped({disk, {"1048576\n"}})) << "some is allowed";
  EXPECT_FALSE(MayBeSwapped({disk, {"0\n"}}));
  EXPECT_FALSE(MayBeSwapped({disk, {"max\n", "0\n"}})) << "a group above forbids it";
}

TEST(PrivateMemory, TheFactsOfThisMachineCanBeRead) {
  const SwapFacts facts = ReadSwapFacts();
  EXPECT_TRUE(facts.swaps.empty() || facts.swaps.starts_with("Filename")) << facts.swaps;
  for (const std::string& maximum : facts.maxima) {
    EXPECT_TRUE(maximum == "max\n" ||
                maximum.find_first_not_of("0123456789\n") == std::string::npos)
        << maximum;
  }
}

}  // namespace
}  // namespace koeval
