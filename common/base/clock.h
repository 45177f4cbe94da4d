// Time, the only way to it: wall time for people, monotonic time for deadlines.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/mutex.h"
#include "common/base/status.h"

namespace koeval {

// Microseconds since 1970-01-01T00:00:00Z. For rows and people, never for deadlines.
struct WallTime {
  int64_t micros = 0;
  auto operator<=>(const WallTime&) const = default;
};

// Milliseconds of CLOCK_BOOTTIME, which goes on while the machine sleeps. Means nothing after a
// reboot or on another machine, so it is never stored.
struct MonoTime {
  int64_t ms = 0;
  auto operator<=>(const MonoTime&) const = default;
};
inline MonoTime operator+(MonoTime t, int64_t ms) {
  return {t.ms + ms};
}
inline int64_t operator-(MonoTime a, MonoTime b) {
  return a.ms - b.ms;
}

// Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime Wall() const = 0;
  virtual MonoTime Mono() const = 0;

  // The clock of this machine; lives for ever.
  static const Clock& Real();
};

// A clock that moves only when told to.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(WallTime wall = {1'700'000'000'000'000}) : wall_(wall) {}
  WallTime Wall() const override;
  MonoTime Mono() const override;
  void AdvanceMs(int64_t ms);

 private:
  mutable Mutex mutex_;
  WallTime wall_ GUARDED_BY(mutex_);
  MonoTime mono_ GUARDED_BY(mutex_);
};

// "2024-08-12T09:30:00Z" (whole seconds, UTC).
std::string FormatUtc(WallTime time);
// "2024-08-12T09:30:00.123456Z".
std::string FormatUtcMicros(WallTime time);
// "3.2 s", "4 min 10 s", "2 h 5 min", "3 d 4 h"; for people.
std::string FormatDuration(int64_t ms);

}  // namespace koeval
