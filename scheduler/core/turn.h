// One turn of the dispatcher: apply many events, commit once, then emit. Shared by the daemon and
// the simulator; knows the store only as something that commits.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "scheduler/core/core.h"

namespace koeval::core {

// Where effects go. Called by the thread of the turn, after the commit.
class EffectSink {
 public:
  virtual ~EffectSink() = default;
  // Everything that the turn made durable, before its effects; for feeds and metrics.
  virtual void Committed(std::span<const Mutation> mutations) = 0;
  virtual void Emit(const Effect& effect) = 0;
};

// Keeps the newest version of each request row and named value, in the place of the first one.
std::vector<Mutation> Coalesce(std::vector<Mutation> mutations);

// `Store` has Status Commit(std::span<const Mutation>). Effects leave in order, and only after the
// commit; nothing is committed when nothing changed. After a failed commit nothing was emitted, the
// core is ahead of the store, and the process must end.
template <typename Store>
Status Finish(Output output, Store& store, EffectSink& sink) {
  const std::vector<Mutation> mutations = Coalesce(std::move(output.mutations));
  if (!mutations.empty()) {
    RETURN_IF_ERROR(store.Commit(mutations));
    sink.Committed(mutations);
  }
  for (const Effect& effect : output.effects) sink.Emit(effect);
  return OkStatus();
}

// Start of a process: what was committed becomes the core's state.
template <typename Store>
Status RestoreTurn(Core& core, const Snapshot& snapshot, Store& store, EffectSink& sink, Now now) {
  ASSIGN_OR_RETURN(Output output, core.Restore(snapshot, now));
  return Finish(std::move(output), store, sink);
}

// Applies `events` in order at `now` and collects what they want.
Output ApplyAll(Core& core, std::span<const Event> events, Now now);

template <typename Store>
Status Turn(Core& core, std::span<const Event> events, Store& store, EffectSink& sink, Now now) {
  return Finish(ApplyAll(core, events, now), store, sink);
}

}  // namespace koeval::core
