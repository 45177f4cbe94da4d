// What is always true of the core's state, checked in one place.
#pragma once

#include "common/base/status.h"
#include "scheduler/core/state.h"

namespace koeval::core {

// INTERNAL, naming the rule and the place, for the first one that does not hold. Linear in the
// state.
//   - states and phases agree; counters count; numbers are unique and below the next ones
//   - terminal requests have an ending and nothing live; others have no ending
//   - every batch of a live plan is exactly one of stored, free, leased; no batch in two leases
//   - leases, their requests, workers, slots and deadlines name each other; no slot has two
//   - a running request has a lease and an open attempt, or is scored with every batch stored
//   - leases of one request are of one hardware class
//   - every index holds exactly what it is an index of
Status CheckInvariants(const State& state);

}  // namespace koeval::core
