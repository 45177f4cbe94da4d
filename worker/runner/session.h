// A conversation with one runner: load, plan, run; for the worker daemon and for `koeval eval`.
//
// A failed call gives a Status "ENDING: message; remedy: ..." (failure.h). alive() then says
// whether the runner can be used on: a failure of a model, a task or a batch leaves it alive; a
// crash, a silence or a broken stream does not, and the process is killed and reaped before the
// call returns.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "worker/runner/messages.h"
#include "worker/runner/process.h"

namespace koeval::runner {

struct SessionTimes {
  int64_t start_ms = 60'000;           // until Ready
  int64_t load_ms = 3'600'000;         // until Loaded
  int64_t plan_ms = 3'600'000;         // until Planned
  int64_t no_progress_ms = 1'800'000;  // for one batch
  int64_t silent_ms = 120'000;         // without even an Alive: the process hangs
  int64_t send_ms = 120'000;           // for one frame to be taken
  StopTimes stop;
};

struct SessionOptions {
  SpawnOptions spawn;
  SessionTimes times;
};

struct RunOutcome {
  enum class How { kDone, kStopped, kExpired };
  How how = How::kDone;
  int64_t next = 0;  // first batch that was not run; unset when done
};

// Start, Load, SendTask, Plan, Run and Close are called by one thread at a time; StopLease,
// ExtendLease, Abort, alive and pid by any thread, also while one of those waits.
class RunnerSession {
 public:
  // Starts the runner and waits for Ready. FAILED_PRECONDITION when it speaks another protocol.
  static Result<std::unique_ptr<RunnerSession>> Start(const SessionOptions& options,
                                                      const Clock& clock = Clock::Real());
  // Kills the runner if Close was not called.
  ~RunnerSession();

  Result<RunnerFacts> Load(const LoadFrame& load);
  // Sends one task of a job; what is wrong with it is told by Plan.
  Status SendTask(const TaskFrame& task);
  Result<PlannedFrame> Plan(const std::string& job);
  // Runs a range and hands each batch to `on_batch`, ascending. An error of `on_batch` stops the
  // lease after the batch in flight and is returned as it is.
  Result<RunOutcome> Run(const RunFrame& run,
                         const std::function<Status(const BatchFrame&)>& on_batch);
  Status Forget(const std::string& job);

  // The batch in flight is finished, then Run returns kStopped.
  Status StopLease(LeaseId lease);
  Status ExtendLease(LeaseId lease, int64_t time_left_ms);
  // Kills the runner at once; a waiting call returns "CANCELLED: ...".
  void Abort();

  bool alive() const;
  int64_t pid() const;
  // Stops the runner by the ladder and reaps it.
  RunnerExit Close();

 private:
  RunnerSession(std::unique_ptr<RunnerProcess> process, const SessionTimes& times,
                const Clock& clock);

  // The next frame within `limit_ms` counted from `since`; what is wrong otherwise, with the runner
  // killed.
  Result<RunnerFrame> Await(MonoTime since, int64_t limit_ms, const std::string& what);
  Status Send(const ParentFrame& frame);
  Status Died(const std::string& what);
  Status GiveUp(Ending ending, const std::string& message);

  const std::unique_ptr<RunnerProcess> process_;
  const SessionTimes times_;
  const Clock& clock_;
  std::atomic<bool> aborted_ = false;
};

}  // namespace koeval::runner
