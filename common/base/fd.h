// A file descriptor with an owner.
#pragma once

#include <unistd.h>

#include <utility>

namespace koeval {

// Closes what it owns when it goes. Not thread-safe.
class Fd {
 public:
  Fd() = default;
  // A negative number, as failed system calls give, is none.
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { Reset(); }
  Fd(Fd&& other) noexcept : fd_(other.Release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(other.Release());
    return *this;
  }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  // Gives it up without closing it.
  int Release() { return std::exchange(fd_, -1); }
  // Closes it, and owns `fd` instead.
  void Reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace koeval
