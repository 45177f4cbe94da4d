// Limits and flags of the process, and what the kernel says about swap.
#include "common/base/private_memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "common/base/sanitizer.h"

namespace koeval {
namespace {

namespace fs = std::filesystem;

// Files of /proc and /sys have no size to go by.
std::optional<std::string> ReadKernelFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// The path of this process's control group below the mount, "/" for the topmost: the line "0::/..."
// of /proc/self/cgroup.
std::optional<fs::path> OwnGroup() {
  std::ifstream in("/proc/self/cgroup");
  const std::string prefix = "0::/";
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(prefix)) return fs::path(line.substr(prefix.size() - 1));
  }
  return std::nullopt;
}

}  // namespace

void ForbidCoreDumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // A core handler behind a pipe is run whatever the limit says; not for such a process.
  // The check for leaks at the end of a sanitized program attaches to it, as a debugger does.
  if (!kHasAddressSanitizer) ::prctl(PR_SET_DUMPABLE, 0);
}

bool LockMemory() {
  rlimit limit{};
  // Below a limit, allocations would begin to fail once it is reached.
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) return false;
  return ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

SwapFacts ReadSwapFacts() {
  SwapFacts facts;
  facts.swaps = ReadKernelFile("/proc/swaps").value_or("");
  const auto group = OwnGroup();
  if (!group) return facts;
  const fs::path mount = "/sys/fs/cgroup";
  for (fs::path at = *group; at.has_relative_path(); at = at.parent_path()) {
    auto maximum = ReadKernelFile(mount / at.relative_path() / "memory.swap.max");
    if (maximum) facts.maxima.push_back(*std::move(maximum));
  }
  return facts;
}

bool MayBeSwapped(const SwapFacts& facts) {
  const auto lines = std::count(facts.swaps.begin(), facts.swaps.end(), '\n');
  if (lines < 2) return false;  // the heading alone
  return std::none_of(facts.maxima.begin(), facts.maxima.end(), [](const std::string& maximum) {
    return maximum == "0" || maximum == "0\n";
  });
}

}  // namespace koeval
