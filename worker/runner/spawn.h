// Starting a child with three pipes, nothing inherited by accident, and bound to its parent's life.
// Internal to worker/runner.
#pragma once

#include "common/base/status.h"
#include "worker/runner/process.h"

namespace koeval::runner {

// Owned by whoever receives it.
struct Child {
  int pid = -1;
  int pidfd = -1;
  int input = -1;   // writes to its fd 0; non-blocking
  int output = -1;  // reads its fd 1; non-blocking
  int log = -1;     // reads its fd 2; non-blocking
};

// The child leads its own process group, dies (SIGKILL) with the calling THREAD, dumps no core
// unless the options allow it, and has fds 0 to 2 and the allowed part of our environment only.
// NOT_FOUND: no such binary; UNAVAILABLE: the system refused.
Result<Child> SpawnChild(const SpawnOptions& options);

}  // namespace koeval::runner
