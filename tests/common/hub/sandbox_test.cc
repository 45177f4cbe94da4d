// What koeval-check can no longer do once it gave it up; in a process of its own.
#include "common/hub/sandbox.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace koeval::hub {
namespace {

// Exit status 0 when everything is as the header says.
[[noreturn]] void TryAll() {
  if (!GiveUpNetworkAndPrograms()) ::_exit(77);
  if (::socket(AF_INET, SOCK_STREAM, 0) != -1 || errno != EPERM) ::_exit(1);
  char program[] = "/bin/true";
  char* const argv[] = {program, nullptr};
  if (::execv(program, argv) != -1 || errno != EPERM) ::_exit(2);
  std::FILE* file = std::fopen("/proc/self/status", "r");
  if (file == nullptr || std::fgetc(file) == EOF) ::_exit(3);
  ::_exit(0);
}

TEST(SandboxDeathTest, SocketsAndProgramsAreRefusedAndFilesAreRead) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto ended_well = [](int status) {
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return code == 0 || code == 77;  // 77: a machine without filters
  };
  EXPECT_EXIT(TryAll(), ended_well, testing::_);
}

}  // namespace
}  // namespace koeval::hub
