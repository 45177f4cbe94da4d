// What is done about private rows that could be swapped.
#include "worker/agent/swap_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace koeval::agent {
namespace {

using ::testing::HasSubstr;

AgentConfig Config(const std::string& setting, bool lock_memory = true) {
  AgentConfig config;
  config.private_data_swap = setting;
  config.lock_memory = lock_memory;
  return config;
}

TEST(SwapGuardTest, WithoutSwapModelsAreNotLocked) {
  for (const bool locked : {false, true}) {
    for (const char* setting : {"warn", "refuse"}) {
      const auto guard = DecideSwapGuard(Config(setting), locked, /*may_be_swapped=*/false);
      ASSERT_TRUE(guard.ok()) << guard.status().ToString();
      EXPECT_FALSE(guard->lock_runners);
      EXPECT_EQ(guard->warning, "");
    }
  }
}

TEST(SwapGuardTest, WithSwapRunnersLockTheirMemoryWhereThatIsAllowed) {
  for (const char* setting : {"warn", "refuse"}) {
    const auto guard = DecideSwapGuard(Config(setting), /*locked=*/true, /*may_be_swapped=*/true);
    ASSERT_TRUE(guard.ok()) << guard.status().ToString();
    EXPECT_TRUE(guard->lock_runners);
    EXPECT_EQ(guard->warning, "");
  }
}

TEST(SwapGuardTest, WhereNothingHelpsTheOperatorIsWarnedOrTheWorkerDoesNotStart) {
  const auto warned = DecideSwapGuard(Config("warn"), /*locked=*/false, /*may_be_swapped=*/true);
  ASSERT_TRUE(warned.ok()) << warned.status().ToString();
  EXPECT_FALSE(warned->lock_runners);
  EXPECT_THAT(warned->warning, HasSubstr("MemorySwapMax=0"));
  const Status refused =
      DecideSwapGuard(Config("refuse", /*lock_memory=*/false), false, true).status();
  EXPECT_EQ(refused.code(), Code::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("LimitMEMLOCK=infinity"));
  EXPECT_THAT(refused.message(), HasSubstr("lock_memory: false"));
  EXPECT_THAT(refused.message(), HasSubstr("private_data_swap: warn"));
}

}  // namespace
}  // namespace koeval::agent
