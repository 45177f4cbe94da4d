// Open leases with their stops and deadlines.
#include "worker/runner/lease_board.h"

#include <algorithm>

namespace koeval::runner {
namespace {

constexpr int64_t kTimeLeftMsMax = int64_t{366} * 24 * 3600 * 1000;

}  // namespace

MonoTime LeaseBoard::After(int64_t time_left_ms) const {
  return clock_.Mono() + std::clamp<int64_t>(time_left_ms, 0, kTimeLeftMsMax);
}

void LeaseBoard::Open(LeaseId lease, std::optional<int64_t> time_left_ms) {
  MutexLock lock(mutex_);
  Lease& entry = leases_[lease];
  entry = {};
  if (time_left_ms) entry.deadline = After(*time_left_ms);
}

void LeaseBoard::Stop(LeaseId lease) {
  MutexLock lock(mutex_);
  const auto found = leases_.find(lease);
  if (found != leases_.end()) found->second.stopped = true;
}

void LeaseBoard::Extend(LeaseId lease, int64_t time_left_ms) {
  MutexLock lock(mutex_);
  const auto found = leases_.find(lease);
  if (found != leases_.end()) found->second.deadline = After(time_left_ms);
}

void LeaseBoard::Close(LeaseId lease) {
  MutexLock lock(mutex_);
  leases_.erase(lease);
}

void LeaseBoard::StopAll() {
  MutexLock lock(mutex_);
  stopping_ = true;
}

LeaseBoard::Verdict LeaseBoard::Look(LeaseId lease) const {
  MutexLock lock(mutex_);
  if (stopping_) return Verdict::kStop;
  const auto found = leases_.find(lease);
  if (found == leases_.end() || found->second.stopped) return Verdict::kStop;
  const auto& deadline = found->second.deadline;
  return deadline && clock_.Mono() >= *deadline ? Verdict::kExpired : Verdict::kGoOn;
}

bool LeaseBoard::stopping() const {
  MutexLock lock(mutex_);
  return stopping_;
}

}  // namespace koeval::runner
