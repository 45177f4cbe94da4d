// A wish to stop that several threads share: asked once, seen by whoever looks, wakes who waits.
#pragma once

#include <atomic>
#include <cstdint>

#include "common/base/mutex.h"
#include "common/base/status.h"

namespace koeval {

// Thread-safe.
class Cancel {
 public:
  void Ask() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    asked_ = true;
    changed_.NotifyAll();
  }
  bool asked() const { return asked_; }
  // CANCELLED once asked.
  Status status() const {
    return asked_ ? Status(Code::kCancelled, "it was asked to stop") : OkStatus();
  }
  // Returns after `ms` milliseconds, or as soon as it is asked. Spurious wake-ups return early.
  void WaitFor(int64_t ms) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!asked_) changed_.WaitFor(mutex_, ms);
  }

 private:
  mutable Mutex mutex_;
  mutable CondVar changed_;
  std::atomic<bool> asked_ = false;
};

}  // namespace koeval
