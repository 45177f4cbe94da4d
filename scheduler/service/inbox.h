// The dispatcher's inbox: bounded, with a reserve that clients cannot use up.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/core/core.h"
#include "scheduler/core/events.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {

// An event to apply, or a question that is answered after the commit of its turn.
struct InboxItem {
  std::optional<core::Event> event;
  std::function<void(const core::Core&, store::JobStore&, core::Now)> ask;
  std::function<void()> applied;  // may be empty; called after the commit
  MonoTime posted;
};

// Who may use how much of the capacity.
enum class Priority {
  kClient,  // all but the reserve
  kWorker,  // all
  kOwn,     // always: as many as our own pools and streams have open, which is bounded there
};

// Thread-safe.
class Inbox {
 public:
  Inbox(size_t capacity, size_t reserve) : capacity_(capacity), reserve_(reserve) {}

  // RESOURCE_EXHAUSTED when full, UNAVAILABLE when closed; the item is dropped then. Never blocks.
  Status Post(InboxItem item, Priority priority) EXCLUDES(mutex_);
  // Up to `max` items in order; waits up to `ms` for the first one.
  std::vector<InboxItem> Take(size_t max, int64_t ms) EXCLUDES(mutex_);
  // Refuses further items; what is inside can still be taken.
  void Close() EXCLUDES(mutex_);
  bool closed() const EXCLUDES(mutex_);
  size_t size() const EXCLUDES(mutex_);

 private:
  const size_t capacity_;
  const size_t reserve_;
  mutable Mutex mutex_;
  CondVar not_empty_;
  std::deque<InboxItem> items_ GUARDED_BY(mutex_);
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace koeval::service
