// The machine's clocks, the fake one, and times as text.
#include "common/base/clock.h"

#include <fmt/core.h>
#include <time.h>

#include <algorithm>
#include <ctime>

namespace koeval {
namespace {

class RealClock final : public Clock {
 public:
  WallTime Wall() const override {
    timespec ts{};
    clock_gettime(CLOCK_REALTIME, &ts);
    return {static_cast<int64_t>(ts.tv_sec) * 1'000'000 + ts.tv_nsec / 1000};
  }
  MonoTime Mono() const override {
    timespec ts{};
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return {static_cast<int64_t>(ts.tv_sec) * 1000 + ts.tv_nsec / 1'000'000};
  }
};

// Microseconds within the second, from 0 also before 1970.
int64_t MicrosOf(WallTime time) {
  return (time.micros % 1'000'000 + 1'000'000) % 1'000'000;
}

std::tm UtcParts(WallTime time) {
  const std::time_t seconds = (time.micros - MicrosOf(time)) / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  return parts;
}

}  // namespace

const Clock& Clock::Real() {
  static const RealClock clock;
  return clock;
}

WallTime FakeClock::Wall() const {
  MutexLock lock(mutex_);
  return wall_;
}

MonoTime FakeClock::Mono() const {
  MutexLock lock(mutex_);
  return mono_;
}

void FakeClock::AdvanceMs(int64_t ms) {
  MutexLock lock(mutex_);
  wall_.micros += ms * 1000;
  mono_.ms += ms;
}

std::string FormatUtc(WallTime time) {
  const std::tm t = UtcParts(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.tm_year + 1900, t.tm_mon + 1,
                     t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
}

std::string FormatUtcMicros(WallTime time) {
  std::string text = FormatUtc(time);
  text.pop_back();
  return text + fmt::format(".{:06}Z", MicrosOf(time));
}

std::string FormatDuration(int64_t ms) {
  constexpr int64_t kMinuteRounded = 59'950;  // what would print as 60.0 s
  if (ms < kMinuteRounded) return fmt::format("{:.1f} s", static_cast<double>(ms) / 1000.0);
  const int64_t s = std::max<int64_t>(60, ms / 1000);
  if (s < 3600) return fmt::format("{} min {} s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{} h {} min", s / 3600, s % 3600 / 60);
  return fmt::format("{} d {} h", s / 86400, s % 86400 / 3600);
}

}  // namespace koeval
