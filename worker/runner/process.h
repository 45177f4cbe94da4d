// A runner as a child process: started clean, fed, read, watched, stopped by a ladder, reaped.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/endings.h"
#include "common/base/status.h"
#include "worker/runner/messages.h"

namespace koeval::runner {

inline constexpr size_t kFramesWaitingMax = 1024;      // read from a runner, not yet taken
inline constexpr size_t kLogTailBytes = 16 << 10;      // of a runner's stderr
inline constexpr int64_t kRunnerOomScoreAdjust = 500;  // the kernel takes a runner, not the daemon

struct SpawnOptions {
  std::string binary;
  std::vector<std::string> arguments;
  // Added to what is passed on of our own environment (a short list of names without secrets).
  std::vector<std::pair<std::string, std::string>> environment;
  std::optional<int64_t> address_space_bytes;  // RLIMIT_AS; not for CUDA, which maps far more
  bool core_dumps = false;                     // whether a crash may leave a core file
  bool forward_log = false;                    // copy the runner's stderr to ours
  std::string vmstat_path = "/proc/vmstat";    // where the kernel counts its out-of-memory kills
};

// Rungs of the stop ladder. A rung of 0 is skipped.
struct StopTimes {
  int64_t quit_ms = 10'000;  // after Quit and the end of its input: the batch in flight ends
  int64_t term_ms = 5'000;   // after SIGTERM to the process group
  int64_t kill_ms = 10'000;  // after SIGKILL to the process group: the kernel takes it away
};

// How a runner ended.
struct RunnerExit {
  bool asked = false;                      // we asked, and it left with status 0
  Ending ending = Ending::kRunnerCrashed;  // of whatever ran when it ended unasked
  std::string message;                     // "killed by SIGSEGV", "exit status 3"
  int exit_status = -1;                    // -1 when a signal ended it
  int signal = 0;                          // 0 when it exited
  std::string log_tail;                    // last lines of its stderr
};

// Thread-safe. One thread of its own owns the child: it starts it (so that the child's death
// signal is bound to a thread that lives as long), reads its pipes and reaps it.
class RunnerProcess {
 public:
  // NOT_FOUND: no such binary; UNAVAILABLE: the system refused.
  static Result<std::unique_ptr<RunnerProcess>> Spawn(const SpawnOptions& options);
  // Kills and reaps what still runs.
  ~RunnerProcess();
  RunnerProcess(const RunnerProcess&) = delete;
  RunnerProcess& operator=(const RunnerProcess&) = delete;

  // UNAVAILABLE: it is gone; DEADLINE_EXCEEDED: it takes nothing.
  Status Send(const ParentFrame& frame, int64_t timeout_ms);

  // The next frame but Alive; nothing after `timeout_ms`. UNAVAILABLE when it has ended and all its
  // frames were taken; DATA_LOSS when it wrote what is no frame.
  Result<std::optional<RunnerFrame>> Next(int64_t timeout_ms);

  // Milliseconds since it last wrote anything, Alive included.
  int64_t SilentMs() const;

  // Stops it by the ladder and reaps it; at once when it has ended already. Same answer each time.
  RunnerExit Stop(const StopTimes& times = {});
  // SIGKILL to the group, and reaps it.
  RunnerExit Kill();
  // How it ended, when it has.
  std::optional<RunnerExit> ended() const;

  int64_t pid() const;

 private:
  class Impl;
  explicit RunnerProcess(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace koeval::runner
