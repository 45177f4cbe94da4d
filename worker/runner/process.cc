// One thread per runner: starts it, reads what it writes, reaps it.
#include "worker/runner/process.h"

#include <fmt/core.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <future>
#include <thread>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/mutex.h"
#include "worker/runner/exit_class.h"
#include "worker/runner/frame_io.h"
#include "worker/runner/spawn.h"

namespace koeval::runner {
namespace {

constexpr size_t kVmstatBytesMax = 1 << 20;
constexpr int kDrainReadsMax = 64;  // of what a dead runner left in its pipes

std::optional<int64_t> ReadOomKills(const std::string& path) {
  const auto text = ReadFile(path, kVmstatBytesMax);
  return text.ok() ? OomKills(*text) : std::nullopt;
}

}  // namespace

class RunnerProcess::Impl {
 public:
  explicit Impl(SpawnOptions options) : options_(std::move(options)) {}

  ~Impl() {
    if (!thread_.joinable()) return;
    Stop({.quit_ms = 0, .term_ms = 0});
    thread_.join();
    for (const int fd : {child_.input, child_.output, child_.log, child_.pidfd, wake_}) ::close(fd);
  }

  Status Start() {
    std::promise<Status> started;
    std::future<Status> result = started.get_future();
    thread_ = std::thread([this, &started] {
      auto child = SpawnChild(options_);
      if (!child.ok()) {
        started.set_value(child.status());
        return;
      }
      child_ = *child;
      oom_kills_before_ = ReadOomKills(options_.vmstat_path);
      wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
      lines_ = std::make_unique<LineReader>(child_.output);
      writer_ = std::make_unique<FrameWriter>(child_.input);
      {
        MutexLock lock(mutex_);
        heard_ = clock_.Mono();
      }
      started.set_value(OkStatus());
      Loop();
    });
    Status status = result.get();
    if (!status.ok()) thread_.join();
    return status;
  }

  Status Send(const ParentFrame& frame, int64_t timeout_ms) {
    return writer_->Write(FormatFrame(frame), timeout_ms);
  }

  Result<std::optional<RunnerFrame>> Next(int64_t timeout_ms) EXCLUDES(mutex_) {
    const MonoTime started = clock_.Mono();
    MutexLock lock(mutex_);
    while (frames_.empty() && stream_.ok() && !exit_) {
      const int64_t left = timeout_ms - (clock_.Mono() - started);
      if (left <= 0) return std::optional<RunnerFrame>();
      changed_.WaitFor(mutex_, left);
    }
    if (!frames_.empty()) {
      std::optional<RunnerFrame> frame(std::move(frames_.front()));
      frames_.pop_front();
      if (frames_.size() + 1 == kFramesWaitingMax) Wake();
      return frame;
    }
    if (!stream_.ok()) return stream_;
    return Unavailable(exit_->message);
  }

  int64_t SilentMs() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return clock_.Mono() - heard_;
  }

