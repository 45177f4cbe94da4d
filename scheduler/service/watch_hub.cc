// The open Watch streams.
#include "scheduler/service/watch_hub.h"

#include <algorithm>
#include <utility>

#include "scheduler/service/limits.h"

namespace koeval::service {

bool WatchHub::Reserve() {
  MutexLock lock(mutex_);
  if (closed_ || reserved_ >= kWatchersMax) return false;
  ++reserved_;
  metrics_.SetWatchers(reserved_);
  return true;
}

void WatchHub::Release() {
  MutexLock lock(mutex_);
  --reserved_;
  metrics_.SetWatchers(reserved_);
}

void WatchHub::Add(std::weak_ptr<Stream> stream) {
  MutexLock lock(mutex_);
  std::erase_if(streams_, [](const std::weak_ptr<Stream>& weak) { return weak.expired(); });
  streams_.push_back(std::move(stream));
}

std::vector<std::shared_ptr<WatchHub::Stream>> WatchHub::Live() {
  MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Stream>> live;
  live.reserve(streams_.size());
  std::erase_if(streams_, [&live](const std::weak_ptr<Stream>& weak) {
    auto stream = weak.lock();
    if (!stream) return true;
    live.push_back(std::move(stream));
    return false;
  });
  return live;
}

void WatchHub::Wake() {
  for (const auto& stream : Live()) stream->Wake();
}

void WatchHub::CloseAll(const grpc::Status& status) {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  for (const auto& stream : Live()) stream->Close(status);
}

}  // namespace koeval::service
