// Workers: sessions, slots, heartbeats, and the indexes of what is idle.
#include <algorithm>
#include <set>
#include <string>

#include "common/base/check.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/sentences.h"

namespace koeval::core {
namespace {

constexpr size_t kNameBytesMax = 64;
constexpr size_t kClassBytesMax = 256;

bool IsWorkerName(const std::string& text) {
  if (text.empty() || text.size() > kNameBytesMax) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
  });
}

bool IsClassName(const std::string& text) {
  return !text.empty() && text.size() <= kClassBytesMax &&
         std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) < 0x20; });
}

template <typename Index, typename Key, typename Value>
void EraseFrom(Index& index, const Key& key, const Value& value) {
  const auto it = index.find(key);
  KOEVAL_CHECK(it != index.end(), "an index lost an entry");
  it->second.erase(value);
  if (it->second.empty()) index.erase(it);
}

}  // namespace

Worker* Machine::WorkerOf(SessionId session) {
  const auto it = s_.sessions.find(session);
  if (it == s_.sessions.end()) {
    Close(session, FailedPrecondition("the stream has no session; connect again and say Hello"));
    return nullptr;
  }
  Worker& worker = s_.workers.at(it->second);
  worker.last_seen_ms = s_.time_ms;
  s_.silence_deadlines.Set(worker.id, s_.time_ms + s_.limits.lease_ms);
  return &worker;
}

std::optional<std::string> Machine::HelloProblem(const WorkerHello& event) const {
  if (!IsWorkerName(event.worker.text)) {
    return "worker: use 1 to 64 letters, digits, '.', '_' or '-'";
  }
  if (static_cast<int64_t>(event.slots.size()) > s_.limits.worker_slots_max) {
    return "slots: at most " + std::to_string(s_.limits.worker_slots_max);
  }
  if (static_cast<int64_t>(event.held.size()) > s_.limits.held_leases_max) {
    return "held: at most " + std::to_string(s_.limits.held_leases_max);
  }
  std::set<int64_t> seen;
  for (const SlotInfo& slot : event.slots) {
    if (slot.index < 0 || !seen.insert(slot.index).second) {
      return "slots: index " + std::to_string(slot.index) + " is negative or there twice";
    }
    if (!IsClassName(slot.hardware_class)) {
      return "slots: the hardware class of slot " + std::to_string(slot.index) +
             " is empty, too long or has control characters";
    }
  }
  return std::nullopt;
}

void Machine::On(const WorkerHello& event) {
  if (s_.sessions.contains(event.session)) {
    Worker& worker = s_.workers.at(s_.sessions.at(event.session));
    Disconnect(worker, "it said Hello twice");
    return Close(event.session, InvalidArgument("Hello came twice on one stream; connect again"));
  }
  if (const auto problem = HelloProblem(event)) {
    return Close(event.session, InvalidArgument("Hello: " + *problem));
  }
  Worker* worker = AdmitWorker(event.worker);
  if (worker == nullptr) {
    return Close(event.session, ResourceExhausted("workers_max: too many workers are known"));
  }
  if (worker->session.value != 0) {
    Close(worker->session, AlreadyExists("a newer stream of worker " + worker->id.text +
                                         " took over; end this one"));
    Disconnect(*worker, "a newer stream took over");
  }
  worker->session = event.session;
  worker->version = Clip(event.version);
  worker->wrong_for.clear();
  s_.sessions.emplace(event.session, worker->id);
  s_.forget_deadlines.Erase(worker->id);
  WorkerOf(event.session);
  TakeSlots(*worker, event.slots);

  SendWelcome welcome{event.session, s_.limits.heartbeat_ms, s_.limits.lease_ms, {}};
  std::vector<std::pair<LeaseId, bool>> lost;
  for (const LeaseId id : worker->leases) {
    Lease& lease = s_.leases.at(id);
    const bool counts = CountsWithout(lease);
    if (Reattach(*worker, lease, event.held)) {
      welcome.keep.push_back(id);
    } else {
      lost.emplace_back(id, counts);
    }
  }
  RefreshWorker(*worker);
  Emit(std::move(welcome));
  NoteQueue(kind::kWorkerConnected, "worker " + worker->id.text);
  for (const auto& [id, counts] : lost) {
    if (!s_.leases.contains(id)) continue;  // its request failed with the one before
    const Lease& lease = s_.leases.at(id);
    if (!lease.is_confirmed && !lease.reattaching) ++RequestOf(lease).live->undelivered;
    LoseLease(id, {Ending::kWorkerLost, Say(Sentence::kBackWithout, {worker->id.text}), ""},
              {.counts = counts});
  }
}

// Whether a Hello without `lease` is held against its batch: not when the lease may never have
// arrived, nor when the scheduler's own restart or stall made the worker give it up.
bool Machine::CountsWithout(const Lease& lease) {
  if (lease.reattaching) return false;
  if (lease.is_confirmed) return *s_.last_mono - lease.renewed < s_.limits.lease_ms;
  const Live& live = *RequestOf(lease).live;
  return live.undelivered >= s_.limits.undelivered_max;
}

bool Machine::Reattach(Worker& worker, Lease& lease, const std::vector<HeldLease>& held) {
  const auto is_held = [&lease](const HeldLease& h) {
    return h.lease == lease.row.id && h.slot == lease.row.slot;
  };
  if (std::none_of(held.begin(), held.end(), is_held)) return false;
  const auto slot = worker.slots.find(lease.row.slot);
  if (slot == worker.slots.end()) return false;
  const std::string& slot_class = slot->second.info.hardware_class;
  Request& request = RequestOf(lease);
  const bool is_planning = lease.row.begin == lease.row.end;
  if (!is_planning) {
    if (request.live->bound_class == kUnknownClass) {
      request.live->bound_class = slot_class;
      Requeue(request);
    }
    if (request.live->bound_class != slot_class) return false;
  }
  lease.reattaching = false;
  lease.hardware_class = slot_class;
  slot->second.lease = lease.row.id;
  slot->second.warm = ModelKey(request.row.spec);
  lease.is_confirmed = true;
  Renew(lease);
  return true;
}

