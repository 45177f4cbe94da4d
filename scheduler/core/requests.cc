// Events of clients, operators and the scheduler's own pools.
#include <algorithm>
#include <string>
#include <vector>

#include "scheduler/core/event_kinds.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/sentences.h"

namespace koeval::core {
namespace {

constexpr size_t kRequestIdBytesMax = 64;

bool IsRequestId(const std::string& text) {
  if (text.empty() || text.size() > kRequestIdBytesMax) return false;
  for (const char c : text) {
    const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool is_digit = c >= '0' && c <= '9';
    if (!is_letter && !is_digit && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

Status MayChange(const Request* request, const RequestId& id, const Actor& actor) {
  if (request == nullptr) {
    return NotFound("no request '" + id.text + "'; list the requests to find its id");
  }
  if (actor.role == "submitter" && actor.who != request->row.spec.submitter) {
    return PermissionDenied("request '" + id.text + "' belongs to another submitter; ask them or " +
                            "an operator");
  }
  return OkStatus();
}

Status OtherSubmission(const RequestId& id, const std::vector<std::string_view>& differing) {
  std::string names;
  for (const std::string_view name : differing) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return AlreadyExists("request_id '" + id.text + "' names another submission, which differs in: " +
                       names + "; choose a new id, or repeat the first submission as it was");
}

Reply Refusal(ReplyToken token, Status status) {
  return Reply{token, std::move(status), std::nullopt, false};
}

}  // namespace

void Machine::On(const Submit& event) {
  if (!IsRequestId(event.id.text)) {
    return Emit(Refusal(
        event.token, InvalidArgument("request_id: use 1 to 64 letters, digits, '.', '_' or '-'")));
  }
  if (const Request* known = FindRequest(event.id)) {
    const auto differing = DifferingFields(known->row.spec, event.spec);
    if (!differing.empty()) return Emit(Refusal(event.token, OtherSubmission(event.id, differing)));
    return Emit(Reply{event.token, OkStatus(), known->row, /*already_known=*/true});
  }
  if (const Request* same = FindSame(event)) {
    return Emit(Reply{event.token, OkStatus(), same->row, /*already_known=*/true});
  }
  const int64_t pending = s_.state_counts[static_cast<size_t>(RequestState::kPending)];
  if (pending >= s_.limits.pending_max) {
    return Emit(Refusal(event.token, ResourceExhausted("pending_max: " + std::to_string(pending) +
                                                       " requests wait already; try later")));
  }
  if (static_cast<int64_t>(s_.requests.size()) >= s_.limits.requests_max) {
    return Emit(Refusal(event.token, ResourceExhausted("requests_max: the queue remembers as many "
                                                       "requests as it can; ask the operator")));
  }
  if (Status status = MaySubmit(event.actor, event.spec.submitter); !status.ok()) {
    return Emit(Refusal(event.token, std::move(status)));
  }
  Request& request = s_.requests[event.id];
  request.row.id = event.id;
  request.row.number = s_.next_number++;
  request.row.spec = event.spec;
  request.row.submitted_at = s_.wall;
  CountSubmit(event.spec.submitter, s_.wall);
  request.live = std::make_unique<Live>();
  ++s_.state_counts[static_cast<size_t>(request.row.state)];
  if (!event.identity.empty()) {
    s_.identities[event.identity] = event.id;
    SetMeta("identity:" + event.identity, event.id.text);
  }
  Requeue(request);
  Note(request, kind::kSubmitted, event.spec.model + " for " + event.spec.suite);
  Audit(event.actor, "submit", event.id.text, event.spec.model);
  Emit(Reply{event.token, OkStatus(), request.row, /*already_known=*/false});
}

// The request that has evaluated, or is about to evaluate, exactly what is submitted.
const Request* Machine::FindSame(const Submit& event) {
  if (event.identity.empty() || event.force) return nullptr;
  const auto at = s_.identities.find(event.identity);
  if (at == s_.identities.end()) return nullptr;
  const Request* request = FindRequest(at->second);
  const bool failed = request == nullptr || request->row.state == RequestState::kFailed;
  return failed ? nullptr : request;
}

// Whether the submitter's newest submits_max requests and retries leave room for one more in the
// window.
Status Machine::MaySubmit(const Actor& actor, const std::string& submitter) const {
  const auto made = s_.submits.find(submitter);
  if (s_.limits.submits_max == 0 || actor.role == "operator" || made == s_.submits.end() ||
      static_cast<int64_t>(made->second.size()) < s_.limits.submits_max) {
    return OkStatus();
  }
  const WallTime again{made->second.front().micros + s_.limits.submits_window_ms * 1'000};
  if (s_.wall >= again) return OkStatus();
  return ResourceExhausted("submits_max: '" + submitter + "' has made " +
                           std::to_string(s_.limits.submits_max) + " requests and retries within " +
                           FormatDuration(s_.limits.submits_window_ms) +
                           "; the next one is possible at " + FormatUtc(again) + ", in " +
                           FormatDuration((again.micros - s_.wall.micros + 999) / 1'000));
}

// In whatever order they come: the newest ones are kept.
void Machine::CountSubmit(const std::string& submitter, WallTime at) {
  if (s_.limits.submits_max == 0) return;
  std::deque<WallTime>& made = s_.submits[submitter];
  made.insert(std::upper_bound(made.begin(), made.end(), at), at);
  if (static_cast<int64_t>(made.size()) > s_.limits.submits_max) made.pop_front();
}

void Machine::CountRetry(const Request& request, const Actor& actor) {
  if (s_.limits.submits_max == 0 || actor.role == "operator") return;
  CountSubmit(request.row.spec.submitter, s_.wall);
  SetMeta("retry:" + request.row.id.text + ":" + std::to_string(request.row.round),
          std::to_string(s_.wall.micros));
}

void Machine::On(const Cancel& event) {
  Request* request = FindRequest(event.id);
  if (Status status = MayChange(request, event.id, event.actor); !status.ok()) {
    return Emit(Refusal(event.token, std::move(status)));
  }
  if (!request->live) {
    if (request->row.ending != EndingName(Ending::kCancelled)) {
      return Emit(
          Refusal(event.token, FailedPrecondition("request '" + event.id.text +
                                                  "' has ended already: " + request->row.ending)));
    }
    return Emit(Reply{event.token, OkStatus(), request->row, /*already_known=*/true});
  }
  Audit(event.actor, "cancel", event.id.text, "");
  FailRequest(*request, {Ending::kCancelled, Say(Sentence::kCancelledBy, {event.actor.who}), ""});
  Emit(Reply{event.token, OkStatus(), request->row, /*already_known=*/false});
}

void Machine::On(const Retry& event) {
  Request* request = FindRequest(event.id);
  if (Status status = MayChange(request, event.id, event.actor); !status.ok()) {
    return Emit(Refusal(event.token, std::move(status)));
  }
  RequestRow& row = request->row;
  if (row.state != RequestState::kFailed) {
    return Emit(Refusal(event.token, FailedPrecondition("request '" + event.id.text + "' is " +
                                                        std::string(StateName(row.state)) +
                                                        "; only a FAILED request can be retried")));
  }
  if (s_.state_counts[static_cast<size_t>(RequestState::kPending)] >= s_.limits.pending_max) {
    return Emit(Refusal(event.token, ResourceExhausted("pending_max: too many requests wait "
                                                       "already; try later")));
  }
  if (Status status = MaySubmit(event.actor, row.spec.submitter); !status.ok()) {
    return Emit(Refusal(event.token, std::move(status)));
  }
  ++row.round;
  CountRetry(*request, event.actor);
  row.plan.reset();
  row.hardware_class.clear();
  row.ending.clear();
  row.reason.clear();
  row.remedy.clear();
  row.facts_json.clear();
  row.started_at = WallTime{};
  row.finished_at = WallTime{};
  request->live = std::make_unique<Live>();
  Move(*request, Phase::kChecking);
  Note(*request, kind::kRetried, "round " + std::to_string(row.round));
  Audit(event.actor, "retry", event.id.text, "round " + std::to_string(row.round));
  Emit(Reply{event.token, OkStatus(), row, /*already_known=*/false});
}

void Machine::On(const SetPaused& event) {
  if (s_.paused != event.paused) {
    s_.paused = event.paused;
    SetMeta("paused", event.paused ? "1" : "");
    NoteQueue(event.paused ? kind::kPaused : kind::kResumed, "by " + event.actor.who);
    Audit(event.actor, event.paused ? "pause" : "resume", "queue", "");
  }
  Emit(Reply{event.token, OkStatus(), std::nullopt, false});
}

void Machine::On(const SetDrained& event) {
  const bool was_drained = s_.drained.contains(event.worker);
  const auto worker = s_.workers.find(event.worker);
  if (worker == s_.workers.end() && !was_drained) {
    return Emit(Refusal(event.token, NotFound("no worker '" + event.worker.text +
                                              "' is known; list the workers for their names")));
  }
  const bool is_full = static_cast<int64_t>(s_.drained.size()) >= s_.limits.workers_max;
  if (event.drained && !was_drained && is_full) {
    return Emit(Refusal(event.token, ResourceExhausted("workers_max: as many workers are drained; "
                                                       "undrain those that are no more")));
  }
  if (was_drained != event.drained) {
    const std::string reason = event.reason.empty() ? "by " + event.actor.who : Clip(event.reason);
    if (event.drained) {
      s_.drained[event.worker] = reason;
    } else {
      s_.drained.erase(event.worker);
    }
    SetMeta("drained:" + event.worker.text, event.drained ? reason : "");
    NoteQueue(event.drained ? kind::kDrained : kind::kUndrained,
              "worker " + event.worker.text + ": " + reason);
    Audit(event.actor, event.drained ? "drain" : "undrain", event.worker.text, reason);
    if (worker != s_.workers.end()) RefreshWorker(worker->second);
  }
  Emit(Reply{event.token, OkStatus(), std::nullopt, false});
}

void Machine::On(const ChecksDone& event) {
  s_.checks_asked.Erase({event.id, event.round});
  Request* request = FindRequest(event.id);
  if (request == nullptr || request->row.phase != Phase::kChecking ||
      request->row.round != event.round) {
    return;
  }
  const bool no_hub = event.finding && event.finding->ending == Ending::kHubUnavailable;
  if (no_hub && s_.recheck_deadlines.Has(event.id)) return;  // the double of a late answer
  request->row.facts_json = event.facts_json;
  if (no_hub) return PostponeChecks(*request, *event.finding);
  if (event.finding) return FailRequest(*request, *event.finding);
  if (event.memory_bytes > 0) SetMemoryNeed(*request, event.memory_bytes);
  ForgetRechecks(*request);
  request->row.reason.clear();
  Move(*request, Phase::kQueued);
  Note(*request, kind::kChecked, "the submission checks passed");
}

void Machine::On(const ScoreDone& event) {
  s_.scores_asked.Erase({event.id, event.round});
  Request* request = FindRequest(event.id);
  if (request == nullptr || request->row.phase != Phase::kScoring ||
      request->row.round != event.round) {
    return;
  }
  FinishRequest(*request, event);
}

void Machine::On(const ScoreFailed& event) {
  s_.scores_asked.Erase({event.id, event.round});
  Request* request = FindRequest(event.id);
  if (request == nullptr || request->row.phase != Phase::kScoring ||
      request->row.round != event.round) {
    return;
  }
  const bool again = InfoOf(event.finding.ending).retryable &&
                     ++request->live->score_tries < s_.limits.score_tries_max;
  if (!again) return FailRequest(*request, event.finding);
  Requeue(*request);
}

// The hub, not the model, is at fault: the request waits and is checked again, so often and for so
// long as the limits have it.
void Machine::PostponeChecks(Request& request, const Finding& finding) {
  Live& live = *request.live;
  RequestRow& row = request.row;
  if (live.recheck_tries > 0) live.recheck_ms += s_.time_ms - live.recheck_at_ms;
  live.recheck_at_ms = s_.time_ms;
  ++live.recheck_tries;
  const int64_t pause_ms = RecheckPauseMs(live);
  if (live.recheck_tries >= s_.limits.recheck_tries_max ||
      live.recheck_ms + pause_ms > s_.limits.recheck_for_ms) {
    std::string reason = finding.reason;
    if (live.recheck_tries > 1) {
      reason = Say(Sentence::kAskedTimes,
                   {Number(live.recheck_tries), FormatDuration(live.recheck_ms), reason});
    }
    return FailRequest(request, {finding.ending, reason, finding.remedy});
  }
  SetMeta("recheck:" + row.id.text,
          std::to_string(live.recheck_tries) + " " + std::to_string(live.recheck_ms));
  s_.recheck_deadlines.Set(row.id, s_.time_ms + pause_ms);
  row.reason = Clip(std::string(EndingName(finding.ending)) + ": " + finding.reason);
  Requeue(request);
  Note(request, kind::kPostponed, row.reason);
}

int64_t Machine::RecheckPauseMs(const Live& live) const {
  int64_t pause_ms = s_.limits.recheck_first_ms;
  for (int64_t i = 1; i < live.recheck_tries && pause_ms < s_.limits.recheck_last_ms; ++i) {
    pause_ms *= 2;
  }
  return std::min(pause_ms, s_.limits.recheck_last_ms);
}

void Machine::ForgetRechecks(Request& request) {
  if (request.live->recheck_tries == 0) return;
  request.live->recheck_tries = 0;
  SetMeta("recheck:" + request.row.id.text, "");
}

// No answer came in time: asked again, then the request's end.
void Machine::LoseChecks(const RequestId& id, int64_t round) {
  Request* request = FindRequest(id);
  if (request == nullptr || request->row.phase != Phase::kChecking || request->row.round != round) {
    return;
  }
  if (++request->live->check_tries < s_.limits.check_tries_max) return Requeue(*request);
  FailRequest(*request, {Ending::kInternal,
                         Say(Sentence::kChecksSilent, {Number(s_.limits.check_tries_max),
                                                       Number(s_.limits.check_answer_ms)}),
                         Say(Sentence::kRetryOrAsk)});
}

void Machine::LoseScore(const RequestId& id, int64_t round) {
  On(ScoreFailed{
      id,
      round,
      {Ending::kInternal, Say(Sentence::kScoreSilent, {Number(s_.limits.score_answer_ms)}),
       Say(Sentence::kRetryOrAsk)}});
}

}  // namespace koeval::core
