// The core's main loop for one event: time, handler, what follows from the state, output.
#include "scheduler/core/machine.h"

#include <algorithm>
#include <string>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/core/invariants.h"
#include "scheduler/core/sentences.h"

namespace koeval::core {
namespace {

#ifndef NDEBUG
// Above this many requests the checker would dominate the run time of a debug build.
constexpr size_t kCheckedRequestsMax = 64;
#endif

}  // namespace

Output Machine::Apply(const Event& event, Now now) {
  Advance(now);
  std::visit([this](const auto& e) { On(e); }, event);
  Pump();
  Output output = TakeOutput();
#ifndef NDEBUG
  if (s_.requests.size() <= kCheckedRequestsMax && !mutants_.any()) {
    const Status status = CheckInvariants(s_);
    KOEVAL_CHECK(status.ok(), status.message().c_str());
  }
#endif
  return output;
}

void Machine::Advance(Now now) {
  if (s_.last_mono) {
    const int64_t passed_ms = std::max<int64_t>(0, now.mono - *s_.last_mono);
    s_.time_ms += std::min(passed_ms, s_.limits.stall_ms);
  }
  if (!s_.last_mono || now.mono > *s_.last_mono) s_.last_mono = now.mono;
  s_.wall = now.wall;
  seq_before_ = s_.next_seq;
  lease_before_ = s_.next_lease;
}

void Machine::Pump() {
  AskForChecks();
  AskForScores();
  Dispatch();
  SettleRequests();
}

Output Machine::TakeOutput() {
  Output output;
  for (Request* request : dirty_) {
    request->is_dirty = false;
    output.mutations.emplace_back(request->row);
    if (request->live && request->live->active_since_ms) {
      SetMeta("active:" + request->row.id.text, std::to_string(ActiveMs(s_, *request->live)));
    }
  }
  if (s_.next_lease != lease_before_) SetMeta("next_lease", std::to_string(s_.next_lease));
  if (s_.next_seq != seq_before_) SetMeta("next_seq", std::to_string(s_.next_seq));
  std::move(rows_.begin(), rows_.end(), std::back_inserter(output.mutations));
  output.effects = std::move(effects_);
  dirty_.clear();
  rows_.clear();
  effects_.clear();
  return output;
}

void Machine::On(const Tick& /*event*/) {
  while (const auto id = s_.silence_deadlines.TakeDue(s_.time_ms)) {
    Worker& worker = s_.workers.at(*id);
    Close(worker.session, DeadlineExceeded("no message of the worker arrived in time; connect "
                                           "again and name the leases that are still held"));
    Disconnect(worker, "no message for " + std::to_string(s_.limits.lease_ms) + " ms");
  }
  while (const auto id = s_.lease_deadlines.TakeDue(s_.time_ms)) {
    const Lease& lease = s_.leases.at(*id);
    const bool counts = !lease.reattaching;
    const std::string reason = Say(counts ? Sentence::kNoHeartbeat : Sentence::kNotBackAfterRestart,
                                   {lease.row.worker.text});
    LoseLease(*id, {Ending::kWorkerLost, reason, ""}, {.counts = counts});
  }
  while (const auto id = s_.limit_deadlines.TakeDue(s_.time_ms)) {
    Request& request = *FindRequest(*id);
    FailRequest(request,
                {Ending::kTimedOut, Say(Sentence::kTimeLimit, {Number(TimeLimitMs(request))}), ""});
  }
  while (const auto id = s_.strand_deadlines.TakeDue(s_.time_ms)) LookForClass(*FindRequest(*id));
  while (const auto asked = s_.checks_asked.TakeDue(s_.time_ms)) {
    LoseChecks(asked->first, asked->second);
  }
  while (const auto id = s_.recheck_deadlines.TakeDue(s_.time_ms)) Requeue(*FindRequest(*id));
  while (const auto asked = s_.scores_asked.TakeDue(s_.time_ms)) {
    LoseScore(asked->first, asked->second);
  }
  LookForRoom();
  while (const auto key = s_.rest_deadlines.TakeDue(s_.time_ms)) {
    Worker& worker = s_.workers.at(key->worker);
    Slot& slot = worker.slots.at(key->slot);
    slot.resting = false;
    RefreshSlot(worker, slot);
  }
  while (const auto id = s_.forget_deadlines.TakeDue(s_.time_ms)) ForgetWorker(*id);
}

void Machine::AskForChecks() {
  const auto room = static_cast<size_t>(s_.limits.checks_running_max);
  while (s_.checks_asked.size() < room && !s_.checks.empty()) {
    Request& request = *s_.checks.begin()->request;
    s_.checks_asked.Set({request.row.id, request.row.round},
                        s_.time_ms + s_.limits.check_answer_ms);
    Requeue(request);
    Emit(StartChecks{request.row.id, request.row.round, request.row.spec});
  }
}

void Machine::AskForScores() {
  const auto room = static_cast<size_t>(s_.limits.scores_running_max);
  while (s_.scores_asked.size() < room && !s_.scores.empty()) {
    Request& request = *s_.scores.begin()->request;
    s_.scores_asked.Set({request.row.id, request.row.round},
                        s_.time_ms + s_.limits.score_answer_ms);
    Requeue(request);
    Emit(ComputeScore{request.row.id, request.row.round, request.row.spec, *request.row.plan});
  }
}

void Machine::SettleRequests() {
  for (Request* request : unsettled_) {
    const Phase phase = request->row.phase;
    if ((phase == Phase::kPlanning || phase == Phase::kBatches) && request->live->leases.empty()) {
      PutBack(*request, Ending::kHandedBack, Say(Sentence::kNoSlotToGoOn));
    }
  }
  unsettled_.clear();
}

void Machine::Note(Request& request, std::string_view kind, std::string text) {
  const int64_t seq = s_.next_seq++;
  Write(EventRow{seq, s_.wall, request.row.id, std::string(kind), std::move(text)});
  request.row.updated_seq = seq;
  request.row.updated_at = s_.wall;
  if (!request.is_dirty) dirty_.push_back(&request);
  request.is_dirty = true;
}

void Machine::NoteQueue(std::string_view kind, std::string text) {
  Write(EventRow{s_.next_seq++, s_.wall, RequestId{}, std::string(kind), std::move(text)});
}

void Machine::Audit(const Actor& actor, std::string_view action, std::string target,
                    std::string detail) {
  Write(AuditRow{s_.wall, actor.who, actor.role, std::string(action), std::move(target),
                 std::move(detail)});
}

void Machine::SetMeta(std::string key, std::string value) {
  Write(MetaRow{std::move(key), std::move(value)});
}

std::string Machine::Clip(std::string_view text) const {
  const auto bytes_max = static_cast<size_t>(s_.limits.text_bytes_max);
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return std::string(text.substr(0, end));
}

int64_t ActiveMs(const State& state, const Live& live) {
  return live.active_ms + (live.active_since_ms ? state.time_ms - *live.active_since_ms : 0);
}

}  // namespace koeval::core