void Machine::On(const WorkerHeartbeat& event) {
  Worker* worker = WorkerOf(event.session);
  if (worker == nullptr) return;
  if (static_cast<int64_t>(event.held.size()) > s_.limits.held_leases_max) {
    Disconnect(*worker, "its heartbeat names too many leases");
    return Close(event.session, InvalidArgument("Heartbeat: held: at most " +
                                                std::to_string(s_.limits.held_leases_max)));
  }
  for (const HeldLease& held : event.held) {
    if (Admit(event.session, held.lease, /*answer=*/true) == nullptr) continue;
    const auto lease = s_.leases.find(held.lease);
    if (lease == s_.leases.end()) continue;
    lease->second.is_confirmed = true;
    Renew(lease->second);
  }
  for (auto& [index, slot] : worker->slots) {
    const auto warm = std::find_if(event.warm.begin(), event.warm.end(),
                                   [i = index](const WarmModel& w) { return w.slot == i; });
    const bool is_busy = slot.lease.value != 0;
    if (warm != event.warm.end()) {
      slot.warm = warm->model_key;
    } else if (!is_busy) {
      slot.warm.clear();
    }
    RefreshSlot(*worker, slot);
  }
  Emit(SendHeartbeatAck{event.session});
}

void Machine::On(const WorkerGone& event) {
  const auto it = s_.sessions.find(event.session);
  if (it == s_.sessions.end()) return;
  Disconnect(s_.workers.at(it->second), "its stream ended");
}

void Machine::Disconnect(Worker& worker, const std::string& why) {
  s_.sessions.erase(worker.session);
  worker.session = SessionId{};
  s_.silence_deadlines.Erase(worker.id);
  s_.forget_deadlines.Set(worker.id, s_.time_ms + s_.limits.worker_forget_ms);
  RefreshWorker(worker);
  NoteQueue(kind::kWorkerGone, "worker " + worker.id.text + ": " + why);
}

Worker* Machine::AdmitWorker(const WorkerId& id) {
  const auto known = s_.workers.find(id);
  if (known != s_.workers.end()) return &known->second;
  if (static_cast<int64_t>(s_.workers.size()) >= s_.limits.workers_max) {
    for (const auto& [name, worker] : s_.workers) {
      if (worker.session.value != 0 || !worker.leases.empty()) continue;
      ForgetWorker(WorkerId{name});
      break;
    }
  }
  if (static_cast<int64_t>(s_.workers.size()) >= s_.limits.workers_max) return nullptr;
  Worker& worker = s_.workers[id];
  worker.id = id;
  return &worker;
}

void Machine::ForgetWorker(const WorkerId& id) {
  const Worker& worker = s_.workers.at(id);
  if (!worker.leases.empty()) {
    s_.forget_deadlines.Set(id, s_.time_ms + s_.limits.worker_forget_ms);
    return;
  }
  s_.forget_deadlines.Erase(id);
  for (const auto& [index, slot] : worker.slots) s_.rest_deadlines.Erase({id, index});
  UncountMemory(worker);
  s_.workers.erase(id);
}

void Machine::TakeSlots(Worker& worker, const std::vector<SlotInfo>& slots) {
  for (auto& [index, slot] : worker.slots) {
    KOEVAL_CHECK(!slot.is_idle, "slots were replaced while they could be given a lease");
    s_.rest_deadlines.Erase({worker.id, index});
  }
  UncountMemory(worker);
  worker.slots.clear();
  for (const SlotInfo& info : slots) worker.slots[info.index].info = info;
  CountMemory(worker);
}

void Machine::RefreshWorker(Worker& worker) {
  for (const std::string& name : worker.ready_classes) EraseFrom(s_.ready, name, worker.id);
  worker.ready_classes.clear();
  if (worker.session.value != 0 && !s_.drained.contains(worker.id)) {
    std::set<std::string> names = {""};
    for (const auto& [index, slot] : worker.slots) names.insert(slot.info.hardware_class);
    worker.ready_classes.assign(names.begin(), names.end());
    for (const std::string& name : names) s_.ready[name].insert(worker.id);
  }
  for (auto& [index, slot] : worker.slots) RefreshSlot(worker, slot);
}

void Machine::RefreshSlot(Worker& worker, Slot& slot) {
  const IdleSlot key{SlotMemory(slot.info), {worker.id, slot.info.index}};
  if (slot.is_idle) {
    EraseFrom(s_.idle, slot.idle_class, key);
    EraseFrom(s_.idle_warm, std::pair(slot.idle_class, slot.idle_warm), key);
  }
  slot.is_idle = worker.session.value != 0 && !s_.drained.contains(worker.id) &&
                 slot.lease.value == 0 && !slot.resting;
  if (!slot.is_idle) return;
  slot.idle_class = slot.info.hardware_class;
  slot.idle_warm = slot.warm;
  s_.idle[slot.idle_class].insert(key);
  s_.idle_warm[{slot.idle_class, slot.idle_warm}].insert(key);
}

void Machine::Close(SessionId session, Status status) {
  Emit(CloseSession{session, std::move(status)});
}

}  // namespace koeval::core
