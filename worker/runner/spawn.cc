// fork and exec, with everything that needs memory done before the fork.
#include "worker/runner/spawn.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "common/base/fd.h"

namespace koeval::runner {
namespace {

// Names that carry no secret and that a runner needs or that its sanitizers read.
constexpr std::array<const char*, 17> kPassedOn = {"PATH",
                                                   "HOME",
                                                   "LANG",
                                                   "LC_ALL",
                                                   "LC_CTYPE",
                                                   "TZ",
                                                   "TMPDIR",
                                                   "LD_LIBRARY_PATH",
                                                   "ASAN_OPTIONS",
                                                   "LSAN_OPTIONS",
                                                   "TSAN_OPTIONS",
                                                   "UBSAN_OPTIONS",
                                                   "CUDA_VISIBLE_DEVICES",
                                                   "CUDA_DEVICE_ORDER",
                                                   "NVIDIA_VISIBLE_DEVICES",
                                                   "NVIDIA_DRIVER_CAPABILITIES",
                                                   "CUDA_CACHE_PATH"};

constexpr int kFirstFreeFd = 10;  // above the fds that the child sets up
constexpr int kErrorFd = 3;       // in the child: tells why exec failed

struct Pipe {
  Fd read, write;
};

Result<Pipe> MakePipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) {
    return Unavailable(fmt::format("no pipe for the runner: {}", std::strerror(errno)));
  }
  const Fd low_read(fds[0]);
  const Fd low_write(fds[1]);
  Pipe pipe{Fd(::fcntl(fds[0], F_DUPFD_CLOEXEC, kFirstFreeFd)),
            Fd(::fcntl(fds[1], F_DUPFD_CLOEXEC, kFirstFreeFd))};
  if (pipe.read.get() < 0 || pipe.write.get() < 0) {
    return Unavailable(fmt::format("no pipe for the runner: {}", std::strerror(errno)));
  }
  return pipe;
}

// What the child needs between fork and exec; pointers stay valid until then.
struct ChildSetup {
  std::vector<std::string> argument_texts, environment_texts;
  std::vector<char*> arguments, environment;
  int input = -1, output = -1, log = -1, error = -1;
  int parent = -1;
  bool core_dumps = false;
  rlim_t address_space = RLIM_INFINITY;
  std::string oom_score;
};

void FillPointers(std::vector<std::string>& texts, std::vector<char*>& out) {
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
}

// The child's half: calls that are safe after a fork in a program with threads, and nothing else.
[[noreturn]] void RunChild(const ChildSetup& setup) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != setup.parent) ::_exit(127);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGPIPE, SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  if (!setup.core_dumps) {
    const rlimit no_core{0, 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
  }
  if (setup.address_space != RLIM_INFINITY) {
    const rlimit space{setup.address_space, setup.address_space};
    ::setrlimit(RLIMIT_AS, &space);
  }
  const int score = ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (score >= 0 && ::write(score, setup.oom_score.data(), setup.oom_score.size()) < 0) {
    // The kernel's choice of a victim stays as it is.
  }
  ::dup2(setup.input, 0);
  ::dup2(setup.output, 1);
  ::dup2(setup.log, 2);
  ::dup2(setup.error, kErrorFd);
  ::fcntl(kErrorFd, F_SETFD, FD_CLOEXEC);
  ::syscall(SYS_close_range, kErrorFd + 1, ~0U, 0);
  ::execve(setup.arguments[0], setup.arguments.data(), setup.environment.data());
  const int error = errno;
  if (::write(kErrorFd, &error, sizeof error) < 0) ::_exit(126);
  ::_exit(127);
}

ChildSetup Prepare(const SpawnOptions& options) {
  ChildSetup setup;
  setup.argument_texts = {options.binary};
  setup.argument_texts.insert(setup.argument_texts.end(), options.arguments.begin(),
                              options.arguments.end());
  for (const char* name : kPassedOn) {
    const char* value = std::getenv(name);
    if (value != nullptr) setup.environment_texts.push_back(fmt::format("{}={}", name, value));
  }
  for (const auto& [name, value] : options.environment) {
    const std::string start = name + "=";
    std::erase_if(setup.environment_texts,
                  [&](const std::string& text) { return text.starts_with(start); });
    setup.environment_texts.push_back(start + value);
  }
  FillPointers(setup.argument_texts, setup.arguments);
  FillPointers(setup.environment_texts, setup.environment);
  setup.parent = ::getpid();
  setup.core_dumps = options.core_dumps;
  if (options.address_space_bytes) {
    setup.address_space = static_cast<rlim_t>(*options.address_space_bytes);
  }
  setup.oom_score = std::to_string(kRunnerOomScoreAdjust);
  return setup;
}

// The errno of a failed exec, or 0 once the new program runs.
int ExecError(int fd) {
  int error = 0;
  ssize_t got = 0;
  do {
    got = ::read(fd, &error, sizeof error);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof error) ? error : 0;
}

void SetNonBlocking(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

}  // namespace

Result<Child> SpawnChild(const SpawnOptions& options) {
  ASSIGN_OR_RETURN(Pipe input, MakePipe());
  ASSIGN_OR_RETURN(Pipe output, MakePipe());
  ASSIGN_OR_RETURN(Pipe log, MakePipe());
  ASSIGN_OR_RETURN(Pipe error, MakePipe());
  ChildSetup setup = Prepare(options);
  setup.input = input.read.get();
  setup.output = output.write.get();
  setup.log = log.write.get();
  setup.error = error.write.get();
  const int pid = ::fork();
  if (pid == 0) RunChild(setup);
  if (pid < 0) {
    return Unavailable(fmt::format("no process for the runner: {}", std::strerror(errno)));
  }
  ::setpgid(pid, pid);  // either side may be first
  error.write.Reset();
  const int failed = ExecError(error.read.get());
  Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (failed != 0 || pidfd.get() < 0) {
    const int reason = failed != 0 ? failed : errno;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    const std::string text =
        fmt::format("the runner {} cannot be started: {}", options.binary, std::strerror(reason));
    return failed == ENOENT ? NotFound(text) : Unavailable(text);
  }
  Child child{.pid = pid,
              .pidfd = pidfd.Release(),
              .input = input.write.Release(),
              .output = output.read.Release(),
              .log = log.read.Release()};
  for (const int fd : {child.input, child.output, child.log}) SetNonBlocking(fd);
  return child;
}

}  // namespace koeval::runner
