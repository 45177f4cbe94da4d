// Transitions of the agent.
#include "worker/agent/agent_state.h"

#include <fmt/core.h>

#include <algorithm>

#include "worker/agent/limits.h"

namespace koeval::agent {
namespace {

constexpr int64_t kPlanBatch = -1;  // a plan is acknowledged under this number

}  // namespace

AgentState::AgentState(std::string worker, std::string version, std::vector<SlotInfo> slots)
    : worker_(std::move(worker)), version_(std::move(version)) {
  for (SlotInfo& info : slots) {
    SlotState state;
    state.info = std::move(info);
    slots_.push_back(std::move(state));
  }
}

std::vector<AgentAction> AgentState::Apply(const AgentEvent& event, MonoTime now) {
  Actions out;
  now_ = now;
  if (const auto* message = std::get_if<FromScheduler>(&event)) {
    On(*message, now, out);
  } else if (const auto* warm = std::get_if<SlotWarm>(&event)) {
    for (SlotState& slot : slots_) {
      if (slot.info.index == warm->slot) slot.warm_model = warm->model_key;
    }
  } else if (const auto* note = std::get_if<SlotNote>(&event)) {
    for (SlotState& slot : slots_) {
      if (slot.info.index == note->slot) slot.note = note->text;
    }
  } else if (const auto* plan = std::get_if<SlotPlan>(&event)) {
    OnSlotPlan(*plan);
  } else if (const auto* batch = std::get_if<SlotBatch>(&event)) {
    OnSlotBatch(*batch, out);
  } else if (const auto* ended = std::get_if<SlotEnded>(&event)) {
    OnSlotEnded(*ended, now, out);
  } else if (std::holds_alternative<LinkUp>(event)) {
    Hello hello{worker_, version_, {}, Held()};
    for (const SlotState& slot : slots_) hello.slots.push_back(slot.info);
    out.push_back(Send{std::move(hello)});
  } else if (std::holds_alternative<LinkDown>(event)) {
    connected_ = false;
    unanswered_heartbeat_.reset();
  } else if (std::holds_alternative<ShutdownAsked>(event)) {
    OnShutdown(out);
  } else {
    OnTick(now, out);
  }
  return out;
}

bool AgentState::idle() const {
  return std::none_of(slots_.begin(), slots_.end(),
                      [](const SlotState& slot) { return slot.lease || slot.next; });
}

std::string AgentState::Describe() const {
  const auto busy =
      std::count_if(slots_.begin(), slots_.end(), [](const SlotState& s) { return !!s.lease; });
  std::string out =
      fmt::format("{}{}, {} of {} slots busy", shutting_down_ ? "shutting down, " : "",
                  connected_ ? "connected" : "not connected", busy, slots_.size());
  for (const SlotState& slot : slots_) {
    if (!slot.note.empty()) out += fmt::format("; slot {}: {}", slot.info.index, slot.note);
  }
  return out;
}

void AgentState::On(const FromScheduler& message, MonoTime now, Actions& out) {
  if (const auto* welcome = std::get_if<Welcome>(&message)) {
    OnWelcome(*welcome, now, out);
  } else if (const auto* order = std::get_if<LeaseOrder>(&message)) {
    OnOrder(*order, now, out);
  } else if (const auto* stored = std::get_if<BatchStored>(&message)) {
    OnStored(*stored, out);
  } else if (const auto* revoke = std::get_if<Revoke>(&message)) {
    OnRevoke(*revoke, out);
  } else {
    OnHeartbeatAck(out);
  }
}

void AgentState::OnWelcome(const Welcome& welcome, MonoTime now, Actions& out) {
  connected_ = true;
  heartbeat_ms_ = welcome.heartbeat_ms;
  lease_ms_ = welcome.lease_ms;
  for (SlotState& slot : slots_) {
    if (!slot.lease) continue;
    ActiveLease& lease = *slot.lease;
    const bool kept = std::find(welcome.keep.begin(), welcome.keep.end(), lease.order.lease) !=
                      welcome.keep.end();
    if (!kept) {
      lease.abandoned = true;
      Stop(slot, out);
      FinishIfSettled(slot, now, out);
      continue;
    }
    lease.deadline = now + lease_ms_;
    for (const auto& [index, batch] : lease.unsaved) out.push_back(Send{batch});
    SendPlanIfDone(lease, out);
    FinishIfSettled(slot, now, out);
  }
  SendHeartbeat(now, out);
}

void AgentState::OnOrder(const LeaseOrder& order, MonoTime now, Actions& out) {
  for (SlotState& slot : slots_) {
    if (slot.info.index != order.slot) continue;
    if (shutting_down_ || slot.next) {
      SendIfConnected(LeaseEnded{order.lease, "HANDED_BACK",
                                 shutting_down_ ? "the worker is shutting down"
                                                : "the slot already has two leases",
                                 ""},
                      out);
    } else if (slot.lease) {
      slot.next = order;
    } else {
      Start(slot, order, now, out);
    }
    return;
  }
  SendIfConnected(LeaseEnded{order.lease, "HANDED_BACK", "no such slot", ""}, out);
}

void AgentState::OnStored(const BatchStored& stored, Actions& out) {
  SlotState* slot = SlotOf(stored.lease);
  if (slot == nullptr) return;
  ActiveLease& lease = *slot->lease;
  if (stored.batch == kPlanBatch) {
    lease.plan_stored = lease.plan.has_value();
    lease.plan.reset();
  } else {
    lease.unsaved.erase(stored.batch);
  }
  FinishIfSettled(*slot, now_, out);
}

void AgentState::OnRevoke(const Revoke& revoke, Actions& out) {
  SlotState* slot = SlotOf(revoke.lease);
  if (slot == nullptr) {
    // A queued order that never started is simply forgotten.
    for (SlotState& other : slots_) {
      if (other.next && other.next->lease == revoke.lease) other.next.reset();
    }
    return;
  }
  slot->lease->abandoned = true;
  Stop(*slot, out);
  FinishIfSettled(*slot, now_, out);
}

void AgentState::OnHeartbeatAck(Actions& out) {
  if (!unanswered_heartbeat_) return;
  // The lease is good for lease_ms from when the heartbeat was sent, not from when it was answered.
  const MonoTime good_until = *unanswered_heartbeat_ + lease_ms_;
  unanswered_heartbeat_.reset();
  for (SlotState& slot : slots_) {
    if (!slot.lease || slot.lease->abandoned || slot.lease->slot_ended) continue;
    if (good_until <= slot.lease->deadline) continue;
    slot.lease->deadline = good_until;
    out.push_back(ExtendLease{slot.info.index, slot.lease->order.lease,
                              std::max<int64_t>(0, good_until - now_)});
  }
}

void AgentState::OnSlotPlan(const SlotPlan& event) {
  SlotState* slot = SlotAt(event.slot, event.plan.lease);
  if (slot != nullptr) slot->lease->plan = event.plan;
}

void AgentState::OnSlotBatch(const SlotBatch& event, Actions& out) {
  SlotState* slot = SlotAt(event.slot, event.batch.lease);
  if (slot == nullptr || slot->lease->abandoned) return;
  if (event.batch.results_json.size() > kResultsBytesMax) {
    return GiveUpTooLarge(*slot, event.batch, out);
  }
  slot->lease->unsaved.emplace(event.batch.batch, event.batch);
  SendIfConnected(event.batch, out);
}

// The scheduler would end the stream over it, again and again.
void AgentState::GiveUpTooLarge(SlotState& slot, const BatchDone& batch, Actions& out) {
  SendIfConnected(
      LeaseEnded{batch.lease, "INTERNAL",
                 fmt::format("the results of batch {} have {} bytes, more than the {} of a message",
                             batch.batch, batch.results_json.size(), kResultsBytesMax),
                 "Submit it with a limit, or ask the operator for smaller batches."},
      out);
  slot.lease->abandoned = true;
  Stop(slot, out);
}

void AgentState::OnSlotEnded(const SlotEnded& event, MonoTime now, Actions& out) {
  SlotState* slot = SlotAt(event.slot, event.lease);
  if (slot == nullptr) return;
  ActiveLease& lease = *slot->lease;
  lease.slot_ended = true;
  lease.end = {event.lease, event.ending == "STOPPED" ? "HANDED_BACK" : event.ending, event.reason,
               event.remedy};
  SendPlanIfDone(lease, out);
  FinishIfSettled(*slot, now, out);
}

// A plan leaves once its slot is free, so that the next order finds it so.
void AgentState::SendPlanIfDone(const ActiveLease& lease, Actions& out) {
  if (lease.abandoned || !lease.slot_ended || lease.end.ending != "DONE" || !lease.plan) return;
  SendIfConnected(*lease.plan, out);
}

void AgentState::OnShutdown(Actions& out) {
  shutting_down_ = true;
  for (SlotState& slot : slots_) {
    if (slot.next) {
      SendIfConnected(
          LeaseEnded{slot.next->lease, "HANDED_BACK", "the worker is shutting down", ""}, out);
      slot.next.reset();
    }
    Stop(slot, out);
  }
  SayGoodbyeIfIdle(out);
}

void AgentState::OnTick(MonoTime now, Actions& out) {
  for (SlotState& slot : slots_) {
    if (slot.lease && !slot.lease->slot_ended && now >= slot.lease->deadline) Stop(slot, out);
  }
  if (connected_ && now - last_heartbeat_ >= heartbeat_ms_) SendHeartbeat(now, out);
  SayGoodbyeIfIdle(out);
}

void AgentState::Start(SlotState& slot, const LeaseOrder& order, MonoTime now, Actions& out) {
  ActiveLease lease;
  lease.order = order;
  lease.deadline = now + lease_ms_;
  slot.lease = std::move(lease);
  out.push_back(StartLease{slot.info.index, order});
}

void AgentState::Stop(SlotState& slot, Actions& out) {
  if (!slot.lease || slot.lease->stopping || slot.lease->slot_ended) return;
  slot.lease->stopping = true;
  out.push_back(StopLease{slot.info.index, slot.lease->order.lease});
}

void AgentState::FinishIfSettled(SlotState& slot, MonoTime now, Actions& out) {
  if (!slot.lease || !slot.lease->slot_ended) return;
  ActiveLease& lease = *slot.lease;
  if (!lease.abandoned) {
    const bool is_done = lease.end.ending == "DONE";
    // Said only over a live link and after the last result is stored: then the scheduler knows all.
    if (!connected_ || !lease.unsaved.empty() || (is_done && lease.plan)) return;
    // A range whose last batch is stored, or a plan that is, has ended for the scheduler too.
    const bool is_told = is_done && (!lease.order.planning() || lease.plan_stored);
    if (!is_told) out.push_back(Send{lease.end});
  }
  slot.lease.reset();
  if (slot.next) {
    const LeaseOrder next = *std::move(slot.next);
    slot.next.reset();
    Start(slot, next, now, out);
  }
  SayGoodbyeIfIdle(out);
}

void AgentState::SayGoodbyeIfIdle(Actions& out) {
  if (!shutting_down_ || said_goodbye_ || !idle()) return;
  said_goodbye_ = true;
  out.push_back(Goodbye{});
}

void AgentState::SendHeartbeat(MonoTime now, Actions& out) {
  Heartbeat heartbeat{Held(), {}};
  for (const SlotState& slot : slots_) {
    if (!slot.warm_model.empty()) heartbeat.warm.push_back({slot.info.index, slot.warm_model});
  }
  last_heartbeat_ = now;
  if (!unanswered_heartbeat_) unanswered_heartbeat_ = now;
  out.push_back(Send{std::move(heartbeat)});
}

void AgentState::SendIfConnected(ToScheduler message, Actions& out) {
  if (connected_) out.push_back(Send{std::move(message)});
}

AgentState::SlotState* AgentState::SlotOf(LeaseId lease) {
  for (SlotState& slot : slots_) {
    if (slot.lease && slot.lease->order.lease == lease) return &slot;
  }
  return nullptr;
}

AgentState::SlotState* AgentState::SlotAt(int64_t index, LeaseId lease) {
  SlotState* slot = SlotOf(lease);
  return slot != nullptr && slot->info.index == index ? slot : nullptr;
}

std::vector<HeldLease> AgentState::Held() const {
  std::vector<HeldLease> held;
  for (const SlotState& slot : slots_) {
    if (slot.lease && !slot.lease->abandoned) {
      held.push_back({slot.lease->order.lease, slot.info.index});
    }
  }
  return held;
}

}  // namespace koeval::agent
