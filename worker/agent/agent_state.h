// The agent as a state machine: which slot holds which lease, which results the scheduler has not
// stored yet, and what follows from each event. No I/O, no clock, no threads.
//
// A result or a plan stays here until the scheduler says that it is stored, and is sent again over
// a new stream when the scheduler kept the lease. A lease whose deadline passed without an
// acknowledged heartbeat stops by itself after the batch in flight (economy; safety rests on the
// scheduler's fence).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "worker/agent/messages.h"

namespace koeval::agent {

class AgentState {
 public:
  AgentState(std::string worker, std::string version, std::vector<SlotInfo> slots);

  // What to do next, in order. Events about leases or slots that are not current do nothing.
  std::vector<AgentAction> Apply(const AgentEvent& event, MonoTime now);

  bool connected() const { return connected_; }
  bool idle() const;
  // One line for people: "connected, 1 of 2 slots busy; slot 0: downloading ...".
  std::string Describe() const;

 private:
  struct ActiveLease {
    LeaseOrder order;
    MonoTime deadline;
    bool stopping = false;   // the slot was asked to stop
    bool abandoned = false;  // the scheduler took it away: nothing about it is sent any more
    bool slot_ended = false;
    std::optional<PlanReady> plan;  // of a planning lease, until the scheduler stored it
    bool plan_stored = false;
    std::map<int64_t, BatchDone> unsaved;  // results that the scheduler has not stored yet
    LeaseEnded end;                        // what to say once everything is stored
  };
  struct SlotState {
    SlotInfo info;
    std::string warm_model;
    std::string note;  // for Describe
    std::optional<ActiveLease> lease;
    std::optional<LeaseOrder> next;  // arrived while the slot still winds down
  };
  using Actions = std::vector<AgentAction>;

  void On(const FromScheduler& message, MonoTime now, Actions& out);
  void OnWelcome(const Welcome& welcome, MonoTime now, Actions& out);
  void OnOrder(const LeaseOrder& order, MonoTime now, Actions& out);
  void OnStored(const BatchStored& stored, Actions& out);
  void OnRevoke(const Revoke& revoke, Actions& out);
  void OnHeartbeatAck(Actions& out);
  void OnSlotPlan(const SlotPlan& event);
  void OnSlotBatch(const SlotBatch& event, Actions& out);
  void GiveUpTooLarge(SlotState& slot, const BatchDone& batch, Actions& out);
  void OnSlotEnded(const SlotEnded& event, MonoTime now, Actions& out);
  void SendPlanIfDone(const ActiveLease& lease, Actions& out);
  void OnShutdown(Actions& out);
  void OnTick(MonoTime now, Actions& out);

  void Start(SlotState& slot, const LeaseOrder& order, MonoTime now, Actions& out);
  void Stop(SlotState& slot, Actions& out);
  // Ends the lease when the slot is done with it and nothing is left to be stored.
  void FinishIfSettled(SlotState& slot, MonoTime now, Actions& out);
  void SayGoodbyeIfIdle(Actions& out);
  void SendHeartbeat(MonoTime now, Actions& out);
  void SendIfConnected(ToScheduler message, Actions& out);
  SlotState* SlotOf(LeaseId lease);
  SlotState* SlotAt(int64_t index, LeaseId lease);
  std::vector<HeldLease> Held() const;

  std::string worker_, version_;
  std::vector<SlotState> slots_;
  bool connected_ = false;  // welcomed by the scheduler
  bool shutting_down_ = false;
  bool said_goodbye_ = false;
  int64_t heartbeat_ms_ = 2000;
  int64_t lease_ms_ = 10000;
  MonoTime last_heartbeat_;
  std::optional<MonoTime> unanswered_heartbeat_;  // when the oldest unanswered one was sent
  MonoTime now_;                                  // of the event being applied
};

}  // namespace koeval::agent
