// What the reader of frames and the runner of batches share about leases: stops and deadlines.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "common/base/clock.h"
#include "common/base/ids.h"
#include "common/base/mutex.h"

namespace koeval::runner {

// Thread-safe. A lease is open from the moment its Run frame is read until its run has ended; what
// concerns any other lease is ignored, because its end may have crossed the frame on the way.
class LeaseBoard {
 public:
  enum class Verdict { kGoOn, kStop, kExpired };

  explicit LeaseBoard(const Clock& clock) : clock_(clock) {}

  void Open(LeaseId lease, std::optional<int64_t> time_left_ms) EXCLUDES(mutex_);
  void Stop(LeaseId lease) EXCLUDES(mutex_);
  void Extend(LeaseId lease, int64_t time_left_ms) EXCLUDES(mutex_);
  void Close(LeaseId lease) EXCLUDES(mutex_);
  // The process is to end: all leases stop, and nothing new begins.
  void StopAll() EXCLUDES(mutex_);

  // Asked before each batch.
  Verdict Look(LeaseId lease) const EXCLUDES(mutex_);
  bool stopping() const EXCLUDES(mutex_);

 private:
  struct Lease {
    std::optional<MonoTime> deadline;
    bool stopped = false;
  };

  MonoTime After(int64_t time_left_ms) const;

  const Clock& clock_;
  mutable Mutex mutex_;
  std::map<LeaseId, Lease> leases_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
};

}  // namespace koeval::runner
