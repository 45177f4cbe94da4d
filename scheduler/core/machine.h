// The state machine behind Core. One handler for each event; handlers use the verbs below, and only
// those change the state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/core/core.h"
#include "scheduler/core/state.h"

namespace koeval::core {

// Deliberate bugs, which the simulator must find. Reachable from tests alone.
struct Mutants {
  bool accept_ended_leases = false;  // no fence: messages of ended leases count
  bool lose_requeue = false;         // a lost lease's batches are not given out again

  bool any() const { return accept_ended_leases || lose_requeue; }
};

class Machine {
 public:
  explicit Machine(const Limits& limits) { s_.limits = limits; }

  Result<Output> Restore(const Snapshot& snapshot, Now now);
  Output Apply(const Event& event, Now now);

  // What placement makes of each known slot for `request`, which is live.
  Explanation Explain(const Request& request, int64_t slots_max) const;
  // The same for a request that is not there.
  Preview PreviewOf(const RequestSpec& spec, int64_t memory_bytes, int64_t slots_max) const;

  const State& state() const { return s_; }
  void set_mutants(const Mutants& mutants) { mutants_ = mutants; }

 private:
  // requests.cc: clients, operators and pools.
  void On(const Submit& event);
  void On(const Cancel& event);
  void On(const Retry& event);
  void On(const SetPaused& event);
  void On(const SetDrained& event);
  void On(const ChecksDone& event);
  void On(const ScoreDone& event);
  void On(const ScoreFailed& event);
  void LoseChecks(const RequestId& id, int64_t round);
  void LoseScore(const RequestId& id, int64_t round);
  // workers.cc: sessions.
  void On(const WorkerHello& event);
  void On(const WorkerHeartbeat& event);
  void On(const WorkerGone& event);
  // leases.cc: work.
  void On(const PlanReady& event);
  void On(const BatchDone& event);
  void On(const LeaseEnded& event);
  // machine.cc
  void On(const Tick& event);

  // requests.cc
  const Request* FindSame(const Submit& event);
  Status MaySubmit(const Actor& actor, const std::string& submitter) const;
  void CountSubmit(const std::string& submitter, WallTime at);
  void CountRetry(const Request& request, const Actor& actor);
  void PostponeChecks(Request& request, const Finding& finding);
  int64_t RecheckPauseMs(const Live& live) const;
  void ForgetRechecks(Request& request);

  // machine.cc: time, output, and what follows from the state after every event.
  void Advance(Now now);
  Output TakeOutput();
  void Pump();
  void AskForChecks();
  void AskForScores();
  void SettleRequests();
  template <typename T>
  void Emit(T effect) {
    effects_.emplace_back(std::move(effect));
  }
  template <typename T>
  void Write(T row) {
    rows_.emplace_back(std::move(row));
  }
  // Adds an entry to the feed and marks the row as changed.
  void Note(Request& request, std::string_view kind, std::string text);
  void NoteQueue(std::string_view kind, std::string text);
  void Audit(const Actor& actor, std::string_view action, std::string target, std::string detail);
  void SetMeta(std::string key, std::string value);
  std::string Clip(std::string_view text) const;

  // lifecycle.cc: the only places that change a request's state, phase, queue and attempt.
  void Move(Request& request, Phase phase);
  void Requeue(Request& request);  // puts it in the list that it belongs to
  void OpenAttempt(Request& request, const WorkerId& worker);
  void CloseAttempt(Request& request, Ending ending, const std::string& reason);
  void PutBack(Request& request, Ending ending, const std::string& reason);
  void LookForClass(Request& request);
  void RestartRound(Request& request);
  void Unqueue(Request& request);
  void ForgetRound(Request& request);  // named values of the round
  void FailRequest(Request& request, const Finding& finding);
  void FinishRequest(Request& request, const ScoreDone& score);
  void EndLive(Request& request);
  int64_t TimeLimitMs(const Request& request) const;
  static std::string FaultKey(const RequestRow& row, int64_t batch);
  Request* FindRequest(const RequestId& id);
  Request& RequestOf(const Lease& lease);

