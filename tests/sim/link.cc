// How messages travel.
#include "tests/sim/link.h"

#include <algorithm>

namespace koeval::sim {

int64_t Link::Latency() {
  if (world_.faults_on && world_.rng.Chance(20)) {
    world_.CountFault("message delayed");
    return world_.rng.Between(100, hostile ? 12'000 : 3'000);
  }
  return world_.rng.Between(0, 5);
}

void Link::Carry(int64_t& last_ms, std::function<void()> deliver) {
  if (!open_) return;
  const bool misbehaves = hostile && world_.faults_on;
  if (misbehaves && world_.rng.Chance(40)) return world_.CountFault("message dropped");
  if (misbehaves && world_.rng.Chance(40)) {
    world_.CountFault("message doubled");
    world_.After(Latency(), deliver);
  }
  const int64_t at_ms = world_.now_ms + Latency();
  if (misbehaves) {
    if (at_ms < last_ms) world_.CountFault("message reordered");
  }
  const int64_t when_ms = misbehaves ? at_ms : std::max(last_ms, at_ms);
  last_ms = std::max(last_ms, when_ms);
  world_.After(when_ms - world_.now_ms, std::move(deliver));
}

void Link::Up(const core::Event& event) {
  // A hostile link delivers even after its end, as no real stream does.
  Carry(last_up_ms_, [self = shared_from_this(), event] {
    if (self->open_ || self->hostile) self->ends_.to_scheduler(event);
  });
}

void Link::Down(const core::Effect& effect) {
  Carry(last_down_ms_, [self = shared_from_this(), effect] {
    if (self->open_) self->ends_.to_worker(effect);
  });
}

void Link::HalfClose() {
  const int64_t at_ms = std::max(last_up_ms_, world_.now_ms + 1);
  world_.After(at_ms - world_.now_ms, [self = shared_from_this()] {
    if (!self->open_) return;
    self->open_ = false;
    self->ends_.scheduler_sees_end();
    self->ends_.worker_sees_end();
  });
}

void Link::Break() {
  if (!open_) return;
  open_ = false;
  // A half-open connection: the scheduler may learn of the end by the worker's silence alone.
  const bool scheduler_learns = !world_.faults_on || !world_.rng.Chance(200);
  if (scheduler_learns) world_.After(world_.rng.Between(0, 3'000), ends_.scheduler_sees_end);
  world_.After(world_.rng.Between(0, 3'000), ends_.worker_sees_end);
}

}  // namespace koeval::sim
