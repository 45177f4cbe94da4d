// The worker's process in the simulated world.
#include "tests/sim/sim_worker.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include "tests/sim/truth.h"

namespace koeval::sim {
namespace {

constexpr int64_t kHeartbeatMs = 2'000;
constexpr int64_t kSlowBatchMs = 90'000;

}  // namespace

void SimWorker::Later(int64_t ms, std::function<void()> what) {
  world_.After(ms, [this, incarnation = incarnation_, what = std::move(what)] {
    if (incarnation != incarnation_ || !up_) return;
    if (world_.now_ms < frozen_until_ms_) {
      return Later(frozen_until_ms_ - world_.now_ms, what);
    }
    what();
  });
}

void SimWorker::Start() {
  ++incarnation_;
  up_ = true;
  stopping_ = false;
  class_suffix_.clear();
  frozen_until_ms_ = 0;
  held_.clear();
  inbox_.clear();
  link_.reset();
  welcomed_ = false;
  world_.Trace("worker ", options_.name, " starts");
  Connect();
  HeartbeatLater();
}

void SimWorker::Crash(int64_t down_ms) {
  if (!up_) return;
  world_.Trace("worker ", options_.name, " crashes");
  up_ = false;
  ++incarnation_;
  if (link_) link_->Break();
  link_.reset();
  held_.clear();
  world_.After(down_ms, [this] {
    if (!up_) Start();
  });
}

void SimWorker::Heal() {
  class_suffix_.clear();
  if (std::exchange(options_.zombie, false)) Crash(100);
}

void SimWorker::StopInOrder(int64_t down_ms) {
  if (!up_ || stopping_) return;
  world_.Trace("worker ", options_.name, " stops in order");
  stopping_ = true;
  stop_down_ms_ = down_ms;
  // The batches in flight end within this time; their results leave before the hand-back.
  Later(500 * options_.slowness, [this] {
    const auto held = held_;
    for (const auto& [id, lease] : held) End(id, "HANDED_BACK");
    if (link_) link_->HalfClose();
    link_.reset();
    up_ = false;
    ++incarnation_;
    world_.After(stop_down_ms_, [this] {
      if (!up_) Start();
    });
  });
}

void SimWorker::BreakLink() {
  if (link_) link_->Break();
}

void SimWorker::ConnectLater() {
  Later(world_.rng.Between(100, 2'000), [this] { Connect(); });
}

void SimWorker::Connect() {
  if (stopping_ || (link_ && link_->is_open())) return;
  if (!scheduler_.is_up()) return ConnectLater();
  const SessionId id{++world_.last_session};
  Link::Ends ends;
  ends.to_scheduler = [this](const core::Event& event) { scheduler_.Post(event); };
  ends.to_worker = [this, id, incarnation = incarnation_](const core::Effect& effect) {
    if (incarnation != incarnation_) return;
    inbox_.emplace_back(id, effect);
    Later(0, [this] { ReadInbox(); });
  };
  ends.scheduler_sees_end = [this, id] { scheduler_.Detach(id); };
  ends.worker_sees_end = [this, id, incarnation = incarnation_] {
    if (incarnation != incarnation_) return;
    Later(0, [this, id] {
      if (session() != id) return;
      link_.reset();
      welcomed_ = false;
      ConnectLater();
    });
  };
  link_ = std::make_shared<Link>(world_, id, options_.hostile_links, std::move(ends));
  scheduler_.Attach(link_);
  welcomed_ = false;
  heartbeats_sent_ms_.clear();
  hello_sent_ms_ = world_.now_ms;
  if (!options_.zombie && world_.now_ms >= fence_ms_) held_.clear();
  core::WorkerHello hello{id, WorkerId{options_.name}, "0.1.0", {}, HeldList()};
  for (int64_t slot = 0; slot < options_.slots; ++slot) {
    hello.slots.push_back({slot, "cpu", options_.memory, options_.hardware_class});
  }
  Send(hello);
}

void SimWorker::Send(const core::Event& event) {
  if (link_) link_->Up(event);
}

std::vector<core::HeldLease> SimWorker::HeldList() const {
  std::vector<core::HeldLease> list;
  for (const auto& [id, held] : held_) list.push_back({id, held.row.slot});
  return list;
}

void SimWorker::HeartbeatLater() {
  Later(kHeartbeatMs, [this] {
    Heartbeat();
    HeartbeatLater();
  });
}

void SimWorker::Heartbeat() {
  SelfFence();
  if (!link_) return;
  if (!welcomed_) {
    // A welcome that a hostile link lost: try again with a new stream.
    if (world_.now_ms - hello_sent_ms_ > 4 * kHeartbeatMs) link_->Break();
    return;
  }
  core::WorkerHeartbeat heartbeat{session(), HeldList(), {}};
  for (const auto& [id, held] : held_) {
    heartbeat.warm.push_back({held.row.slot, ModelKey(held.spec)});
  }
  heartbeats_sent_ms_.push_back(world_.now_ms);
  Send(heartbeat);
  if (options_.hostile_links) Resend();
}

void SimWorker::ReadInbox() {
  while (!inbox_.empty()) {
    const auto [from, effect] = std::move(inbox_.front());
    inbox_.pop_front();
    if (session() == from) OnMessage(effect);
  }
}

void SimWorker::OnMessage(const core::Effect& effect) {
  std::visit(
      [this](const auto& message) {
        if constexpr (requires { this->On(message); }) On(message);
      },
      effect);
}

void SimWorker::On(const core::SendWelcome& message) {
  world_.Trace("worker ", options_.name, " is welcome, keeps ",
               std::to_string(message.keep.size()));
  welcomed_ = true;
  lease_ms_ = message.lease_ms;
  fence_ms_ = hello_sent_ms_ + lease_ms_;
  if (!options_.zombie) {
    std::erase_if(held_, [&message](const auto& entry) {
      return std::count(message.keep.begin(), message.keep.end(), entry.first) == 0;
    });
  }
  Resend();
}

void SimWorker::On(const core::SendHeartbeatAck& /*message*/) {
  if (heartbeats_sent_ms_.empty()) return;
  fence_ms_ = std::max(fence_ms_, heartbeats_sent_ms_.front() + lease_ms_);
  heartbeats_sent_ms_.pop_front();
}

void SimWorker::On(const core::SendLease& message) {
  world_.Trace("worker ", options_.name, " gets lease ", std::to_string(message.lease.id.value),
               " on slot ", std::to_string(message.lease.slot));
  if (MemoryNeedOf(message.spec.model) > options_.memory) {
    world_.Violation("lease " + std::to_string(message.lease.id.value) + " of " +
                     message.spec.model + " came to a slot that cannot hold it");
  }
  if (stopping_ || held_.contains(message.lease.id)) return;
  for (auto it = held_.begin(); it != held_.end();) {
    if (it->second.row.slot != message.lease.slot) {
      ++it;
      continue;
    }
    if (!options_.hostile_links && !options_.zombie) {
      world_.Violation("lease " + std::to_string(message.lease.id.value) + " came to the slot of " +
                       std::to_string(it->first.value));
    }
    it = options_.zombie ? std::next(it) : held_.erase(it);
  }
  Held held;
  held.row = message.lease;
  held.spec = message.spec;
  held.plan_digest = message.plan_digest;
  held.next = message.lease.begin;
  held_.emplace(message.lease.id, std::move(held));
  RunLater(message.lease.id);
}

void SimWorker::On(const core::SendRevoke& message) {
  world_.Trace("worker ", options_.name, " is revoked lease ", std::to_string(message.lease.value));
  if (options_.zombie) return world_.CountFault("revoke ignored by a zombie");
  held_.erase(message.lease);
}

void SimWorker::On(const core::SendStored& message) {
  const auto it = held_.find(message.lease);
  if (it == held_.end()) return;
  Held& held = it->second;
  if (message.batch == -1) {
    if (held.plan) held_.erase(it);
    return;
  }
  const SimStore::BatchKey key{held.row.request, held.row.round, message.batch};
  acknowledged.insert(key);
  if (!store_.batches.contains(key)) {
    world_.Violation("batch " + std::to_string(message.batch) + " of request " +
                     held.row.request.text + " was acknowledged and is not in the store");
  }
  held.unstored.erase(message.batch);
  if (held.next == held.row.end && held.unstored.empty()) {
    Send(core::LeaseEnded{session(), message.lease, "DONE", "", ""});
    held_.erase(it);
  }
}

void SimWorker::Resend() {
  for (auto& [id, held] : held_) {
    if (held.plan || !held.unstored.empty()) world_.CountFault("result sent again");
    if (held.plan) {
      held.plan->session = session();
      Send(*held.plan);
    }
    for (auto& [batch, done] : held.unstored) {
      done.session = session();
      Send(done);
    }
  }
}

void SimWorker::SelfFence() {
  if (options_.zombie || held_.empty() || world_.now_ms < fence_ms_) return;
  world_.Trace("worker ", options_.name, " fences itself");
  world_.CountFault("worker fenced itself");
  held_.clear();
}

void SimWorker::RunLater(LeaseId id) {
  const Held& held = held_.at(id);
  const bool is_slow = held.spec.model == kSlowModel && held.row.begin < held.row.end;
  const int64_t ms = is_slow ? kSlowBatchMs : world_.rng.Between(20, 400) * options_.slowness;
  Later(ms, [this, id] { RunNext(id); });
}

void SimWorker::RunNext(LeaseId id) {
  SelfFence();
  const auto it = held_.find(id);
  if (it == held_.end() || stopping_) return;
  Held& held = it->second;
  if (const auto ending = FaultAt(held)) return End(id, std::string(EndingName(*ending)));
  if (held.row.begin == held.row.end) return RunPlan(held);
  RunBatch(held);
}

void SimWorker::RunPlan(Held& held) {
  if (held.plan) return;
  held.plan = core::PlanReady{session(), held.row.id, TruePlan(held.row.request)};
  Send(*held.plan);
}

void SimWorker::RunBatch(Held& held) {
  if (held.next >= held.row.end) return;
  core::BatchDone done{session(),
                       held.row.id,
                       held.next,
                       TrueResults(held.row.request, held.next),
                       100,
                       options_.hardware_class + class_suffix_,
                       held.plan_digest};
  if (world_.faults_on && world_.rng.Chance(4)) {
    world_.CountFault("plan differs");
    done.plan_digest = "another plan";
  }
  held.unstored.emplace(held.next, done);
  if (welcomed_) Send(done);
  ++held.next;
  if (held.next < held.row.end) RunLater(held.row.id);
}

std::optional<Ending> SimWorker::FaultAt(const Held& held) {
  const bool plans = held.row.begin == held.row.end;
  if (held.spec.model == kBrokenModel) return Ending::kBadCheckpoint;
  if (held.spec.model == kUnplannableModel && plans) return Ending::kRunnerCrashed;
  if (held.spec.model == kPoisonModel && !plans && held.next == PoisonBatch(held.row.request)) {
    return Ending::kRunnerCrashed;
  }
  if (!world_.faults_on || !world_.rng.Chance(12)) return std::nullopt;
  constexpr Ending kEndings[] = {Ending::kRunnerCrashed, Ending::kOutOfMemory, Ending::kNoProgress,
                                 Ending::kDiskFull,      Ending::kInternal,    Ending::kHandedBack,
                                 Ending::kNumericalFault};
  const Ending ending = kEndings[world_.rng.Between(0, 6)];
  world_.CountFault("runner: " + std::string(EndingName(ending)));
  return ending;
}

void SimWorker::End(LeaseId id, const std::string& ending) {
  Send(core::LeaseEnded{session(), id, ending, "as the simulation has it", ""});
  held_.erase(id);
}

}  // namespace koeval::sim