  // workers.cc
  Worker* WorkerOf(SessionId session);
  std::optional<std::string> HelloProblem(const WorkerHello& event) const;
  Worker* AdmitWorker(const WorkerId& id);
  void TakeSlots(Worker& worker, const std::vector<SlotInfo>& slots);
  bool CountsWithout(const Lease& lease);
  bool Reattach(Worker& worker, Lease& lease, const std::vector<HeldLease>& held);
  void Disconnect(Worker& worker, const std::string& why);
  void ForgetWorker(const WorkerId& id);
  void RefreshWorker(Worker& worker);            // indexes of the worker and of its slots
  void RefreshSlot(Worker& worker, Slot& slot);  // indexes of one slot
  void Close(SessionId session, Status status);

  // leases.cc
  // The one place that drops what is stale: nullptr unless `lease` is current and of the worker of
  // `session`. Says so to the worker where `answer`.
  const Lease* Admit(SessionId session, LeaseId lease, bool answer);
  // Ends a lease before its work is done. Its batches go back, and the fault is held against the
  // request as the table of endings has it.
  struct Loss {
    bool counts = true;  // held against the request, if the ending is at all
    bool tell = true;    // the worker does not know yet
  };
  void LoseLease(LeaseId id, const Finding& finding, Loss loss);
  // Takes a lease out of everything; its batches stay out of the free ones.
  Lease DropLease(LeaseId id);
  void FreeBatches(Request& request, const LeaseRow& lease);
  void Revoke(const Lease& lease, const std::string& reason);
  // Counts a fault; whether that was the last one that the request could have.
  bool CountFault(Request& request, int64_t batch, const WorkerId& worker);
  bool BatchIsAcceptable(const BatchDone& event, const Lease& lease);
  void StoreBatch(const BatchDone& event, const Lease& lease);
  const Lease* EndedLease(LeaseId id);
  void Renew(Lease& lease);

  // place.cc
  void Dispatch();
  bool PlaceOne(const std::string& hardware_class);
  bool PlaceHelp(const std::string& hardware_class, bool warm_only);
  // Memory of the largest idle slot of a class that has one.
  int64_t LargestIdle(const std::string& hardware_class) const;
  bool PlaceWaiting(const std::string& hardware_class);
  bool TryPlace(Request& request, const std::string& hardware_class, bool warm_only);
  bool TryPlaceIn(Request& request, const std::set<IdleSlot>& slots);
  std::optional<std::pair<int64_t, int64_t>> RangeFor(const Request& request,
                                                      const WorkerId& worker) const;
  bool IsAvoided(const Request& request, int64_t batch, const WorkerId& worker) const;
  bool IsWrongFor(const WorkerId& worker, const Request& request) const;
  void Grant(Request& request, const SlotKey& key, int64_t begin, int64_t end);

  // explain.cc
  SlotVerdict VerdictOn(const Request& request, const Worker& worker, const Slot& slot) const;

  // room.cc
  static std::string MemoryKey(const RequestId& id);
  void SetMemoryNeed(Request& request, int64_t bytes);
  static bool Fits(const Request& request, const SlotInfo& slot);
  bool CanHold(const WorkerId& worker, const Request& request) const;
  void LookForRoom();
  Finding NoRoom(const Request& request) const;
  void CountMemory(const Worker& worker);
  void UncountMemory(const Worker& worker);

  // restore.cc
  Status RestoreRequests(const Snapshot& snapshot);
  Status RestoreMeta(const MetaRow& row);
  Status RestoreLiveValue(const std::string& name, const std::string& value, Request& request);
  Status RestoreRetry(const MetaRow& row, const std::string& id);
  Status RestoreLease(const LeaseRow& row);
  Status RestoreBatches(const Snapshot& snapshot);
  Status RestoreFree(Request& request);

  State s_;
  Mutants mutants_;
  std::unordered_map<LeaseId, Lease> ended_;  // with Mutants::accept_ended_leases only

  // Output of the event that is being applied.
  std::vector<Request*> dirty_;
  std::vector<Mutation> rows_;
  std::vector<Effect> effects_;
  std::vector<Request*> unsettled_;  // lost a lease
  int64_t seq_before_ = 1;
  int64_t lease_before_ = 1;
};

}  // namespace koeval::core
