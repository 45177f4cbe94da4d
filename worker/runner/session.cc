// Calls over frames, with bounds on every wait.
#include "worker/runner/session.h"

#include <fmt/core.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "worker/runner/failure.h"

namespace koeval::runner {
namespace {

constexpr int64_t kLookMs = 500;  // between looks at silence and limits
constexpr int64_t kLastWordsMs = 5'000;

Status ToStatus(const FailedFrame& frame) {
  return FailureStatus({.ending = ParseEnding(frame.ending).value_or(Ending::kInternal),
                        .message = frame.message,
                        .remedy = frame.remedy});
}

// Whether a failure answers a call about `job` and `lease`: one that names neither is about all.
bool Concerns(const FailedFrame& failed, const std::string* job, const LeaseId* lease) {
  if (failed.lease && (lease == nullptr || *failed.lease != *lease)) return false;
  return !failed.job || (job != nullptr && *failed.job == *job);
}

}  // namespace

Result<std::unique_ptr<RunnerSession>> RunnerSession::Start(const SessionOptions& options,
                                                            const Clock& clock) {
  auto process = RunnerProcess::Spawn(options.spawn);
  if (!process.ok()) {
    return FailureStatus(
        {.ending = Ending::kRunnerCrashed,
         .message = process.status().message(),
         .remedy = "Check the path of koeval-runner and that it may be executed."});
  }
  std::unique_ptr<RunnerSession> session(
      new RunnerSession(std::move(process).value(), options.times, clock));
  const MonoTime since = clock.Mono();
  ASSIGN_OR_RETURN(const RunnerFrame frame,
                   session->Await(since, options.times.start_ms, "it started"));
  const auto* ready = std::get_if<ReadyFrame>(&frame);
  if (ready == nullptr) {
    return session->GiveUp(Ending::kRunnerCrashed, "its first frame is not 'ready'");
  }
  if (ready->protocol != kProtocol) {
    session->Close();
    return FailedPrecondition(
        fmt::format("INTERNAL: the runner speaks protocol {}, not {}; remedy: Install worker and "
                    "runner of one version.",
                    ready->protocol, kProtocol));
  }
  return session;
}

RunnerSession::RunnerSession(std::unique_ptr<RunnerProcess> process, const SessionTimes& times,
                             const Clock& clock)
    : process_(std::move(process)), times_(times), clock_(clock) {}

RunnerSession::~RunnerSession() = default;

Result<RunnerFacts> RunnerSession::Load(const LoadFrame& load) {
  RETURN_IF_ERROR(Send(load));
  const MonoTime since = clock_.Mono();
  while (true) {
    ASSIGN_OR_RETURN(const RunnerFrame frame, Await(since, times_.load_ms, "the load began"));
    if (const auto* loaded = std::get_if<LoadedFrame>(&frame)) return loaded->facts;
    const auto* failed = std::get_if<FailedFrame>(&frame);
    if (failed != nullptr && Concerns(*failed, nullptr, nullptr)) return ToStatus(*failed);
  }
}

Status RunnerSession::SendTask(const TaskFrame& task) {
  return Send(task);
}

Result<PlannedFrame> RunnerSession::Plan(const std::string& job) {
  RETURN_IF_ERROR(Send(PlanFrame{.job = job}));
  const MonoTime since = clock_.Mono();
  while (true) {
    ASSIGN_OR_RETURN(RunnerFrame frame, Await(since, times_.plan_ms, "planning began"));
    auto* planned = std::get_if<PlannedFrame>(&frame);
    if (planned != nullptr && planned->job == job) return std::move(*planned);
    const auto* failed = std::get_if<FailedFrame>(&frame);
    if (failed != nullptr && Concerns(*failed, &job, nullptr)) return ToStatus(*failed);
  }
}

Result<RunOutcome> RunnerSession::Run(const RunFrame& run,
                                      const std::function<Status(const BatchFrame&)>& on_batch) {
  RETURN_IF_ERROR(Send(run));
  MonoTime since = clock_.Mono();
  int64_t next = run.begin;
  Status refused;
  const auto end = [&](RunOutcome outcome) -> Result<RunOutcome> {
    if (!refused.ok()) return refused;
    return outcome;
  };
  while (true) {
    ASSIGN_OR_RETURN(const RunnerFrame frame,
                     Await(since, times_.no_progress_ms, "the last batch ended"));
    if (const auto* batch = std::get_if<BatchFrame>(&frame)) {
      if (batch->lease != run.lease) continue;
      if (batch->batch != next || batch->job != run.job) {
        return GiveUp(Ending::kRunnerCrashed,
                      fmt::format("it sent batch {} where {} was due", batch->batch, next));
      }
      ++next;
      if (refused.ok()) {
        refused = on_batch(*batch);
        if (!refused.ok()) RETURN_IF_ERROR(StopLease(run.lease));
      }
      since = clock_.Mono();
    } else if (const auto* done = std::get_if<LeaseDoneFrame>(&frame)) {
      if (done->lease == run.lease) return end({.how = RunOutcome::How::kDone, .next = next});
    } else if (const auto* stopped = std::get_if<LeaseStoppedFrame>(&frame)) {
      if (stopped->lease == run.lease) return end({RunOutcome::How::kStopped, stopped->next});
    } else if (const auto* expired = std::get_if<LeaseExpiredFrame>(&frame)) {
      if (expired->lease == run.lease) return end({RunOutcome::How::kExpired, expired->next});
    } else if (const auto* failed = std::get_if<FailedFrame>(&frame)) {
      if (!Concerns(*failed, &run.job, &run.lease)) continue;
      // The runner takes a broken device for its own end, and exits.
      if (ParseEnding(failed->ending) == Ending::kRunnerCrashed) process_->Stop(times_.stop);
      return ToStatus(*failed);
    }
  }
}

Status RunnerSession::Forget(const std::string& job) {
  return Send(ForgetFrame{.job = job});
}

Status RunnerSession::StopLease(LeaseId lease) {
  return Send(StopFrame{.lease = lease});
}

Status RunnerSession::ExtendLease(LeaseId lease, int64_t time_left_ms) {
  return Send(ExtendFrame{.lease = lease, .time_left_ms = time_left_ms});
}

void RunnerSession::Abort() {
  aborted_ = true;
  process_->Kill();
}

bool RunnerSession::alive() const {
  return !process_->ended();
}

int64_t RunnerSession::pid() const {
  return process_->pid();
}

RunnerExit RunnerSession::Close() {
  return process_->Stop(times_.stop);
}

Result<RunnerFrame> RunnerSession::Await(MonoTime since, int64_t limit_ms,
                                         const std::string& what) {
  while (true) {
    const int64_t left = limit_ms - (clock_.Mono() - since);
    auto frame = process_->Next(std::clamp<int64_t>(left, 0, kLookMs));
    if (!frame.ok() && frame.status().code() == Code::kDataLoss) {
      return GiveUp(Ending::kRunnerCrashed,
                    "what it writes is no frame: " + frame.status().message());
    }
    if (!frame.ok()) return Died(what);
    if (*frame) return std::move(**frame);
    if (left <= 0) {
      return GiveUp(Ending::kNoProgress,
                    fmt::format("no progress for {} since {}", FormatDuration(limit_ms), what));
    }
    const int64_t silent = process_->SilentMs();
    if (silent > times_.silent_ms) {
      return GiveUp(Ending::kNoProgress,
                    fmt::format("the runner was silent for {}", FormatDuration(silent)));
    }
  }
}

Status RunnerSession::Send(const ParentFrame& frame) {
  const Status sent = process_->Send(frame, times_.send_ms);
  if (sent.ok()) return sent;
  if (sent.code() == Code::kDeadlineExceeded) return GiveUp(Ending::kNoProgress, sent.message());
  // It closed its input: let it end by itself first, so that its own reason is seen.
  const MonoTime since = clock_.Mono();
  while (!process_->ended() && clock_.Mono() - since < kLastWordsMs) {
    if (!process_->Next(kLookMs).ok()) break;
  }
  return Died("a frame was due to it");
}

// The runner closed its end: it has died or is about to.
Status RunnerSession::Died(const std::string& what) {
  const RunnerExit exit = process_->Stop({.quit_ms = 0, .term_ms = 0});
  if (aborted_)
    return FailureStatus({.ending = Ending::kCancelled, .message = "stopped", .remedy = {}});
  // Asked or not, it was not to end here.
  const Ending ending = exit.ending == Ending::kFinished || exit.ending == Ending::kCancelled
                            ? Ending::kRunnerCrashed
                            : exit.ending;
  return FailureStatus({.ending = ending,
                        .message = fmt::format("the runner ended after {}: {}", what, exit.message),
                        .remedy = std::string(InfoOf(ending).operator_text)});
}

Status RunnerSession::GiveUp(Ending ending, const std::string& message) {
  process_->Kill();
  if (aborted_)
    return FailureStatus({.ending = Ending::kCancelled, .message = "stopped", .remedy = {}});
  return FailureStatus(
      {.ending = ending, .message = message, .remedy = std::string(InfoOf(ending).operator_text)});
}

}  // namespace koeval::runner
