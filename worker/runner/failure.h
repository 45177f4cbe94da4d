// How a failure travels as a Status: "ENDING: message; remedy: what to do".
#pragma once

#include <string>

#include "common/base/endings.h"
#include "common/base/status.h"

namespace koeval::runner {

struct Failure {
  Ending ending = Ending::kInternal;
  std::string message;
  std::string remedy;
};

// A failed Status whose message carries all three; its code follows from the ending.
Status FailureStatus(const Failure& failure);

// The parts of `status`: the ending is the name before the first ": " if the closed list has it,
// else `fallback` (with the whole message kept); the remedy is what follows "; remedy: ", else the
// ending's own. REQUIRES: !status.ok().
Failure FailureOf(const Status& status, Ending fallback = Ending::kInternal);

}  // namespace koeval::runner
