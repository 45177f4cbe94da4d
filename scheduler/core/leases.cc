// Leases: the fence, results, faults, and how a lease ends.
#include <algorithm>
#include <iterator>
#include <string>

#include "common/base/check.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/sentences.h"

namespace koeval::core {
namespace {

bool IsPlanning(const LeaseRow& row) {
  return row.begin == row.end;
}

// The batch that is in flight on a lease: batches of a lease run in order.
int64_t FirstUnstored(const Live& live, const LeaseRow& row) {
  if (IsPlanning(row)) return kPlanning;
  int64_t batch = row.begin;
  while (batch < row.end && live.stored[static_cast<size_t>(batch)]) ++batch;
  return batch;
}

std::string RangeText(const LeaseRow& row) {
  if (IsPlanning(row)) return "planning";
  return "batches " + std::to_string(row.begin) + ".." + std::to_string(row.end - 1);
}

// Why `plan` cannot be run; nothing when it can.
std::optional<Finding> PlanProblem(const PlanInfo& plan, const Limits& limits) {
  if (plan.digest.empty()) return Finding{Ending::kInternal, Say(Sentence::kPlanWithoutDigest), ""};
  if (static_cast<int64_t>(plan.tasks.size()) > limits.plan_tasks_max) {
    return Finding{Ending::kInfeasible,
                   Say(Sentence::kPlanTasks, {Number(static_cast<int64_t>(plan.tasks.size())),
                                              Number(limits.plan_tasks_max)}),
                   ""};
  }
  int64_t batches = 0;
  for (const PlanTask& task : plan.tasks) {
    if (task.batches < 0) {
      return Finding{Ending::kInternal, Say(Sentence::kPlanNegative, {task.task}), ""};
    }
    if (task.batches > limits.batches_max - batches) {
      return Finding{Ending::kInfeasible, Say(Sentence::kPlanBatches, {Number(limits.batches_max)}),
                     Say(Sentence::kUseLimit)};
    }
    batches += task.batches;
  }
  if (batches == 0) return Finding{Ending::kInternal, Say(Sentence::kPlanEmpty), ""};
  return std::nullopt;
}

}  // namespace

const Lease* Machine::Admit(SessionId session, LeaseId lease, bool answer) {
  const Worker* worker = WorkerOf(session);
  if (worker == nullptr) return nullptr;
  const auto it = s_.leases.find(lease);
  if (it != s_.leases.end() && it->second.row.worker == worker->id) return &it->second;
  if (mutants_.accept_ended_leases) {
    if (const Lease* ended = EndedLease(lease)) return ended;
  }
  if (answer) Emit(SendRevoke{session, lease, "the lease is not current"});
  return nullptr;
}

const Lease* Machine::EndedLease(LeaseId id) {
  const auto it = ended_.find(id);
  if (it == ended_.end() || IsPlanning(it->second.row)) return nullptr;
  const Request& request = RequestOf(it->second);
  const bool fits = request.row.phase == Phase::kBatches &&
                    it->second.row.end <= static_cast<int64_t>(request.live->stored.size());
  return fits ? &it->second : nullptr;
}

void Machine::On(const PlanReady& event) {
  const Lease* lease = Admit(event.session, event.lease, /*answer=*/true);
  if (lease == nullptr) return;
  Request& request = RequestOf(*lease);
  if (!IsPlanning(lease->row) || request.row.phase != Phase::kPlanning) {
    return LoseLease(event.lease, {Ending::kInternal, Say(Sentence::kPlanNotAsked), ""}, {});
  }
  if (const auto problem = PlanProblem(event.plan, s_.limits)) {
    return LoseLease(event.lease, *problem, {});
  }
  const Lease ended = DropLease(event.lease);
  const int64_t batches = event.plan.BatchCount();
  request.row.plan = event.plan;
  request.live->stored.assign(static_cast<size_t>(batches), false);
  request.live->free.emplace(0, batches);
  Worker& worker = s_.workers.at(ended.row.worker);
  Slot& slot = worker.slots.at(ended.row.slot);
  slot.warm = ModelKey(request.row.spec);
  RefreshSlot(worker, slot);
  Move(request, Phase::kBatches);
  Note(request, kind::kPlanned, std::to_string(batches) + " batches");
  Emit(SendStored{event.session, event.lease, /*batch=*/-1});
}

void Machine::On(const BatchDone& event) {
  const Lease* lease = Admit(event.session, event.lease, /*answer=*/true);
  if (lease == nullptr) return;
  Request& request = RequestOf(*lease);
  if (event.batch < lease->row.begin || event.batch >= lease->row.end ||
      event.results_json.empty()) {
    return LoseLease(event.lease,
                     {Ending::kInternal,
                      Say(Sentence::kBadBatch, {lease->row.worker.text, Number(event.batch)}), ""},
                     {});
  }
  if (request.live->stored[static_cast<size_t>(event.batch)]) {
    return Emit(SendStored{event.session, event.lease, event.batch});
  }
  if (!BatchIsAcceptable(event, *lease)) return;
  const auto current = s_.leases.find(event.lease);
  if (current != s_.leases.end()) current->second.is_confirmed = true;
  StoreBatch(event, *lease);
}

bool Machine::BatchIsAcceptable(const BatchDone& event, const Lease& lease) {
  const RequestRow& row = RequestOf(lease).row;
  if (row.plan && event.plan_digest != row.plan->digest) {
    LoseLease(event.lease,
              {Ending::kPlanMismatch, Say(Sentence::kOtherPlan, {lease.row.worker.text}), ""}, {});
    return false;
  }
  if (!event.hardware_class.empty() && !row.hardware_class.empty() &&
      event.hardware_class != row.hardware_class) {
    s_.workers.at(lease.row.worker).wrong_for.emplace(row.id, row.round);
    LoseLease(event.lease,
              {Ending::kHandedBack,
               Say(Sentence::kRanOnOtherClass,
                   {lease.row.worker.text, event.hardware_class, row.hardware_class}),
               ""},
              {.counts = false});
    return false;
  }
  return true;
}

void Machine::StoreBatch(const BatchDone& event, const Lease& lease) {
  Request& request = RequestOf(lease);
  Live& live = *request.live;
  const LeaseRow row = lease.row;
  Worker& worker = s_.workers.at(row.worker);
  Write(BatchRow{row.request, row.round, event.batch, row.worker, row.id, event.results_json,
                 std::max<int64_t>(0, event.run_ms), s_.wall});
  live.stored[static_cast<size_t>(event.batch)] = true;
  ++live.stored_count;
  live.measured_ms += std::max<int64_t>(0, event.run_ms);
  ++live.measured;
  ++worker.batches_done;
  const auto slot = worker.slots.find(row.slot);
  if (slot != worker.slots.end()) {
    slot->second.warm = ModelKey(request.row.spec);
    RefreshSlot(worker, slot->second);
  }
  if (request.row.hardware_class.empty()) {
    // What the runner measured of its device, where it says so, is the truth for the record.
    request.row.hardware_class =
        event.hardware_class.empty() ? lease.hardware_class : event.hardware_class;
    SetMeta("class:" + row.request.text, live.bound_class);
  }
  const auto total = static_cast<int64_t>(live.stored.size());
  Note(request, kind::kBatch,
       std::to_string(live.stored_count) + " of " + std::to_string(total) + " batches");
  Emit(SendStored{event.session, event.lease, event.batch});
  if (FirstUnstored(live, row) == row.end && s_.leases.contains(row.id)) DropLease(row.id);
  if (live.stored_count == total) {
    Move(request, Phase::kScoring);
    Note(request, kind::kScoring, "every batch is stored");
  }
}

void Machine::On(const LeaseEnded& event) {
  const Lease* lease = Admit(event.session, event.lease, /*answer=*/false);
  if (lease == nullptr) return;
  const std::string& who = lease->row.worker.text;
  const std::string said = Say(Sentence::kWorkerSays, {who, event.reason});
  const std::optional<Ending> ending = ParseEnding(event.ending);
  if (ending == Ending::kHandedBack || ending == Ending::kCancelled) {
    Worker& worker = s_.workers.at(lease->row.worker);
    const SlotKey key{worker.id, lease->row.slot};
    worker.slots.at(key.slot).resting = true;
    s_.rest_deadlines.Set(key, s_.time_ms + s_.limits.hand_back_pause_ms);
    return LoseLease(event.lease, {Ending::kHandedBack, Clip(said), ""},
                     {.counts = false, .tell = false});
  }
  if (!ending || *ending == Ending::kFinished) {
    const std::string how = event.ending == "DONE" ? Say(Sentence::kEndedUnfinished, {who})
                                                   : Say(Sentence::kEndedAs, {who, event.ending});
    return LoseLease(event.lease, {Ending::kInternal, Clip(how), ""}, {.tell = false});
  }
  LoseLease(event.lease, {*ending, Clip(said), event.remedy}, {.tell = false});
}

void Machine::LoseLease(LeaseId id, const Finding& finding, Loss loss) {
  if (mutants_.any() && !s_.leases.contains(id)) return;
  Request& request = RequestOf(s_.leases.at(id));
  const Lease lease = DropLease(id);
  if (loss.tell) Revoke(lease, finding.reason);
  const EndingInfo& info = InfoOf(finding.ending);
  if (!info.retryable) return FailRequest(request, finding);
  if (loss.counts && info.blame != Blame::kNothing) {
    const int64_t batch =
        info.blame == Blame::kRequest ? kWholeRequest : FirstUnstored(*request.live, lease.row);
    if (CountFault(request, batch, lease.row.worker)) {
      FreeBatches(request, lease.row);
      return FailRequest(
          request, {finding.ending,
                    Say(Sentence::kFailedAlike, {finding.reason, Number(s_.limits.faults_max)}),
                    finding.remedy});
    }
  }
  if (!mutants_.lose_requeue) FreeBatches(request, lease.row);
  if (request.live->leases.empty()) {
    PutBack(request, finding.ending, finding.reason);
  } else {
    Requeue(request);
    Note(request, kind::kRangeBack,
         std::string(info.name) + ": " + RangeText(lease.row) + ": " + finding.reason);
  }
}

Lease Machine::DropLease(LeaseId id) {
  const auto it = s_.leases.find(id);
  KOEVAL_CHECK(it != s_.leases.end(), "a lease was dropped twice");
  Lease lease = it->second;
  if (mutants_.accept_ended_leases) ended_.emplace(id, lease);
  s_.leases.erase(it);
  s_.lease_deadlines.Erase(id);
  Request& request = RequestOf(lease);
  request.live->leases.erase(id);
  if (request.live->leases.empty() && request.live->stored_count == 0) {
    request.live->bound_class.clear();
  }
  unsettled_.push_back(&request);
  Worker& worker = s_.workers.at(lease.row.worker);
  worker.leases.erase(id);
  const auto slot = worker.slots.find(lease.row.slot);
  if (slot != worker.slots.end() && slot->second.lease == id) {
    slot->second.lease = LeaseId{};
    RefreshSlot(worker, slot->second);
  }
  Write(RemoveLease{id});
  return lease;
}

void Machine::Renew(Lease& lease) {
  lease.renewed = *s_.last_mono;
  s_.lease_deadlines.Set(lease.row.id, s_.time_ms + s_.limits.lease_ms);
}

void Machine::Revoke(const Lease& lease, const std::string& reason) {
  const Worker& worker = s_.workers.at(lease.row.worker);
  if (worker.session.value != 0) Emit(SendRevoke{worker.session, lease.row.id, reason});
}

void Machine::FreeBatches(Request& request, const LeaseRow& lease) {
  Live& live = *request.live;
  for (int64_t batch = lease.begin; batch < lease.end; ++batch) {
    if (live.stored[static_cast<size_t>(batch)]) continue;
    auto next = live.free.lower_bound(batch);
    const bool joins_next = next != live.free.end() && next->first == batch + 1;
    const int64_t end = joins_next ? next->second : batch + 1;
    if (joins_next) next = live.free.erase(next);
    if (next != live.free.begin() && std::prev(next)->second == batch) {
      std::prev(next)->second = end;
    } else {
      live.free.emplace(batch, end);
    }
  }
}

bool Machine::CountFault(Request& request, int64_t batch, const WorkerId& worker) {
  std::vector<WorkerId>& workers = request.live->faults[batch];
  workers.push_back(worker);
  std::string names;
  for (const WorkerId& name : workers) names += (names.empty() ? "" : " ") + name.text;
  SetMeta(FaultKey(request.row, batch), names);
  return static_cast<int64_t>(workers.size()) >= s_.limits.faults_max;
}

}  // namespace koeval::core
