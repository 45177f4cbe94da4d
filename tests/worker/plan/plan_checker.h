// Everything that must hold for a plan of given sequences, checked from the outside.
#pragma once

#include <gtest/gtest.h>

#include <span>

#include "worker/plan/plan.h"

namespace koeval::plan {

// Walks every row back to the root of its path and compares what it sees with the sequence that
// asked for it; checks tiling, order, sharing, limits and counts. Names the first violation.
testing::AssertionResult IsPlanOf(const Plan& plan, std::span<const Sequence> sequences,
                                  const Limits& limits, const Purpose& purpose = {});

}  // namespace koeval::plan
