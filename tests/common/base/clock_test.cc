// Clocks and times as text.
#include "common/base/clock.h"

#include <gtest/gtest.h>

namespace koeval {
namespace {

TEST(ClockTest, FakeMovesOnlyWhenTold) {
  FakeClock clock({5'000'000});
  EXPECT_EQ(clock.Wall().micros, 5'000'000);
  EXPECT_EQ(clock.Mono().ms, 0);
  clock.AdvanceMs(1'500);
  EXPECT_EQ(clock.Wall().micros, 6'500'000);
  EXPECT_EQ(clock.Mono().ms, 1'500);
}

TEST(ClockTest, RealMonotonicTimeNeverGoesBack) {
  const Clock& clock = Clock::Real();
  MonoTime last = clock.Mono();
  for (int i = 0; i < 10'000; ++i) {
    const MonoTime now = clock.Mono();
    ASSERT_GE(now, last);
    last = now;
  }
  EXPECT_GT(clock.Wall().micros, 1'700'000'000'000'000);
}

TEST(ClockTest, MonotonicTimesSubtractAndAdd) {
  const MonoTime t{100};
  EXPECT_EQ((t + 50).ms, 150);
  EXPECT_EQ((t + 50) - t, 50);
  EXPECT_LT(t, t + 1);
}

TEST(FormatUtcTest, CalendarIsRight) {
  EXPECT_EQ(FormatUtc({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(FormatUtc({1'723'455'000'000'000}), "2024-08-12T09:30:00Z");
  EXPECT_EQ(FormatUtc({1'709'208'000'999'999}), "2024-02-29T12:00:00Z");
  EXPECT_EQ(FormatUtcMicros({1'723'455'000'000'042}), "2024-08-12T09:30:00.000042Z");
  EXPECT_EQ(FormatUtcMicros({1'723'455'000'123'456}), "2024-08-12T09:30:00.123456Z");
}

TEST(FormatUtcTest, TimesBefore1970AreRightToo) {
  EXPECT_EQ(FormatUtc({-1}), "1969-12-31T23:59:59Z");
  EXPECT_EQ(FormatUtcMicros({-1}), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(FormatUtcMicros({-1'000'000}), "1969-12-31T23:59:59.000000Z");
}

TEST(FormatDurationTest, UnitsGrowWithTheTime) {
  EXPECT_EQ(FormatDuration(0), "0.0 s");
  EXPECT_EQ(FormatDuration(3'240), "3.2 s");
  EXPECT_EQ(FormatDuration(59'949), "59.9 s");
  EXPECT_EQ(FormatDuration(59'950), "1 min 0 s");
  EXPECT_EQ(FormatDuration(60'000), "1 min 0 s");
  EXPECT_EQ(FormatDuration(250'000), "4 min 10 s");
  EXPECT_EQ(FormatDuration(3'600'000), "1 h 0 min");
  EXPECT_EQ(FormatDuration(7'500'000), "2 h 5 min");
  EXPECT_EQ(FormatDuration(86'400'000), "1 d 0 h");
  EXPECT_EQ(FormatDuration(273'600'000), "3 d 4 h");
}

}  // namespace
}  // namespace koeval
