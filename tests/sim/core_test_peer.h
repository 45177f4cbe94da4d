// The door through which tests, and nothing else, plant bugs in the core.
#pragma once

#include "scheduler/core/core.h"
#include "scheduler/core/machine.h"

namespace koeval::core {

class CoreTestPeer {
 public:
  static void SetMutants(Core& core, const Mutants& mutants) {
    core.machine_->set_mutants(mutants);
  }
};

}  // namespace koeval::core
