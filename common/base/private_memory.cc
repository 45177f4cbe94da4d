// Limits and flags of the process.
#include "common/base/private_memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace koeval {
namespace {

// The check for leaks at the end of a sanitized program attaches to it, as a debugger does.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kIsSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool kIsSanitized = true;
#else
constexpr bool kIsSanitized = false;
#endif
#else
constexpr bool kIsSanitized = false;
#endif

}  // namespace

void ForbidCoreDumps() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  // A core handler behind a pipe is run whatever the limit says; not for such a process.
  if (!kIsSanitized) ::prctl(PR_SET_DUMPABLE, 0);
}

bool LockMemory() {
  rlimit limit{};
  // Below a limit, allocations would begin to fail once it is reached.
  if (::getrlimit(RLIMIT_MEMLOCK, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY) return false;
  return ::mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0;
}

}  // namespace koeval
