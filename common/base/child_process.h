// Runs one short-lived child process under limits and collects what it prints.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"

namespace koeval {

struct ChildLimits {
  int64_t time_ms = 60'000;     // wall time; the process group is killed afterwards
  int64_t memory_bytes = 0;     // that it can write to, mapped files apart; 0 = no limit
  int64_t files = 256;          // open descriptors
  size_t output_max = 1 << 20;  // bytes of stdout; more kills the process
  size_t error_max = 16 << 10;  // bytes of stderr that are kept; more is dropped
  // A command of the operator's: it may write files and gain privileges, as mail programs do.
  bool is_trusted = false;
};

enum class ChildEnd { kExited, kSignalled, kTimedOut, kOutputTooLarge, kStopped };

struct ChildOutcome {
  ChildEnd end = ChildEnd::kExited;
  int code = 0;  // exit status or signal number
  std::string out, err;
};

// Runs argv[0] (a path) in its own process group, with `input` as its stdin, no core dumps, no new
// privileges, no files that it could write (see is_trusted), an environment of PATH and LANG alone,
// and no other descriptor of ours; waits for its end and reaps it. `input` never gets to a disk.
// Nothing of its group is left when this returns. `stop` set to true ends it early. UNAVAILABLE
// when no process can be made; NOT_FOUND when argv[0] is no executable file.
Result<ChildOutcome> RunChild(const std::vector<std::string>& argv, const ChildLimits& limits,
                              const Clock& clock, const std::atomic<bool>& stop,
                              std::string_view input = {});

}  // namespace koeval
