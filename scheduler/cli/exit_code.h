// Exit codes of the client: part of its contract.
#pragma once

#include "common/base/status.h"

namespace koeval::cli {

inline constexpr int kExitDone = 0;
inline constexpr int kExitFailed = 1;       // it ran, and the answer is a failure
inline constexpr int kExitUsage = 2;        // the command line or a file that it names is wrong
inline constexpr int kExitUnavailable = 3;  // nobody answers; try again later
inline constexpr int kExitRefused = 4;      // not allowed, or not in this state

// The exit code for a call that ended with `status`.
int ExitCodeOf(const Status& status);

}  // namespace koeval::cli