  RunnerExit Stop(const StopTimes& times) EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      asked_ = true;
    }
    if (times.quit_ms > 0 && !ended() && Send(QuitFrame{}, times.quit_ms).ok()) {
      WaitForEnd(times.quit_ms);
    }
    if (times.term_ms > 0 && Signal(SIGTERM)) WaitForEnd(times.term_ms);
    for (int64_t waited = 0; Signal(SIGKILL) && waited < times.kill_ms; waited += 1000) {
      WaitForEnd(1000);
    }
    const auto exit = ended();
    if (exit) return *exit;
    RunnerExit stuck;
    stuck.asked = true;
    stuck.message = "SIGKILL did not take it away; the node's kernel or device hangs";
    return stuck;
  }

  std::optional<RunnerExit> ended() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return exit_;
  }

  int64_t pid() const { return child_.pid; }

 private:
  void Wake() {
    const uint64_t one = 1;
    // A full counter wakes as well.
    if (::write(wake_, &one, sizeof one) < 0) return;
  }

  void WaitForEnd(int64_t ms) EXCLUDES(mutex_) {
    const MonoTime started = clock_.Mono();
    MutexLock lock(mutex_);
    while (!exit_) {
      const int64_t left = ms - (clock_.Mono() - started);
      if (left <= 0) return;
      changed_.WaitFor(mutex_, left);
    }
  }

  // False when it was reaped before: its number may belong to somebody else by now.
  bool Signal(int signal) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (exit_) return false;
    ::kill(-child_.pid, signal);
    return true;
  }

  // ---- the thread that owns the child ----

  void Loop() {
    bool output_open = true, log_open = true;
    while (true) {
      std::array<pollfd, 4> fds = {
          pollfd{child_.pidfd, POLLIN, 0},
          pollfd{output_open && HasRoom() ? child_.output : -1, POLLIN, 0},
          pollfd{log_open ? child_.log : -1, POLLIN, 0},
          pollfd{wake_, POLLIN, 0},
      };
      if (::poll(fds.data(), fds.size(), /*timeout=*/-1) < 0) continue;
      if (fds[0].revents != 0) break;
      if (fds[1].revents != 0) output_open = ReadOutput();
      if (fds[2].revents != 0) log_open = ReadLog();
      uint64_t count = 0;
      if (fds[3].revents != 0 && ::read(wake_, &count, sizeof count) < 0) continue;
    }
    Finish(output_open, log_open);
  }

  bool HasRoom() const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return frames_.size() < kFramesWaitingMax;
  }

  // False when there is nothing more to come.
  bool ReadOutput() EXCLUDES(mutex_) {
    const Result<bool> more = lines_->Fill();
    MutexLock lock(mutex_);
    heard_ = clock_.Mono();
    // Cut short within a frame: it died while it wrote, which its exit status explains.
    if (!more.ok() && more.status().code() == Code::kDataLoss) return false;
    if (!more.ok()) return Break(more.status());
    std::string line;
    while (lines_->Pop(line)) {
      auto frame = ParseRunnerFrame(line);
      if (!frame.ok()) return Break(frame.status());
      if (std::holds_alternative<AliveFrame>(*frame)) continue;
      const auto* failed = std::get_if<FailedFrame>(&*frame);
      last_failure_ = failed == nullptr ? std::nullopt : ParseEnding(failed->ending);
      frames_.push_back(std::move(*frame));
    }
    changed_.NotifyAll();
    return *more;
  }

  // What it writes is no protocol: it is of no more use.
  bool Break(const Status& status) REQUIRES(mutex_) {
    stream_ = DataLoss(status.message());
    ::kill(-child_.pid, SIGKILL);
    changed_.NotifyAll();
    return false;
  }

  bool ReadLog() {
    std::array<char, 4096> bytes;
    ssize_t got = 0;
    do {
      got = ::read(child_.log, bytes.data(), bytes.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) return errno == EAGAIN;
    if (got == 0) return false;
    const auto count = static_cast<size_t>(got);
    if (options_.forward_log && ::write(STDERR_FILENO, bytes.data(), count) < 0) {
      // A log that cannot be written is not worth more.
    }
    log_tail_.append(bytes.data(), count);
    if (log_tail_.size() > kLogTailBytes) log_tail_.erase(0, log_tail_.size() - kLogTailBytes);
    return true;
  }

  // The child is dead but not reaped: its group's number is still its own.
  void Finish(bool output_open, bool log_open) EXCLUDES(mutex_) {
    ::kill(-child_.pid, SIGKILL);
    for (int i = 0; i < kDrainReadsMax && log_open && Readable(child_.log); ++i) {
      log_open = ReadLog();
    }
    for (int i = 0; i < kDrainReadsMax && output_open && Readable(child_.output); ++i) {
      output_open = ReadOutput();
    }
    const auto oom_kills = ReadOomKills(options_.vmstat_path);
    MutexLock lock(mutex_);
    int status = 0;
    while (::waitpid(child_.pid, &status, 0) < 0 && errno == EINTR) {
    }
    exit_ = ClassifyExit({.wait_status = status,
                          .asked = asked_,
                          .oom_kills_rose = oom_kills.value_or(0) > oom_kills_before_.value_or(0),
                          .last_failure = last_failure_,
                          .log_tail = log_tail_});
    changed_.NotifyAll();
  }

  static bool Readable(int fd) {
    pollfd p{fd, POLLIN, 0};
    return ::poll(&p, 1, /*timeout=*/0) > 0;
  }

  const SpawnOptions options_;
  const Clock& clock_ = Clock::Real();
  Child child_;
  int wake_ = -1;
  std::unique_ptr<FrameWriter> writer_;
  std::thread thread_;

  // Of the owning thread alone.
  std::unique_ptr<LineReader> lines_;
  std::string log_tail_;
  std::optional<int64_t> oom_kills_before_;
  std::optional<Ending> last_failure_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::deque<RunnerFrame> frames_ GUARDED_BY(mutex_);
  Status stream_ GUARDED_BY(mutex_);
  std::optional<RunnerExit> exit_ GUARDED_BY(mutex_);
  MonoTime heard_ GUARDED_BY(mutex_);
  bool asked_ GUARDED_BY(mutex_) = false;
};

Result<std::unique_ptr<RunnerProcess>> RunnerProcess::Spawn(const SpawnOptions& options) {
  auto impl = std::make_unique<Impl>(options);
  RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<RunnerProcess>(new RunnerProcess(std::move(impl)));
}

RunnerProcess::RunnerProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunnerProcess::~RunnerProcess() = default;

Status RunnerProcess::Send(const ParentFrame& frame, int64_t timeout_ms) {
  return impl_->Send(frame, timeout_ms);
}
Result<std::optional<RunnerFrame>> RunnerProcess::Next(int64_t timeout_ms) {
  return impl_->Next(timeout_ms);
}
int64_t RunnerProcess::SilentMs() const {
  return impl_->SilentMs();
}
RunnerExit RunnerProcess::Stop(const StopTimes& times) {
  return impl_->Stop(times);
}
RunnerExit RunnerProcess::Kill() {
  return impl_->Stop({.quit_ms = 0, .term_ms = 0});
}
std::optional<RunnerExit> RunnerProcess::ended() const {
  return impl_->ended();
}
int64_t RunnerProcess::pid() const {
  return impl_->pid();
}

}  // namespace koeval::runner
