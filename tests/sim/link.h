// One stream between a worker and the scheduler, ordered until it breaks; or a hostile one, which
// drops, doubles and reorders single messages.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "scheduler/core/effects.h"
#include "scheduler/core/events.h"
#include "tests/sim/world.h"

namespace koeval::sim {

class Link : public std::enable_shared_from_this<Link> {
 public:
  struct Ends {
    std::function<void(const core::Event&)> to_scheduler;
    std::function<void(const core::Effect&)> to_worker;
    std::function<void()> scheduler_sees_end;
    std::function<void()> worker_sees_end;
  };

  Link(World& world, SessionId id, bool is_hostile, Ends ends)
      : session(id), hostile(is_hostile), world_(world), ends_(std::move(ends)) {}

  void Up(const core::Event& event);
  void Down(const core::Effect& effect);
  // The worker ends the stream in order: the scheduler sees the end after all that was sent.
  void HalfClose();
  // What is on its way is lost; each side learns of it later.
  void Break();
  bool is_open() const { return open_; }

  const SessionId session;
  const bool hostile;

 private:
  int64_t Latency();
  // Runs `deliver` as this link treats one message; `last_ms` keeps the order of a direction.
  void Carry(int64_t& last_ms, std::function<void()> deliver);

  World& world_;
  Ends ends_;
  bool open_ = true;
  int64_t last_up_ms_ = 0;
  int64_t last_down_ms_ = 0;
};

}  // namespace koeval::sim
