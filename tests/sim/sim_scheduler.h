// The scheduler's process: the real core and the real turn over the simulated store, with its pools
// for checks and scores; it can be killed at any point.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/core.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/turn.h"
#include "tests/sim/coverage.h"
#include "tests/sim/link.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/world.h"

namespace koeval::sim {

struct SchedulerOptions {
  core::Limits limits;
  core::Mutants mutants;
  bool acknowledge_early = false;  // a planted bug: effects leave before the commit
};

class SimScheduler : public core::EffectSink {
 public:
  SimScheduler(World& world, SimStore& store, const SchedulerOptions& options)
      : world_(world), store_(store), options_(options) {}

  bool is_up() const { return core_ != nullptr; }
  const core::Core& core() const { return *core_; }
  void Start();
  // kill -9 now; it starts again after `down_ms`.
  void Kill(int64_t down_ms);
  // Dies at its next commit, or after `effects` effects of the turn that follows.
  void KillAtCommit(CommitCrash how, int64_t down_ms);
  void KillAfterEffects(int64_t effects, int64_t down_ms);
  // Forgets deaths and stalls that were to come.
  void Calm();
  // Runs no turn for `ms`.
  void Stall(int64_t ms) { stalled_until_ms_ = world_.now_ms + ms; }

  // Delivers an event to the inbox; lost when the process is down.
  void Post(core::Event event);
  // A stream that a worker opens; the scheduler forgets it at its end.
  void Attach(const std::shared_ptr<Link>& link) { links_[link->session] = link; }
  void Detach(SessionId session);
  // Who hears of replies.
  std::function<void(const core::Reply&)> on_reply;

  // core::EffectSink
  void Committed(std::span<const core::Mutation> mutations) override;
  void Emit(const core::Effect& effect) override;

  Coverage coverage;
  int64_t restarts = 0;

 private:
  void Die(int64_t down_ms);
  void ScheduleTurn();
  void TickLater();
  void RunTurn();
  Status OneTurn(const std::vector<core::Event>& events);
  core::Now TimeNow() const;
  void Perform(const core::Effect& effect);
  void Later(int64_t ms, std::function<void()> what);
  void CheckPersisted(const core::Effect& effect);
  std::optional<int64_t> PoolTime(const std::string& pool, int64_t most_ms);
  void RunChecks(const core::StartChecks& checks);
  void RunScore(const core::ComputeScore& score);

  World& world_;
  SimStore& store_;
  SchedulerOptions options_;
  std::unique_ptr<core::Core> core_;
  std::vector<core::Event> inbox_;
  std::map<SessionId, std::shared_ptr<Link>> links_;
  int64_t incarnation_ = 0;
  bool turn_is_scheduled_ = false;
  int64_t stalled_until_ms_ = 0;
  std::optional<int64_t> effects_until_death_;
  int64_t down_ms_ = 0;
  std::string dump_at_death_;  // "" when the core was ahead of the store
};

}  // namespace koeval::sim
