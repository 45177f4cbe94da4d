// The open Watch streams: counted, woken by commits, closed at the end.
#pragma once

#include <grpcpp/support/status.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "common/base/mutex.h"
#include "koeval/v1/queue.pb.h"
#include "scheduler/service/metrics.h"
#include "scheduler/service/stream.h"

namespace koeval::service {

// Thread-safe.
class WatchHub {
 public:
  using Stream = FilledStream<v1::WatchResponse>;

  explicit WatchHub(Metrics& metrics) : metrics_(metrics) {}

  // Reserves a place for one more watcher; false when there are too many. Release() gives it back.
  [[nodiscard]] bool Reserve() EXCLUDES(mutex_);
  void Release() EXCLUDES(mutex_);
  // weak_ptr: a stream owns itself.
  void Add(std::weak_ptr<Stream> stream) EXCLUDES(mutex_);
  // Something was committed.
  void Wake() EXCLUDES(mutex_);
  // Ends every stream and refuses new ones.
  void CloseAll(const grpc::Status& status) EXCLUDES(mutex_);

 private:
  // The streams that still live; forgets the others.
  std::vector<std::shared_ptr<Stream>> Live() EXCLUDES(mutex_);

  Metrics& metrics_;
  Mutex mutex_;
  std::vector<std::weak_ptr<Stream>> streams_ GUARDED_BY(mutex_);
  size_t reserved_ GUARDED_BY(mutex_) = 0;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace koeval::service
