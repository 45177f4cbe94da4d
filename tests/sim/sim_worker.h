// A worker's process with its runners: keeps the protocol of the link, and breaks in every way that
// a machine can.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/link.h"
#include "tests/sim/sim_scheduler.h"
#include "tests/sim/world.h"

namespace koeval::sim {

struct WorkerOptions {
  std::string name;
  std::string hardware_class;
  int64_t slots = 1;
  int64_t memory = 0;    // of each slot
  int64_t slowness = 1;  // batches take so many times longer
  bool hostile_links = false;
  bool zombie = false;  // goes on with leases that it was told to stop
};

class SimWorker {
 public:
  SimWorker(World& world, SimScheduler& scheduler, SimStore& store, const WorkerOptions& options)
      : world_(world), scheduler_(scheduler), store_(store), options_(options) {}

  void Start();
  void Crash(int64_t down_ms);
  // SIGTERM: finishes the batch in flight, hands its leases back, half-closes, comes back later.
  void StopInOrder(int64_t down_ms);
  // Nothing of it runs for `ms`; its clock goes on.
  void Hang(int64_t ms) { frozen_until_ms_ = std::max(frozen_until_ms_, world_.now_ms + ms); }
  void BreakLink();
  // Its runners are of another build, hence hardware class, until it starts again.
  void Misbuild() { class_suffix_ = "-other"; }
  // No more faults of its own.
  void Heal();
  bool is_up() const { return up_; }

  // Batches that the scheduler acknowledged: each must be in the store for ever.
  std::set<SimStore::BatchKey> acknowledged;

 private:
  struct Held {
    core::LeaseRow row;
    core::RequestSpec spec;
    std::string plan_digest;
    int64_t next = 0;                             // batch to run
    std::map<int64_t, core::BatchDone> unstored;  // sent, not acknowledged
    std::optional<core::PlanReady> plan;          // sent, not acknowledged
  };

  void Later(int64_t ms, std::function<void()> what);
  void Connect();
  void ConnectLater();
  void ReadInbox();
  void OnMessage(const core::Effect& effect);
  void On(const core::SendWelcome& message);
  void On(const core::SendLease& message);
  void On(const core::SendStored& message);
  void On(const core::SendRevoke& message);
  void On(const core::SendHeartbeatAck& message);
  void Send(const core::Event& event);
  void HeartbeatLater();
  void Heartbeat();
  std::vector<core::HeldLease> HeldList() const;
  void Resend();
  void RunLater(LeaseId id);
  void RunNext(LeaseId id);
  void RunPlan(Held& held);
  void RunBatch(Held& held);
  // How the runner fails at this step, if it does.
  std::optional<Ending> FaultAt(const Held& held);
  void End(LeaseId id, const std::string& ending);
  void SelfFence();
  SessionId session() const { return link_ ? link_->session : SessionId{}; }

  World& world_;
  SimScheduler& scheduler_;
  SimStore& store_;
  WorkerOptions options_;
  std::string class_suffix_;
  bool up_ = false;
  bool stopping_ = false;
  int64_t stop_down_ms_ = 0;
  int64_t incarnation_ = 0;
  int64_t frozen_until_ms_ = 0;
  std::shared_ptr<Link> link_;
  std::deque<std::pair<SessionId, core::Effect>> inbox_;  // with the stream that brought it
  bool welcomed_ = false;
  int64_t hello_sent_ms_ = 0;
  std::deque<int64_t> heartbeats_sent_ms_;  // not acknowledged yet
  int64_t fence_ms_ = 0;                    // its leases are lost from then on
  int64_t lease_ms_ = 0;
  std::map<LeaseId, Held> held_;
};

}  // namespace koeval::sim
