// One short run of the runner binary per slot, at start.
#include "worker/agent/hardware.h"

#include <fmt/core.h>

#include <atomic>

#include "common/base/child_process.h"

namespace koeval::agent {

Result<std::string> AskHardwareClass(const std::string& runner, const std::string& device,
                                     int64_t threads) {
  constexpr int64_t kTimeMs = 120'000;  // a CUDA start from a cold disk
  const std::atomic<bool> never_stop = false;
  ChildLimits limits;
  limits.time_ms = kTimeMs;
  ASSIGN_OR_RETURN(const ChildOutcome outcome,
                   RunChild({runner, "--hardware-class", "--device", device, "--threads",
                             fmt::format("{}", threads)},
                            limits, Clock::Real(), never_stop));
  std::string text = outcome.out;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (outcome.end != ChildEnd::kExited || outcome.code != 0 || text.empty()) {
    return Unavailable(fmt::format("{} cannot describe {}: {}", runner, device,
                                   outcome.err.empty() ? "no answer" : outcome.err));
  }
  return text;
}

}  // namespace koeval::agent
