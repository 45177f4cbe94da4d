// Limits and flags of the process.
#include "common/base/private_memory.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/base/sanitizer.h"

namespace koeval {

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

}  // namespace koeval
