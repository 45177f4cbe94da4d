// A core on a bench: events in, outputs kept, committed rows mirrored. After every event the
// invariants hold and a restored core equals the live one.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "scheduler/core/core.h"
#include "scheduler/core/invariants.h"
#include "scheduler/core/state.h"
#include "scheduler/core/turn.h"

namespace koeval::core {

// Rows as a store would keep them.
class Mirror {
 public:
  void Commit(const std::vector<Mutation>& mutations) {
    for (const Mutation& mutation : mutations) {
      std::visit([this](const auto& row) { Put(row); }, mutation);
    }
  }

  Snapshot Load() const {
    Snapshot out;
    std::map<int64_t, RequestRow> by_number;
    for (const auto& [id, row] : requests) by_number[row.number] = row;
    for (const auto& [number, row] : by_number) out.requests.push_back(row);
    for (const auto& [id, row] : leases) out.leases.push_back(row);
    for (const auto& [key, row] : attempts) {
      if (row.ending.empty()) out.open_attempts.push_back(row);
    }
    for (const auto& [key, value] : meta) out.meta.push_back({key, value});
    for (const auto& [key, row] : batches) {
      if (requests.at(row.request).phase == Phase::kDone) continue;
      out.batches.push_back({row.request, row.round, row.batch});
    }
    return out;
  }

  std::map<RequestId, RequestRow> requests;
  std::map<LeaseId, LeaseRow> leases;
  std::map<std::pair<RequestId, int64_t>, AttemptRow> attempts;
  std::map<std::tuple<RequestId, int64_t, int64_t>, BatchRow> batches;
  std::map<std::string, std::string> meta;
  std::vector<ScoreRow> scores;
  std::vector<EventRow> events;
  std::vector<AuditRow> audits;

 private:
  void Put(const RequestRow& row) { requests[row.id] = row; }
  void Put(const AttemptRow& row) { attempts[{row.request, row.attempt}] = row; }
  void Put(const LeaseRow& row) { leases[row.id] = row; }
  void Put(const RemoveLease& row) { EXPECT_EQ(leases.erase(row.id), 1U); }
  void Put(const BatchRow& row) {
    EXPECT_TRUE(batches.emplace(std::tuple(row.request, row.round, row.batch), row).second);
  }
  void Put(const ScoreRow& row) { scores.push_back(row); }
  void Put(const EventRow& row) {
    EXPECT_EQ(row.seq, static_cast<int64_t>(events.size()) + 1) << "the feed has a gap";
    events.push_back(row);
  }
  void Put(const AuditRow& row) { audits.push_back(row); }
  // Rows of the board: the core writes none.
  void Put(const ModelRow&) { ADD_FAILURE() << "the core wrote a row of the board"; }
  void Put(const FlagRow&) { ADD_FAILURE() << "the core wrote a row of the board"; }
  void Put(const ImportRow&) { ADD_FAILURE() << "the core wrote a row of the board"; }
  void Put(const ImportTextRow&) { ADD_FAILURE() << "the core wrote a row of the board"; }
  void Put(const MetaRow& row) {
    if (row.value.empty()) {
      meta.erase(row.key);
    } else {
      meta[row.key] = row.value;
    }
  }
};

class Bench {
 public:
  explicit Bench(const Limits& limits = {}) : limits_(limits) {
    core = std::make_unique<Core>(limits);
  }

  // Applies one event and returns its effects.
  std::vector<Effect> Do(const Event& event) {
    Take(core->Apply(event, now));
    return effects;
  }

  // Names of the effects of the newest event: "SendStored SendLease".
  std::string Names() const {
    std::string out;
    for (const Effect& effect : effects) {
      out += (out.empty() ? "" : " ") + std::string(EffectName(effect));
    }
    return out;
  }

  // Lets time pass in steps that are no stall.
  void Pass(int64_t ms) {
    while (ms > 0) {
      const int64_t step = std::min<int64_t>(ms, 500);
      Skip(step);
      Do(Tick{});
      ms -= step;
    }
  }
  void Skip(int64_t ms) {
    now.mono = now.mono + ms;
    now.wall.micros += ms * 1000;
  }
  // Like Pass, with a heartbeat of each session for what its worker holds every two seconds.
  void PassAlive(int64_t ms) {
    for (int64_t passed = 0; passed < ms; passed += 2000) {
      for (const WorkerView& worker : core->Workers()) {
        if (worker.connected) Heartbeat(worker);
      }
      Pass(std::min<int64_t>(2000, ms - passed));
    }
  }
  void Heartbeat(const WorkerView& worker) {
    WorkerHeartbeat beat{sessions.at(worker.id.text), {}, {}};
    for (const SlotView& slot : worker.slots) {
      if (slot.lease.value != 0) beat.held.push_back({slot.lease, slot.info.index});
      if (!slot.model.empty()) beat.warm.push_back({slot.info.index, slot.model});
    }
    Do(beat);
  }

