// The cases.
#include "worker/agent/swap_guard.h"

#include <fmt/core.h>

#include "common/base/private_memory.h"

namespace koeval::agent {

Result<SwapGuard> DecideSwapGuard(const AgentConfig& config, bool locked, bool may_be_swapped) {
  if (!may_be_swapped) return SwapGuard{};
  if (locked) return SwapGuard{true, ""};
  std::string exposed =
      fmt::format("private rows could be written to this machine's swap: {}{}", kSwapRemedy,
                  config.lock_memory ? "" : "; and lock_memory: false keeps it from being locked");
  if (config.private_data_swap == "refuse") {
    return FailedPrecondition(exposed + "; or set private_data_swap: warn");
  }
  return SwapGuard{false, std::move(exposed)};
}

}  // namespace koeval::agent
