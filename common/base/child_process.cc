// Child processes over fork, rlimits and pidfd.
#include "common/base/child_process.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "common/base/fd.h"

namespace koeval {
namespace {

constexpr int64_t kStopCheckMs = 100;  // how soon `stop` is seen
constexpr int kExecFailed = 127;

Status MakePipe(Fd* read_end, Fd* write_end) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return Unavailable(fmt::format("cannot make a pipe: {}", std::strerror(errno)));
  }
  read_end->Reset(ends[0]);
  write_end->Reset(ends[1]);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return OkStatus();
}

void Limit(int resource, int64_t value) {
  const auto bound = static_cast<rlim_t>(value);
  const rlimit limit{bound, bound};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &limit);
}

// In the child, between fork and exec: async-signal-safe calls only.
[[noreturn]] void BecomeChild(char* const* argv, char* const* environment, int in, int out, int err,
                              const ChildLimits& limits) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!limits.is_trusted) ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int source = in >= 0 ? in : ::open("/dev/null", O_RDONLY);
  if (source < 0 || ::dup2(source, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err, 2) < 0) {
    ::_exit(kExecFailed);
  }
  ::close_range(3, ~0U, 0);
  // Not the address space: a checkpoint that is only mapped may be larger than any memory.
  if (limits.memory_bytes > 0) Limit(RLIMIT_DATA, limits.memory_bytes);
  Limit(RLIMIT_CPU, limits.time_ms / 1000 + 1);
  Limit(RLIMIT_NOFILE, limits.files);
  Limit(RLIMIT_CORE, 0);
  if (!limits.is_trusted) Limit(RLIMIT_FSIZE, 0);
  ::execve(argv[0], argv, environment);
  ::_exit(kExecFailed);
}

// Reads what is there. False at the end of the stream.
bool ReadSome(int fd, size_t keep_max, std::string* out, bool* over) {
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n == 0) return false;
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    const size_t room = keep_max - std::min(keep_max, out->size());
    const auto got = static_cast<size_t>(n);
    out->append(buffer.data(), std::min(room, got));
    if (got > room) *over = true;
  }
}

// A file in memory that holds `input`, at its start; closed for an empty one.
Status MakeInput(std::string_view input, Fd* out) {
  if (input.empty()) return OkStatus();
  out->Reset(::memfd_create("koeval-input", MFD_CLOEXEC));
  if (!out->open()) {
    return Unavailable(fmt::format("cannot make an input: {}", std::strerror(errno)));
  }
  while (!input.empty()) {
    const ssize_t n = ::write(out->get(), input.data(), input.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return Unavailable(fmt::format("cannot write an input: {}", std::strerror(errno)));
    input.remove_prefix(static_cast<size_t>(n));
  }
  if (::lseek(out->get(), 0, SEEK_SET) != 0) return Unavailable("cannot rewind an input");
  return OkStatus();
}

class Supervision {
 public:
  Supervision(pid_t pid, Fd* out, Fd* err, const ChildLimits& limits, const Clock& clock)
      : pid_(pid), out_(out), err_(err), limits_(limits), clock_(clock) {
    deadline_ = clock.Mono() + limits.time_ms;
    pidfd_.Reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  }

  ChildOutcome Run(const std::atomic<bool>& stop) {
    ChildOutcome outcome;
    bool over = false;
    while (!Exited()) {
      if (stop.load()) return Kill(ChildEnd::kStopped, &outcome);
      const int64_t left = deadline_ - clock_.Mono();
      if (left <= 0) return Kill(ChildEnd::kTimedOut, &outcome);
      WaitForSomething(std::min(left, kStopCheckMs));
      Drain(&outcome, &over);
      if (over) return Kill(ChildEnd::kOutputTooLarge, &outcome);
    }
    ::kill(-pid_, SIGKILL);  // what the child may have started
    Drain(&outcome, &over);
    if (over) outcome.end = ChildEnd::kOutputTooLarge;
    Classify(&outcome, over);
    return outcome;
  }

 private:
  // True once the child has ended; remembers its status.
  bool Exited() {
    if (reaped_) return true;
    reaped_ = ::waitpid(pid_, &status_, WNOHANG) == pid_;
    return reaped_;
  }

  void WaitForSomething(int64_t ms) {
    std::array<pollfd, 3> fds = {
        {{out_->get(), POLLIN, 0}, {err_->get(), POLLIN, 0}, {pidfd_.get(), POLLIN, 0}}};
    ::poll(fds.data(), fds.size(), static_cast<int>(ms));
  }

  void Drain(ChildOutcome* outcome, bool* over) {
    bool error_over = false;  // what is above the bound of stderr is dropped
    if (out_->open() && !ReadSome(out_->get(), limits_.output_max, &outcome->out, over)) {
      out_->Reset();
    }
    if (err_->open() && !ReadSome(err_->get(), limits_.error_max, &outcome->err, &error_over)) {
      err_->Reset();
    }
  }

  ChildOutcome Kill(ChildEnd why, ChildOutcome* outcome) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);  // should the group not exist yet
    if (!reaped_) ::waitpid(pid_, &status_, 0);
    outcome->end = why;
    return std::move(*outcome);
  }

  void Classify(ChildOutcome* outcome, bool over) const {
    if (over) return;
    if (WIFEXITED(status_)) {
      outcome->end = ChildEnd::kExited;
      outcome->code = WEXITSTATUS(status_);
    } else {
      outcome->end = ChildEnd::kSignalled;
      outcome->code = WTERMSIG(status_);
    }
  }

  const pid_t pid_;
  Fd* out_;
  Fd* err_;
  Fd pidfd_;
  const ChildLimits& limits_;
  const Clock& clock_;
  MonoTime deadline_;
  bool reaped_ = false;
  int status_ = 0;
};

}  // namespace

Result<ChildOutcome> RunChild(const std::vector<std::string>& argv, const ChildLimits& limits,
                              const Clock& clock, const std::atomic<bool>& stop,
                              std::string_view input) {
  KOEVAL_CHECK(!argv.empty(), "a command has a name");
  if (::access(argv[0].c_str(), X_OK) != 0) {
    return NotFound(fmt::format("{} cannot be run: {}", argv[0], std::strerror(errno)));
  }
  std::vector<char*> arguments;
  arguments.reserve(argv.size() + 1);
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  std::string path = "PATH=/usr/local/bin:/usr/bin:/bin";
  std::string language = "LANG=C.UTF-8";
  const std::array<char*, 3> environment = {path.data(), language.data(), nullptr};

  Fd in, out_read, out_write, err_read, err_write;
  RETURN_IF_ERROR(MakeInput(input, &in));
  RETURN_IF_ERROR(MakePipe(&out_read, &out_write));
  RETURN_IF_ERROR(MakePipe(&err_read, &err_write));
  const pid_t pid = ::fork();
  if (pid < 0) {
    return Unavailable(fmt::format("cannot start {}: {}", argv[0], std::strerror(errno)));
  }
  if (pid == 0) {
    BecomeChild(arguments.data(), environment.data(), in.get(), out_write.get(), err_write.get(),
                limits);
  }
  ::setpgid(pid, pid);  // both sides set it: whoever comes first
  out_write.Reset();
  err_write.Reset();
  return Supervision(pid, &out_read, &err_read, limits, clock).Run(stop);
}

}  // namespace koeval
