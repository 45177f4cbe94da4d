// Lines from and to file descriptors.
#include "worker/runner/frame_io.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>

namespace koeval::runner {
namespace {

constexpr size_t kReadBytes = 64 << 10;

// Milliseconds left for poll(): -1 for ever, else 0..INT_MAX.
int PollMs(int64_t timeout_ms, MonoTime started, const Clock& clock) {
  if (timeout_ms < 0) return -1;
  const int64_t left = timeout_ms - (clock.Mono() - started);
  return static_cast<int>(std::clamp<int64_t>(left, 0, INT_MAX));
}

// While it lives, writing to a pipe without a reader gives EPIPE and no SIGPIPE, whatever the
// program has set up for that signal.
class NoSigpipe {
 public:
  NoSigpipe() {
    ::sigemptyset(&sigpipe_);
    ::sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    ::sigpending(&pending);
    was_pending_ = ::sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &old_);
  }
  ~NoSigpipe() {
    const timespec now{0, 0};
    if (!was_pending_) ::sigtimedwait(&sigpipe_, nullptr, &now);
    ::pthread_sigmask(SIG_SETMASK, &old_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t sigpipe_{};
  sigset_t old_{};
  bool was_pending_ = false;
};

}  // namespace

LineReader::LineReader(int fd, size_t bytes_max) : fd_(fd), bytes_max_(bytes_max) {}

bool LineReader::Pop(std::string& line) {
  const size_t end = buffer_.find('\n', scanned_);
  if (end == std::string::npos) {
    scanned_ = buffer_.size();
    return false;
  }
  line.assign(buffer_, at_, end - at_);
  at_ = scanned_ = end + 1;
  return true;
}

Result<bool> LineReader::Fill() {
  if (at_ > 0) {
    buffer_.erase(0, at_);
    scanned_ -= at_;
    at_ = 0;
  }
  if (buffer_.size() >= bytes_max_) {
    return ResourceExhausted(fmt::format("a frame is longer than {} bytes", bytes_max_));
  }
  const size_t old = buffer_.size();
  buffer_.resize(old + std::min(kReadBytes, bytes_max_ - old));
  ssize_t got = 0;
  do {
    got = ::read(fd_, buffer_.data() + old, buffer_.size() - old);
  } while (got < 0 && errno == EINTR);
  const int error = errno;
  buffer_.resize(old + static_cast<size_t>(std::max<ssize_t>(got, 0)));
  if (got > 0) return true;
  if (got < 0 && (error == EAGAIN || error == EWOULDBLOCK)) return true;
  if (got < 0) return Unavailable(fmt::format("reading frames: {}", std::strerror(error)));
  if (has_partial_line()) {
    return DataLoss(
        fmt::format("the input ends within a frame, after {} of its bytes", buffer_.size()));
  }
  return false;
}

Result<LineReader::Outcome> LineReader::Next(int64_t timeout_ms, int wake_fd) {
  const Clock& clock = Clock::Real();
  const MonoTime started = clock.Mono();
  Outcome out;
  while (true) {
    if (Pop(out.line)) {
      out.kind = Kind::kLine;
      return out;
    }
    std::array<pollfd, 2> fds = {pollfd{fd_, POLLIN, 0}, pollfd{wake_fd, POLLIN, 0}};
    const int ready = ::poll(fds.data(), fds.size(), PollMs(timeout_ms, started, clock));
    if (ready < 0 && errno != EINTR) {
      return Unavailable(fmt::format("waiting for frames: {}", std::strerror(errno)));
    }
    if (ready < 0) continue;
    if (ready == 0 || fds[1].revents != 0) return out;
    ASSIGN_OR_RETURN(const bool more, Fill());
    if (!more) {
      out.kind = Kind::kEnd;
      return out;
    }
  }
}

Status FrameWriter::Write(std::string_view line, int64_t timeout_ms) {
  const Clock& clock = Clock::Real();
  const MonoTime started = clock.Mono();
  const NoSigpipe no_sigpipe;
  MutexLock lock(mutex_);
  if (broken_) return Unavailable("the stream of frames is broken");
  const size_t whole = line.size();
  while (!line.empty()) {
    const ssize_t put = ::write(fd_, line.data(), line.size());
    if (put >= 0) {
      line.remove_prefix(static_cast<size_t>(put));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      pollfd fd{fd_, POLLOUT, 0};
      const int ready = ::poll(&fd, 1, PollMs(timeout_ms, started, clock));
      if (ready > 0 || (ready < 0 && errno == EINTR)) continue;
      broken_ = line.size() != whole;
      return DeadlineExceeded(fmt::format("the other side took no frame for {} ms", timeout_ms));
    }
    const int error = errno;
    broken_ = true;
    return Unavailable(fmt::format("writing a frame: {}", std::strerror(error)));
  }
  return OkStatus();
}

}  // namespace koeval::runner
