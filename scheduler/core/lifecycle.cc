// The life of a request: the only code that changes its state, phase, list and attempt.
#include <algorithm>
#include <array>
#include <string>

#include "common/base/check.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/sentences.h"

namespace koeval::core {
namespace {

// Row: from; column: to; in the order of Phase.
constexpr std::array<std::array<bool, 6>, 6> kMayMove = {{
    // checking queued planning batches scoring done
    {false, true, false, false, false, true},   // checking
    {false, false, true, true, false, true},    // queued
    {false, true, false, true, false, true},    // planning
    {false, true, false, false, true, true},    // batches
    {false, false, false, false, false, true},  // scoring
    {true, false, false, false, false, false},  // done: by an explicit retry alone
}};

RequestState StateIn(const RequestRow& row) {
  switch (row.phase) {
    case Phase::kChecking:
    case Phase::kQueued:
      return RequestState::kPending;
    case Phase::kPlanning:
    case Phase::kBatches:
    case Phase::kScoring:
      return RequestState::kRunning;
    case Phase::kDone:
      break;
  }
  return row.ending == EndingName(Ending::kFinished) ? RequestState::kFinished
                                                     : RequestState::kFailed;
}

bool IsActive(Phase phase) {
  return phase == Phase::kPlanning || phase == Phase::kBatches;
}

}  // namespace

int64_t Machine::TimeLimitMs(const Request& request) const {
  const int64_t limit_ms = request.row.spec.time_limit_ms;
  return limit_ms > 0 ? limit_ms : s_.limits.time_limit_default_ms;
}

Request* Machine::FindRequest(const RequestId& id) {
  const auto it = s_.requests.find(id);
  return it == s_.requests.end() ? nullptr : &it->second;
}

Request& Machine::RequestOf(const Lease& lease) {
  Request* request = FindRequest(lease.row.request);
  KOEVAL_CHECK(request != nullptr, "a lease without a request");
  return *request;
}

void Machine::Move(Request& request, Phase phase) {
  RequestRow& row = request.row;
  KOEVAL_CHECK(kMayMove[static_cast<size_t>(row.phase)][static_cast<size_t>(phase)],
               "a request moved in a way that it never may");
  Live& live = *request.live;
  if (IsActive(row.phase) && !IsActive(phase)) {
    live.active_ms = ActiveMs(s_, live);
    live.active_since_ms.reset();
    s_.limit_deadlines.Erase(row.id);
    SetMeta("active:" + row.id.text, std::to_string(live.active_ms));
  }
  if (!IsActive(row.phase) && IsActive(phase)) {
    live.active_since_ms = s_.time_ms;
    s_.limit_deadlines.Set(
        row.id, s_.time_ms + std::max<int64_t>(0, TimeLimitMs(request) - live.active_ms));
  }
  s_.strand_deadlines.Erase(row.id);
  s_.recheck_deadlines.Erase(row.id);
  if (phase == Phase::kQueued && live.stored_count > 0) {
    live.is_stranded = false;
    s_.strand_deadlines.Set(row.id, s_.time_ms + s_.limits.class_wait_ms);
  }
  --s_.state_counts[static_cast<size_t>(row.state)];
  row.phase = phase;
  row.state = StateIn(row);
  ++s_.state_counts[static_cast<size_t>(row.state)];
  Requeue(request);
}

void Machine::Unqueue(Request& request) {
  const Live& live = *request.live;
  const Rank rank{request.row.spec.priority, request.row.number};
  const auto erase = [&rank](std::map<std::string, RankTree>& trees, const std::string& key) {
    const auto it = trees.find(key);
    it->second.erase(rank);
    if (it->second.empty()) trees.erase(it);
  };
  if (live.queue == Queue::kChecks) s_.checks.erase(rank);
  if (live.queue == Queue::kScores) s_.scores.erase(rank);
  if (live.queue == Queue::kWait) {
    erase(s_.wait, live.queue_class);
    s_.needs.erase({live.memory_bytes, request.row.id});
    s_.unfit_deadlines.Erase(request.row.id);
  }
  if (live.queue == Queue::kHelp) erase(s_.help, live.queue_class);
  request.live->queue = Queue::kNone;
}

void Machine::Requeue(Request& request) {
  Unqueue(request);
  Live& live = *request.live;
  const Rank rank{request.row.spec.priority, request.row.number, &request, live.memory_bytes};
  const std::pair<RequestId, int64_t> asked{request.row.id, request.row.round};
  live.queue_class = live.bound_class;
  switch (request.row.phase) {
    case Phase::kChecking:
      if (!s_.checks_asked.Has(asked) && !s_.recheck_deadlines.Has(request.row.id)) {
        live.queue = Queue::kChecks;
      }
      break;
    case Phase::kQueued:
      live.queue = Queue::kWait;
      break;
    case Phase::kBatches:
      if (!live.free.empty()) live.queue = Queue::kHelp;
      break;
    case Phase::kScoring:
      if (!s_.scores_asked.Has(asked)) live.queue = Queue::kScores;
      break;
    case Phase::kPlanning:
    case Phase::kDone:
      break;
  }
  if (live.queue == Queue::kChecks) s_.checks.insert(rank);
  if (live.queue == Queue::kScores) s_.scores.insert(rank);
  if (live.queue == Queue::kWait) {
    s_.wait[live.queue_class].insert(rank);
    if (live.memory_bytes > 0) s_.needs.emplace(live.memory_bytes, request.row.id);
  }
  if (live.queue == Queue::kHelp) s_.help[live.queue_class].insert(rank);
}

void Machine::OpenAttempt(Request& request, const WorkerId& worker) {
  RequestRow& row = request.row;
  ++row.attempt;
  if (row.started_at == WallTime{}) row.started_at = s_.wall;
  row.reason.clear();
  row.remedy.clear();
  request.live->attempt =
      AttemptRow{row.id, row.round, row.attempt, worker, s_.wall, WallTime{}, "", ""};
  Write(*request.live->attempt);
  Note(request, kind::kRunning,
       "attempt " + std::to_string(row.attempt) + " on worker " + worker.text);
}

void Machine::CloseAttempt(Request& request, Ending ending, const std::string& reason) {
  std::optional<AttemptRow>& attempt = request.live->attempt;
  if (!attempt) return;
  attempt->ended_at = s_.wall;
  attempt->ending = EndingName(ending);
  attempt->reason = reason;
  Write(*attempt);
  attempt.reset();
}

void Machine::PutBack(Request& request, Ending ending, const std::string& reason) {
  KOEVAL_CHECK(request.live->leases.empty(), "put back with leases");
  CloseAttempt(request, ending, reason);
  request.row.reason = std::string(EndingName(ending)) + ": " + reason;
  request.row.remedy.clear();
  Move(request, Phase::kQueued);
  Note(request, kind::kPutBack, request.row.reason);
}

void Machine::FailRequest(Request& request, const Finding& finding) {
  RequestRow& row = request.row;
  const std::string reason = Clip(finding.reason);
  const std::vector<LeaseId> leases(request.live->leases.begin(), request.live->leases.end());
  for (const LeaseId id : leases) Revoke(DropLease(id), "the request ended: " + reason);
  CloseAttempt(request, finding.ending, reason);
  row.ending = EndingName(finding.ending);
  row.reason = reason;
  row.remedy = finding.remedy.empty() ? std::string(InfoOf(finding.ending).submitter_text)
                                      : Clip(finding.remedy);
  EndLive(request);
  const bool is_cancel = finding.ending == Ending::kCancelled;
  Note(request, is_cancel ? kind::kCancelled : kind::kFailed, row.ending + ": " + reason);
}

void Machine::FinishRequest(Request& request, const ScoreDone& score) {
  RequestRow& row = request.row;
  CloseAttempt(request, Ending::kFinished, "");
  row.ending = EndingName(Ending::kFinished);
  row.reason.clear();
  row.remedy.clear();
  EndLive(request);
  Write(ScoreRow{row.id, row.round, score.scores_json, score.average, s_.wall});
  Note(request, kind::kFinished, "");
}

void Machine::EndLive(Request& request) {
  RequestRow& row = request.row;
  KOEVAL_CHECK(request.live->leases.empty(), "a request ended with leases");
  row.finished_at = s_.wall;
  Move(request, Phase::kDone);
  ForgetRound(request);
  request.live.reset();
}

void Machine::ForgetRound(Request& request) {
  const RequestRow& row = request.row;
  ForgetRechecks(request);
  for (const auto& [batch, workers] : request.live->faults) SetMeta(FaultKey(row, batch), "");
  if (row.started_at != WallTime{}) SetMeta("active:" + row.id.text, "");
  if (request.live->stored_count > 0) SetMeta("class:" + row.id.text, "");
  if (request.live->memory_bytes > 0) SetMeta(MemoryKey(row.id), "");
}

void Machine::LookForClass(Request& request) {
  Live& live = *request.live;
  const auto ready = s_.ready.find(live.bound_class);
  const bool is_there =
      ready != s_.ready.end() &&
      !std::all_of(ready->second.begin(), ready->second.end(), [&](const WorkerId& id) {
        return IsWrongFor(id, request) || !CanHold(id, request);
      });
  // Without any worker a new round would not get further either.
  const bool is_stranded = !is_there && !s_.paused && s_.ready.contains("");
  if (is_stranded && live.is_stranded) return RestartRound(request);
  live.is_stranded = is_stranded;
  s_.strand_deadlines.Set(request.row.id, s_.time_ms + s_.limits.class_wait_ms);
}

void Machine::RestartRound(Request& request) {
  RequestRow& row = request.row;
  ForgetRound(request);
  Unqueue(request);
  row.reason = Say(Sentence::kClassGone, {row.hardware_class});
  ++row.round;
  row.plan.reset();
  row.hardware_class.clear();
  const int64_t memory_bytes = request.live->memory_bytes;
  request.live = std::make_unique<Live>();
  if (memory_bytes > 0) SetMemoryNeed(request, memory_bytes);
  Requeue(request);
  Note(request, kind::kRestarted, row.reason);
}

std::string Machine::FaultKey(const RequestRow& row, int64_t batch) {
  return "faults:" + row.id.text + ":" + std::to_string(row.round) + ":" + std::to_string(batch);
}

}  // namespace koeval::core
