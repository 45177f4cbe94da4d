// Whether private rows could reach this node's swap, and what is done about it.
#pragma once

#include <string>

#include "common/base/status.h"
#include "worker/agent/agent_config.h"

namespace koeval::agent {

struct SwapGuard {
  bool lock_runners = false;  // runners lock their memory too
  std::string warning;        // for the operator; "" where nothing is to be said
};

// The decision, by the configuration's lock_memory and private_data_swap: `locked` is whether this
// daemon's memory could be locked (that of its runners can then), `may_be_swapped` as MayBeSwapped
// says. FAILED_PRECONDITION, with the remedies, where rows could be swapped and that is refused.
Result<SwapGuard> DecideSwapGuard(const AgentConfig& config, bool locked, bool may_be_swapped);

}  // namespace koeval::agent
