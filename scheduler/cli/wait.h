// Waiting for a request to end, with progress on stderr.
#pragma once

#include <string>

#include "common/base/status.h"
#include "scheduler/cli/commands.h"

namespace koeval::cli {

// Follows `id` until it is FINISHED or FAILED, over restarts of the scheduler (gives up after two
// minutes without one). Draws a progress line on stderr when that is a terminal.
Result<RequestView> WaitForEnd(Client& client, const std::string& id, const Shell& shell);

}  // namespace koeval::cli
