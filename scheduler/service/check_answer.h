// The core's question about a model, answered by the submission checks.
#pragma once

#include "scheduler/core/effects.h"
#include "scheduler/core/events.h"
#include "scheduler/service/check_runner.h"
#include "scheduler/service/suites.h"

namespace koeval::service {

// Runs the checks and says what they found: facts and the memory need, which
// counts what the suite of `catalogue` generates, or the first error with the
// number of those behind it. Checks that could not run are a finding too (INTERNAL). Blocks, and
// belongs on a pool's thread.
core::ChecksDone RunChecks(CheckRunner& runner, const SuiteCatalogue& catalogue,
                           const core::StartChecks& wanted);

}  // namespace koeval::service
