// The invariant checker.
#include "scheduler/core/invariants.h"

#include <algorithm>
#include <set>
#include <string>

namespace koeval::core {
namespace {

#define REQUIRE(condition, text)                                            \
  do {                                                                      \
    if (!(condition)) return Internal(std::string("invariant: ") + (text)); \
  } while (false)

std::string Of(const Request& request) {
  return " (request " + request.row.id.text + ", " + std::string(PhaseName(request.row.phase)) +
         ")";
}

bool PhaseFitsState(const RequestRow& row) {
  switch (row.state) {
    case RequestState::kPending:
      return row.phase == Phase::kChecking || row.phase == Phase::kQueued;
    case RequestState::kRunning:
      return row.phase == Phase::kPlanning || row.phase == Phase::kBatches ||
             row.phase == Phase::kScoring;
    case RequestState::kFinished:
    case RequestState::kFailed:
      return row.phase == Phase::kDone;
  }
  return false;
}

// Every batch of the plan is exactly one of stored, free and leased (leased ones may be stored).
Status CheckBatches(const State& state, const Request& request) {
  const Live& live = *request.live;
  const auto total = static_cast<int64_t>(live.stored.size());
  REQUIRE(total == (request.row.plan ? request.row.plan->BatchCount() : 0),
          "stored has one place for each batch" + Of(request));
  REQUIRE(std::count(live.stored.begin(), live.stored.end(), true) == live.stored_count,
          "stored_count counts" + Of(request));
  std::vector<int> owners(live.stored.size(), 0);
  for (size_t i = 0; i < owners.size(); ++i) owners[i] = live.stored[i] ? 1 : 0;
  int64_t last_end = -1;
  for (const auto& [begin, end] : live.free) {
    REQUIRE(last_end < begin && begin < end && end <= total, "free ranges are apart" + Of(request));
    last_end = end;
    for (int64_t b = begin; b < end; ++b) ++owners[static_cast<size_t>(b)];
  }
  for (const LeaseId id : live.leases) {
    const LeaseRow& row = state.leases.at(id).row;
    REQUIRE(row.end <= total, "a lease is inside the plan" + Of(request));
    for (int64_t b = row.begin; b < row.end; ++b) {
      const auto at = static_cast<size_t>(b);
      if (!live.stored[at]) ++owners[at];
    }
  }
  for (size_t i = 0; i < owners.size(); ++i) {
    REQUIRE(owners[i] == 1, "batch " + std::to_string(i) + " is " + std::to_string(owners[i]) +
                                " of stored, free, leased" + Of(request));
  }
  return OkStatus();
}

Status CheckPhase(const Request& request) {
  const Live& live = *request.live;
  const RequestRow& row = request.row;
  const size_t leases = live.leases.size();
  const bool is_complete = live.stored_count == static_cast<int64_t>(live.stored.size());
  switch (row.phase) {
    case Phase::kChecking:
      REQUIRE(leases == 0 && !row.plan && !live.attempt, "checks have no lease" + Of(request));
      break;
    case Phase::kQueued:
      REQUIRE(leases == 0 && !live.attempt, "a waiting request has no lease" + Of(request));
      REQUIRE(!row.plan || !live.free.empty(), "a waiting request has work left" + Of(request));
      break;
    case Phase::kPlanning:
      REQUIRE(leases == 1 && !row.plan && live.attempt, "one lease plans" + Of(request));
      break;
    case Phase::kBatches:
      REQUIRE(leases > 0 && row.plan && live.attempt && !is_complete,
              "batches run on leases" + Of(request));
      break;
    case Phase::kScoring:
      REQUIRE(leases == 0 && row.plan && is_complete && live.attempt,
              "scores come from complete sets" + Of(request));
      break;
    case Phase::kDone:
      break;
  }
  REQUIRE(live.active_since_ms.has_value() ==
              (row.phase == Phase::kPlanning || row.phase == Phase::kBatches),
          "active time runs while leases do" + Of(request));
  return OkStatus();
}

Status CheckQueue(const State& state, const Request& request) {
  const Live& live = *request.live;
  const RequestRow& row = request.row;
  const std::pair<RequestId, int64_t> asked{row.id, row.round};
  Queue expected = Queue::kNone;
  const bool is_postponed = state.recheck_deadlines.Has(row.id);
  REQUIRE(!is_postponed || (row.phase == Phase::kChecking && live.recheck_tries > 0),
          "only checks that found no hub are postponed" + Of(request));
  REQUIRE(live.recheck_tries < state.limits.recheck_tries_max,
          "checks are repeated within their bound" + Of(request));
  if (row.phase == Phase::kChecking && !is_postponed && !state.checks_asked.Has(asked)) {
    expected = Queue::kChecks;
  }
  if (row.phase == Phase::kQueued) expected = Queue::kWait;
  if (row.phase == Phase::kBatches && !live.free.empty()) expected = Queue::kHelp;
  if (row.phase == Phase::kScoring && !state.scores_asked.Has(asked)) {
    expected = Queue::kScores;
  }
  REQUIRE(live.queue == expected, "it stands in the list it belongs to" + Of(request));
  const Rank rank{row.spec.priority, row.number};
  const auto has = [&rank, &request](const RankTree& tree) {
    const auto it = tree.find(rank);
    return it != tree.end() && it->request == &request && it->need == request.live->memory_bytes;
  };
  const auto has_in = [&](const std::map<std::string, RankTree>& trees) {
    const auto it = trees.find(live.bound_class);
    return live.queue_class == live.bound_class && it != trees.end() && has(it->second);
  };
  REQUIRE((expected == Queue::kChecks) == has(state.checks), "checks list" + Of(request));
  REQUIRE((expected == Queue::kScores) == has(state.scores), "scores list" + Of(request));
  REQUIRE(expected != Queue::kWait || has_in(state.wait), "waiting list" + Of(request));
  REQUIRE(expected != Queue::kHelp || has_in(state.help), "helping list" + Of(request));
  const bool has_need = state.needs.contains({live.memory_bytes, row.id});
  const bool is_unfit = state.unfit_deadlines.Has(row.id);
  REQUIRE((has_need || is_unfit) == (expected == Queue::kWait && live.memory_bytes > 0) &&
              !(has_need && is_unfit),
          "what waits and says what it needs is watched" + Of(request));
  return OkStatus();
}

Status CheckRequest(const State& state, const Request& request) {
  const RequestRow& row = request.row;
  REQUIRE(PhaseFitsState(row), "state fits phase" + Of(request));
  REQUIRE(row.number < state.next_number, "number below the next one" + Of(request));
  REQUIRE(row.updated_seq < state.next_seq, "seq below the next one" + Of(request));
  const bool is_done = row.phase == Phase::kDone;
  REQUIRE(is_done != (request.live != nullptr), "terminal has nothing live" + Of(request));
  REQUIRE(is_done != row.ending.empty(), "exactly terminal ones have an ending" + Of(request));
  REQUIRE((row.state == RequestState::kFinished) == (row.ending == EndingName(Ending::kFinished)),
          "FINISHED is its own ending" + Of(request));
  REQUIRE(state.limit_deadlines.Has(row.id) == (request.live && request.live->active_since_ms),
          "running requests have a time limit" + Of(request));
  REQUIRE(state.strand_deadlines.Has(row.id) ==
              (row.phase == Phase::kQueued && request.live->stored_count > 0),
          "waiting requests with batches look for their class" + Of(request));
  if (is_done) return OkStatus();
  for (const LeaseId id : request.live->leases) {
    const auto lease = state.leases.find(id);
    REQUIRE(lease != state.leases.end() && lease->second.row.request == row.id,
            "its leases are its own" + Of(request));
  }
  for (const auto& [batch, workers] : request.live->faults) {
    REQUIRE(static_cast<int64_t>(workers.size()) < state.limits.faults_max,
            "faults stay below the bound" + Of(request));
  }
  RETURN_IF_ERROR(CheckPhase(request));
  RETURN_IF_ERROR(CheckBatches(state, request));
  return CheckQueue(state, request);
}

Status CheckLease(const State& state, LeaseId id, const Lease& lease) {
  const std::string name = " (lease " + std::to_string(id.value) + ")";
  const LeaseRow& row = lease.row;
  REQUIRE(row.id == id && 0 < id.value && id.value < state.next_lease,
          "lease numbers are below the next one" + name);
  REQUIRE(row.end - row.begin <= state.limits.lease_batches_max || lease.reattaching,
          "a lease covers no more than its bound" + name);
  const auto request = state.requests.find(row.request);
  REQUIRE(request != state.requests.end() && request->second.live &&
              request->second.live->leases.contains(id) && request->second.row.round == row.round,
          "a lease is of a live round" + name);
  REQUIRE(state.lease_deadlines.Has(id), "a lease has a deadline" + name);
  const auto worker = state.workers.find(row.worker);
  REQUIRE(worker != state.workers.end() && worker->second.leases.contains(id),
          "a lease has a worker" + name);
  const Worker& w = worker->second;
  REQUIRE(!lease.reattaching || w.session.value == 0, "Hello settles every lease" + name);
  const std::string& bound = request->second.live->bound_class;
  REQUIRE(row.begin == row.end || lease.reattaching || lease.hardware_class == bound,
          "classes are not mixed" + name);
  if (lease.reattaching) return OkStatus();
  const auto slot = w.slots.find(row.slot);
  REQUIRE(slot != w.slots.end() && slot->second.lease == id, "a lease has its slot" + name);
  return OkStatus();
}

Status CheckWorker(const State& state, const Worker& worker) {
  const std::string name = " (worker " + worker.id.text + ")";
  const bool is_connected = worker.session.value != 0;
  const bool is_ready = is_connected && !state.drained.contains(worker.id);
  if (is_connected) {
    const auto session = state.sessions.find(worker.session);
    REQUIRE(session != state.sessions.end() && session->second == worker.id,
            "a session leads to its worker" + name);
  }
  REQUIRE(state.silence_deadlines.Has(worker.id) == is_connected,
          "connected workers may not be silent" + name);
  REQUIRE(state.forget_deadlines.Has(worker.id) != is_connected,
          "workers that are gone are forgotten some day" + name);
  REQUIRE(worker.ready_classes.empty() != is_ready, "ready workers are indexed" + name);
  for (const std::string& c : worker.ready_classes) {
    const auto ready = state.ready.find(c);
    REQUIRE(ready != state.ready.end() && ready->second.contains(worker.id),
            "ready index holds it" + name);
  }
  for (const auto& [index, slot] : worker.slots) {
    const SlotKey key{worker.id, index};
    REQUIRE(slot.is_idle == (is_ready && slot.lease.value == 0 && !slot.resting),
            "idle slots are indexed" + name);
    REQUIRE(slot.resting == state.rest_deadlines.Has(key), "a rest ends" + name);
    REQUIRE(slot.lease.value == 0 || worker.leases.contains(slot.lease),
            "a slot's lease is its worker's" + name);
    REQUIRE(state.slot_memory.contains(SlotMemory(slot.info)), "its memory is counted" + name);
    if (!slot.is_idle) continue;
    const IdleSlot idle_key{SlotMemory(slot.info), key};
    const auto idle = state.idle.find(slot.idle_class);
    const auto warm = state.idle_warm.find({slot.idle_class, slot.idle_warm});
    REQUIRE(slot.idle_class == slot.info.hardware_class && slot.idle_warm == slot.warm &&
                idle != state.idle.end() && idle->second.contains(idle_key) &&
                warm != state.idle_warm.end() && warm->second.contains(idle_key),
            "idle index holds it" + name);
  }
  return OkStatus();
}

template <typename Map>
size_t Total(const Map& map) {
  size_t n = 0;
  for (const auto& [key, values] : map) n += values.size();
  return n;
}

// With the checks of each member, equal sizes mean that indexes hold nothing else.
Status CheckSizes(const State& state) {
  int64_t counts[4] = {0, 0, 0, 0};
  size_t in_wait = 0;
  size_t with_need = 0;
  size_t in_help = 0;
  size_t in_checks = 0;
  size_t in_scores = 0;
  size_t postponed = 0;
  size_t leases = 0;
  size_t limits = 0;
  std::set<int64_t> numbers;
  for (const auto& [id, request] : state.requests) {
    ++counts[static_cast<size_t>(request.row.state)];
    numbers.insert(request.row.number);
    if (!request.live) continue;
    const bool waits = request.live->queue == Queue::kWait;
    in_wait += waits ? 1 : 0;
    with_need += waits && request.live->memory_bytes > 0 ? 1 : 0;
    in_help += request.live->queue == Queue::kHelp ? 1 : 0;
    in_checks += request.live->queue == Queue::kChecks ? 1 : 0;
    in_scores += request.live->queue == Queue::kScores ? 1 : 0;
    postponed += state.recheck_deadlines.Has(id) ? 1 : 0;
    leases += request.live->leases.size();
    limits += request.live->active_since_ms ? 1 : 0;
  }
  REQUIRE(std::equal(counts, counts + 4, state.state_counts), "counters of states count");
  REQUIRE(numbers.size() == state.requests.size(), "numbers are unique");
  REQUIRE(in_wait == Total(state.wait) && in_help == Total(state.help) &&
              in_checks == state.checks.size() && in_scores == state.scores.size(),
          "lists hold live requests only");
  REQUIRE(with_need == state.needs.size() + state.unfit_deadlines.size(),
          "needs are of waiting requests");
  REQUIRE(leases == state.leases.size() && leases == state.lease_deadlines.size(),
          "every lease is of a request");
  REQUIRE(postponed == state.recheck_deadlines.size(), "live requests alone are postponed");
  REQUIRE(state.strand_deadlines.size() <= in_wait, "only waiting requests look for a class");
  REQUIRE(limits == state.limit_deadlines.size(), "time limits are of running requests");
  for (const auto& [identity, id] : state.identities) {
    REQUIRE(!identity.empty() && state.requests.contains(id), "identities are of requests");
  }
  size_t idle = 0;
  size_t slots = 0;
  size_t held = 0;
  size_t ready = 0;
  size_t connected = 0;
  for (const auto& [id, worker] : state.workers) {
    held += worker.leases.size();
    ready += worker.ready_classes.size();
    connected += worker.session.value != 0 ? 1 : 0;
    for (const auto& [index, slot] : worker.slots) idle += slot.is_idle ? 1 : 0;
    slots += worker.slots.size();
  }
  REQUIRE(held == state.leases.size(), "every lease is of one worker");
  REQUIRE(slots == state.slot_memory.size(), "the memory of every slot is counted once");
  REQUIRE(ready == Total(state.ready), "ready index holds ready workers only");
  REQUIRE(connected == state.sessions.size(), "sessions are of connected workers");
  REQUIRE(idle == Total(state.idle) && idle == Total(state.idle_warm),
          "idle indexes hold idle slots only");
  return OkStatus();
}

#undef REQUIRE

}  // namespace

Status CheckInvariants(const State& state) {
  for (const auto& [id, lease] : state.leases) RETURN_IF_ERROR(CheckLease(state, id, lease));
  for (const auto& [id, request] : state.requests) RETURN_IF_ERROR(CheckRequest(state, request));
  for (const auto& [id, worker] : state.workers) RETURN_IF_ERROR(CheckWorker(state, worker));
  return CheckSizes(state);
}

}  // namespace koeval::core
