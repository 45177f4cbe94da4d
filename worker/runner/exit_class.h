// Which ending the death of a runner stands for. Internal to worker/runner.
#pragma once

#include <optional>
#include <string>

#include "common/base/endings.h"
#include "worker/runner/process.h"

namespace koeval::runner {

struct ExitFacts {
  int wait_status = 0;                 // as waitpid gives it
  bool asked = false;                  // we had begun to stop it
  bool oom_kills_rose = false;         // the kernel killed something for memory while it ran
  std::optional<Ending> last_failure;  // its very last frame was Failed with this ending
  std::string log_tail;
};

RunnerExit ClassifyExit(const ExitFacts& facts);

// The kernel's count of out-of-memory kills in the text of /proc/vmstat; nothing when not there.
std::optional<int64_t> OomKills(const std::string& vmstat);

}  // namespace koeval::runner
