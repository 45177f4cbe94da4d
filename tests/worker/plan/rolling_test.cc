// Rolling windows against the harness's rules, by example and over all small lengths.
#include "worker/plan/rolling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace koeval::plan {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int32_t kPrefix = 99;

std::vector<Sequence> Windows(int32_t tokens, int64_t max_length) {
  std::vector<int32_t> ids(static_cast<size_t>(tokens));
  std::iota(ids.begin(), ids.end(), 0);
  return RollingWindows(ids, kPrefix, max_length);
}

TEST(RollingWindowsTest, NoTokensHaveNoWindow) {
  EXPECT_THAT(Windows(0, 4), IsEmpty());
}

TEST(RollingWindowsTest, ShortTextIsOneWindowBehindThePrefix) {
  const auto windows = Windows(3, 4);
  ASSERT_EQ(windows.size(), 1U);
  EXPECT_THAT(windows[0].input, ElementsAre(kPrefix, 0, 1));
  EXPECT_THAT(windows[0].targets, ElementsAre(0, 1, 2));
}

TEST(RollingWindowsTest, LaterWindowsHaveOneTokenOfContextAndTheLastIsFilledUp) {
  const auto windows = Windows(10, 4);
  ASSERT_EQ(windows.size(), 3U);
  EXPECT_THAT(windows[0].input, ElementsAre(kPrefix, 0, 1, 2));
  EXPECT_THAT(windows[0].targets, ElementsAre(0, 1, 2, 3));
  EXPECT_THAT(windows[1].input, ElementsAre(3, 4, 5, 6));
  EXPECT_THAT(windows[1].targets, ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(windows[2].input, ElementsAre(5, 6, 7, 8));
  EXPECT_THAT(windows[2].targets, ElementsAre(8, 9));
}

TEST(RollingWindowsTest, ExactMultiplesLeaveNoEmptyWindow) {
  const auto windows = Windows(8, 4);
  ASSERT_EQ(windows.size(), 2U);
  EXPECT_THAT(windows[1].targets, ElementsAre(4, 5, 6, 7));
}

// Every token is a target once, in order, and each row predicts it from the token before it.
TEST(RollingWindowsTest, EveryTokenIsScoredOnceFromItsPredecessor) {
  for (int64_t max_length = 1; max_length <= 9; ++max_length) {
    for (int32_t tokens = 0; tokens <= 40; ++tokens) {
      int32_t next = 0;
      for (const Sequence& window : Windows(tokens, max_length)) {
        ASSERT_LE(static_cast<int64_t>(window.input.size()), max_length);
        ASSERT_FALSE(window.targets.empty());
        ASSERT_LE(window.targets.size(), window.input.size());
        const size_t context = window.input.size() - window.targets.size();
        for (size_t i = 0; i < window.targets.size(); ++i, ++next) {
          ASSERT_EQ(window.targets[i], next) << tokens << " in " << max_length;
          ASSERT_EQ(window.input[context + i], next == 0 ? kPrefix : next - 1);
        }
        // All context that fits: no window but the first is shorter than it could be.
        ASSERT_EQ(static_cast<int64_t>(window.input.size()), std::min<int64_t>(next, max_length));
      }
      ASSERT_EQ(next, tokens) << "max_length " << max_length;
    }
  }
}

}  // namespace
}  // namespace koeval::plan
