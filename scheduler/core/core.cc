// The outside of the core: the machine, and what services ask about the queue.
#include "scheduler/core/core.h"

#include <algorithm>
#include <set>

#include "common/base/size_text.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/sentences.h"

namespace koeval::core {
namespace {

bool HasReady(const State& state, const std::string& hardware_class) {
  return state.ready.contains(hardware_class);
}

int64_t PositionOf(const State& state, const Request& request) {
  const Rank rank{request.row.spec.priority, request.row.number};
  size_t ahead = 0;
  for (const auto& [name, tree] : state.wait) ahead += tree.PositionOf(rank);
  return static_cast<int64_t>(ahead) + 1;
}

std::string RunningText(const Request& request) {
  switch (request.row.phase) {
    case Phase::kPlanning:
      return Say(Sentence::kPlanRuns);
    case Phase::kBatches:
      return Say(Sentence::kBatchesRun,
                 {Number(request.live->stored_count),
                  Number(static_cast<int64_t>(request.live->stored.size())),
                  Number(static_cast<int64_t>(request.live->leases.size()))});
    default:
      return Say(Sentence::kScoreRuns);
  }
}

WorkerView ViewOf(const State& state, const Worker& worker) {
  WorkerView view;
  view.id = worker.id;
  view.connected = worker.session.value != 0;
  const auto drained = state.drained.find(worker.id);
  view.drained = drained != state.drained.end();
  if (view.drained) view.drain_reason = drained->second;
  view.version = worker.version;
  view.last_seen_ms_ago = state.time_ms - worker.last_seen_ms;
  view.batches_done = worker.batches_done;
  for (const auto& [index, slot] : worker.slots) {
    SlotView out{slot.info, slot.warm, RequestId{}, slot.lease};
    const auto lease = state.leases.find(slot.lease);
    if (lease != state.leases.end()) out.request = lease->second.row.request;
    view.slots.push_back(std::move(out));
  }
  return view;
}

}  // namespace

Core::Core(const Limits& limits) : machine_(std::make_unique<Machine>(limits)) {}
Core::~Core() = default;

Result<Output> Core::Restore(const Snapshot& snapshot, Now now) {
  return machine_->Restore(snapshot, now);
}

Output Core::Apply(const Event& event, Now now) {
  return machine_->Apply(event, now);
}

const State& Core::state() const {
  return machine_->state();
}

const Limits& Core::limits() const {
  return state().limits;
}

std::optional<MonoTime> Core::NextDeadline() const {
  const State& s = state();
  std::optional<int64_t> earliest_ms;
  for (const auto& at_ms :
       {s.lease_deadlines.Earliest(), s.silence_deadlines.Earliest(), s.forget_deadlines.Earliest(),
        s.limit_deadlines.Earliest(), s.strand_deadlines.Earliest(), s.rest_deadlines.Earliest(),
        s.checks_asked.Earliest(), s.scores_asked.Earliest(), s.unfit_deadlines.Earliest(),
        s.recheck_deadlines.Earliest()}) {
    if (at_ms && (!earliest_ms || *at_ms < *earliest_ms)) earliest_ms = at_ms;
  }
  if (!earliest_ms || !s.last_mono) return std::nullopt;
  return *s.last_mono + std::max<int64_t>(0, *earliest_ms - s.time_ms);
}

Counts Core::counts() const {
  const State& s = state();
  const auto count = [&s](RequestState state) {
    return s.state_counts[static_cast<size_t>(state)];
  };
  Counts out;
  out.pending = count(RequestState::kPending);
  out.running = count(RequestState::kRunning);
  out.finished = count(RequestState::kFinished);
  out.failed = count(RequestState::kFailed);
  out.workers = static_cast<int64_t>(s.sessions.size());
  for (const auto& [session, id] : s.sessions) {
    const Worker& worker = s.workers.at(id);
    out.slots += static_cast<int64_t>(worker.slots.size());
    out.slots_busy += std::count_if(worker.slots.begin(), worker.slots.end(),
                                    [](const auto& slot) { return slot.second.lease.value != 0; });
  }
  out.leases = static_cast<int64_t>(s.leases.size());
  out.last_seq = s.next_seq - 1;
  out.paused = s.paused;
  return out;
}

const RequestRow* Core::Find(const RequestId& id) const {
  const auto it = state().requests.find(id);
  return it == state().requests.end() ? nullptr : &it->second.row;
}

const RequestRow* Core::FindSame(const std::string& identity) const {
  const auto at = state().identities.find(identity);
  if (identity.empty() || at == state().identities.end()) return nullptr;
  const RequestRow* row = Find(at->second);
  return row == nullptr || row->state == RequestState::kFailed ? nullptr : row;
}

Progress Core::ProgressOf(const RequestId& id) const {
  Progress out;
  const auto it = state().requests.find(id);
  if (it == state().requests.end()) return out;
  const Request& request = it->second;
  if (request.row.plan) out.batches_total = request.row.plan->BatchCount();
  if (!request.live) {
    if (request.row.state == RequestState::kFinished) out.batches_done = out.batches_total;
    return out;
  }
  const Live& live = *request.live;
  out.batches_done = live.stored_count;
  std::set<std::string> workers;
  for (const LeaseId lease : live.leases) workers.insert(state().leases.at(lease).row.worker.text);
  out.workers.assign(workers.begin(), workers.end());
  if (live.measured > 0 && !live.leases.empty()) {
    const int64_t left = out.batches_total - out.batches_done;
    out.eta_ms =
        left * (live.measured_ms / live.measured) / static_cast<int64_t>(live.leases.size());
  }
  if (request.row.phase == Phase::kQueued) out.queue_position = PositionOf(state(), request);
  return out;
}

std::string Core::WaitReason(const RequestId& id) const {
  const State& s = state();
  const auto it = s.requests.find(id);
  if (it == s.requests.end() || it->second.row.state != RequestState::kPending) return "";
  const Request& request = it->second;
  if (const auto again_ms = s.recheck_deadlines.At(id)) {
    return Say(Sentence::kHubSilent,
               {FormatDuration(std::max<int64_t>(0, *again_ms - s.time_ms)),
                Number(request.live->recheck_tries + 1), Number(s.limits.recheck_tries_max)});
  }
  if (request.row.phase == Phase::kChecking) {
    return Say(request.live->queue == Queue::kChecks ? Sentence::kChecksWait
                                                     : Sentence::kChecksRun);
  }
  const std::string& need = request.live->bound_class;
  if (s.paused) return Say(Sentence::kDispatchPaused);
  if (!HasReady(s, "")) return Say(Sentence::kNoWorker);
  if (!need.empty() && !HasReady(s, need)) {
    return Say(Sentence::kNoWorkerOfClass, {need});
  }
  const int64_t bytes = request.live->memory_bytes;
  if (!s.slot_memory.empty() && bytes > *s.slot_memory.rbegin()) {
    return Say(Sentence::kTooLargeForSlots, {SizeText(bytes), SizeText(*s.slot_memory.rbegin())});
  }
  const bool is_picky = !s.slot_memory.empty() && bytes > *s.slot_memory.begin();
  const int64_t ahead = PositionOf(s, request) - 1;
  if (is_picky) {
    return Say(Sentence::kWaitsForLargeSlot, {SizeText(bytes), Number(ahead), VerbFor(ahead)});
  }
  return Say(Sentence::kWaitsForSlot, {Number(ahead), VerbFor(ahead)});
}

Result<Explanation> Core::Explain(const RequestId& id, int64_t slots_max) const {
  const auto it = state().requests.find(id);
  if (it == state().requests.end()) {
    return NotFound("no request '" + id.text + "'; list the requests to find its id");
  }
  if (!it->second.live) {
    return FailedPrecondition("request '" + id.text + "' has ended: " + it->second.row.ending);
  }
  Explanation out = machine_->Explain(it->second, slots_max);
  out.answer = WaitReason(id);
  if (out.answer.empty()) out.answer = RunningText(it->second);
  return out;
}

Preview Core::PreviewOf(const RequestSpec& spec, int64_t memory_bytes, int64_t slots_max) const {
  Preview out = machine_->PreviewOf(spec, memory_bytes, slots_max);
  if (out.start_ms || !out.fits) return out;
  // A slot comes free for it once those ahead have started in the first ones that come free.
  std::vector<int64_t> etas;
  for (const auto& [id, lease] : state().leases) {
    const auto eta = ProgressOf(lease.row.request).eta_ms;
    if (eta) etas.push_back(*eta);
  }
  std::sort(etas.begin(), etas.end());
  const auto place = static_cast<size_t>(out.ahead);
  if (place < etas.size()) out.start_ms = etas[place];
  return out;
}

std::vector<WorkerView> Core::Workers() const {
  std::vector<WorkerView> out;
  for (const auto& [id, worker] : state().workers) out.push_back(ViewOf(state(), worker));
  return out;
}

std::optional<WorkerView> Core::FindWorker(const WorkerId& id) const {
  const auto it = state().workers.find(id);
  if (it == state().workers.end()) return std::nullopt;
  return ViewOf(state(), it->second);
}

}  // namespace koeval::core
