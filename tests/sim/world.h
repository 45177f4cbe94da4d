// The simulated world: one clock, one queue of things to come, one source of chance, one verdict.
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace koeval::sim {

// SplitMix64: the same numbers on every machine.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}
  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31U);
  }
  // In [low, high].
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Next() % static_cast<uint64_t>(high - low + 1));
  }
  bool Chance(int64_t permille) { return Between(1, 1000) <= permille; }

 private:
  uint64_t state_;
};

// A number that depends on the text alone.
uint64_t HashText(const std::string& text);

class World {
 public:
  World(uint64_t seed, bool verbose) : rng(seed), verbose_(verbose) {}

  // Runs `what` `delay_ms` from now.
  void After(int64_t delay_ms, std::function<void()> what) {
    queue_.push({now_ms + delay_ms, next_++, std::move(what)});
  }
  // Runs the next thing; false when there is none or a violation was found.
  bool Step();

  // The first one ends the run.
  void Violation(const std::string& what);
  void CountFault(const std::string& kind) { ++faults[kind]; }
  template <typename... Parts>
  void Trace(const Parts&... parts) {
    if (!verbose_) return;
    std::string line;
    (line.append(parts), ...);
    std::printf("%8lld  %s\n", static_cast<long long>(now_ms), line.c_str());
  }

  Rng rng;
  int64_t now_ms = 0;
  int64_t last_session = 0;
  bool faults_on = true;
  std::string violation;                  // "" while all is well
  std::map<std::string, int64_t> faults;  // injected, by kind

 private:
  struct Item {
    int64_t at_ms;
    int64_t order;
    std::function<void()> what;
    bool operator<(const Item& other) const {
      return at_ms != other.at_ms ? at_ms > other.at_ms : order > other.order;
    }
  };
  bool verbose_;
  int64_t next_ = 0;
  std::priority_queue<Item> queue_;
};

}  // namespace koeval::sim