  // kill -9 and a new process over what was committed.
  void Restart() {
    core = std::make_unique<Core>(limits_);
    now.mono = MonoTime{5};
    Result<Output> output = core->Restore(mirror.Load(), now);
    ASSERT_TRUE(output.ok()) << output.status().ToString();
    Take(std::move(output).value());
  }

  void Hello(const std::string& worker, int64_t session, int64_t slots = 1,
             const std::string& hardware_class = "cpu", std::vector<HeldLease> held = {}) {
    WorkerHello hello{SessionId{session}, WorkerId{worker}, "0.1.0", {}, std::move(held)};
    for (int64_t i = 0; i < slots; ++i) hello.slots.push_back({i, "cpu", 1, hardware_class});
    sessions[worker] = SessionId{session};
    Do(hello);
  }
  void Submit(const std::string& id, int64_t priority = 0, int64_t time_limit_ms = 0) {
    Do(core::Submit{
        ReplyToken{1}, {"ann", "submitter"}, RequestId{id}, Spec(id, priority, time_limit_ms)});
  }
  static RequestSpec Spec(const std::string& id, int64_t priority = 0, int64_t time_limit_ms = 0) {
    RequestSpec spec;
    spec.model = "org/" + id;
    spec.revision = "main";
    spec.suite = "demo";
    spec.priority = priority;
    spec.time_limit_ms = time_limit_ms;
    spec.submitter = "ann";
    return spec;
  }
  void Checked(const std::string& id) {
    Do(ChecksDone{RequestId{id}, Row(id).round, "{}", std::nullopt});
  }
  // Submitted and through its checks.
  void Queue(const std::string& id, int64_t priority = 0, int64_t time_limit_ms = 0) {
    Submit(id, priority, time_limit_ms);
    Checked(id);
  }
  void Planned(LeaseId lease, int64_t batches) {
    Do(PlanReady{SessionOf(lease), lease, {"digest", {{"task", batches, batches, batches, 0}}}});
  }
  void Batch(LeaseId lease, int64_t batch) {
    Do(BatchDone{SessionOf(lease), lease, batch, "{}", 100, "", "digest"});
  }
  void Ended(LeaseId lease, const std::string& ending) {
    Do(LeaseEnded{SessionOf(lease), lease, ending, "as the test has it", ""});
  }
  // Runs whatever is leased to the end, batch by batch, until nothing is.
  void RunAll() {
    for (int i = 0; i < 10'000 && !mirror.leases.empty(); ++i) {
      const LeaseRow lease = mirror.leases.begin()->second;
      if (lease.begin == lease.end) {
        Planned(lease.id, 4);
        continue;
      }
      for (int64_t batch = lease.begin; batch < lease.end; ++batch) {
        if (!mirror.batches.contains({lease.request, lease.round, batch})) Batch(lease.id, batch);
      }
    }
  }

  const RequestRow& Row(const std::string& id) const { return *core->Find(RequestId{id}); }
  std::string PhaseIs(const std::string& id) const {
    const RequestRow* row = core->Find(RequestId{id});
    if (row == nullptr) return "unknown";
    if (row->phase != Phase::kDone) return std::string(PhaseName(row->phase));
    return row->state == RequestState::kFinished ? "finished" : "failed";
  }
  // The one live lease of a request, or its n-th.
  LeaseRow LeaseOf(const std::string& id, size_t n = 0) const {
    for (const auto& [lease, row] : mirror.leases) {
      if (row.request.text == id && n-- == 0) return row;
    }
    ADD_FAILURE() << "no such lease of " << id;
    return {};
  }
  SessionId SessionOf(LeaseId lease) const {
    const auto row = mirror.leases.find(lease);
    return row == mirror.leases.end() ? SessionId{1} : sessions.at(row->second.worker.text);
  }
  template <typename E>
  std::vector<E> All() const {
    std::vector<E> out;
    for (const Effect& effect : effects) {
      if (const E* e = std::get_if<E>(&effect)) out.push_back(*e);
    }
    return out;
  }
  template <typename E>
  E Only() const {
    const std::vector<E> all = All<E>();
    EXPECT_EQ(all.size(), 1U) << Names();
    return all.empty() ? E{} : all.front();
  }

  std::unique_ptr<Core> core;
  Mirror mirror;
  Now now{WallTime{1'700'000'000'000'000}, MonoTime{1'000}};
  std::vector<Effect> effects;
  std::map<std::string, SessionId> sessions;
  bool compares = true;  // with a restored core, after every event

 private:
  void Take(Output output) {
    mirror.Commit(output.mutations);
    effects = std::move(output.effects);
    if (!compares) return;
    const Status invariants = CheckInvariants(core->state());
    EXPECT_TRUE(invariants.ok()) << invariants.message();
    Core again(limits_);
    const Result<Output> restored = again.Restore(mirror.Load(), now);
    ASSERT_TRUE(restored.ok()) << restored.status().ToString();
    EXPECT_EQ(Dump(again.state()), Dump(core->state()));
  }

  Limits limits_;
};

}  // namespace koeval::core
