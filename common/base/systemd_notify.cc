// Datagrams to the service manager, as sd_notify(3) describes them.
#include "common/base/systemd_notify.h"

#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <string>

#include "common/base/clock.h"
#include "common/base/log.h"

namespace koeval {
namespace {

// Half of the interval within which the service manager wants a sign of life; 0: it wants none.
int64_t WatchdogMs() {
  const char* usec = std::getenv("WATCHDOG_USEC");
  const char* pid = std::getenv("WATCHDOG_PID");
  if (usec == nullptr) return 0;
  if (pid != nullptr && std::atoll(pid) != ::getpid()) return 0;
  return std::max<int64_t>(0, std::atoll(usec) / 1000 / 2);
}

}  // namespace

bool SystemdNotify(std::string_view state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return false;
  const std::string_view name(path);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() >= sizeof address.sun_path) return false;
  std::copy(name.begin(), name.end(), address.sun_path);
  if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract name space
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  const timeval patience{1, 0};  // a service manager that reads nothing must not stop us
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  const ssize_t sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), length);
  ::close(fd);
  return sent == static_cast<ssize_t>(state.size());
}

bool SystemdStatus(std::string_view text) {
  return SystemdNotify("STATUS=" + LogSafe(text));
}

bool SystemdReloading() {
  timespec now{};  // systemd compares it with its own CLOCK_MONOTONIC
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return SystemdNotify(fmt::format("RELOADING=1\nMONOTONIC_USEC={}",
                                   int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000));
}

void SystemdWatchdog() {
  static const int64_t interval_ms = WatchdogMs();
  static MonoTime last{-1};
  if (interval_ms == 0) return;
  const MonoTime now = Clock::Real().Mono();
  if (last.ms >= 0 && now - last < interval_ms) return;
  last = now;
  (void)SystemdNotify("WATCHDOG=1");
}

}  // namespace koeval
