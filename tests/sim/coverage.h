// Which (phase, event) pairs a run has been through.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "scheduler/core/core.h"

namespace koeval::sim {

// Phases by name, with "none" for a request that is not known and "stale" for a lease that is not.
// Events that are about no single request count for every phase that some request is in.
class Coverage {
 public:
  // Before `event` is applied.
  void Count(const core::Core& core, const core::Event& event);
  void Add(const Coverage& other);
  // The pairs that can be and were not met.
  std::vector<std::string> Missing() const;
  // A table for people.
  std::string Table() const;

  int64_t events = 0;

 private:
  std::map<std::pair<std::string, std::string>, int64_t> pairs_;  // (event, phase)
};

}  // namespace koeval::sim
