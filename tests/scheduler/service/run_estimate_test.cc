// When a request would start, from the times of those ahead of it.
#include "scheduler/service/run_estimate.h"

#include <gtest/gtest.h>

namespace koeval::service {
namespace {

using Runs = std::vector<std::optional<int64_t>>;

TEST(StartEstimate, TheFirstSlotThatComesFreeTakesTheNextInOrder) {
  EXPECT_EQ(StartMs({50, 10}, Runs{}), 10);
  EXPECT_EQ(StartMs({50, 10}, Runs{5}), 15) << "the same slot comes free again before the other";
  EXPECT_EQ(StartMs({50, 10}, Runs{100}), 50);
  EXPECT_EQ(StartMs({50, 10}, Runs{100, 30}), 80);
  EXPECT_EQ(StartMs({20}, Runs{1, 2, 3}), 26);
}

TEST(StartEstimate, WhatNobodyKnowsIsNotGuessed) {
  EXPECT_EQ(StartMs({}, Runs{}), std::nullopt);
  EXPECT_EQ(StartMs({}, Runs{5}), std::nullopt);
  EXPECT_EQ(StartMs({50, 10}, Runs{5, std::nullopt}), std::nullopt);
}

}  // namespace
}  // namespace koeval::service
