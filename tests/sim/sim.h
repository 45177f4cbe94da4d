// One run of the simulator: a seed decides everything.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "scheduler/core/machine.h"
#include "tests/sim/coverage.h"

namespace koeval::sim {

struct SimOptions {
  uint64_t seed = 1;
  bool verbose = false;
  core::Mutants mutants;
  bool acknowledge_early = false;
};

struct SimReport {
  std::string violation;  // "" when every promise held
  Coverage coverage;
  std::map<std::string, int64_t> faults;   // injected, by kind
  std::map<std::string, int64_t> endings;  // of requests, at the end of the run
  int64_t commits = 0;
  int64_t batches = 0;
  int64_t restarts = 0;
  int64_t simulated_ms = 0;
};

// First faults on, checking that nothing wrong happens; then faults off, checking that every
// request comes to its end.
SimReport RunSimulation(const SimOptions& options);

// Adds up runs for a summary.
void Add(SimReport& total, const SimReport& one);
// For people: events, faults by kind, endings, pairs.
std::string Describe(const SimReport& report);

}  // namespace koeval::sim
