// The dispatcher's inbox.
#include "scheduler/service/inbox.h"

#include <fmt/core.h>

#include <utility>

namespace koeval::service {

Status Inbox::Post(InboxItem item, Priority priority) {
  MutexLock lock(mutex_);
  if (closed_) return Unavailable("the scheduler stops; try again in a few seconds");
  const size_t room = priority == Priority::kClient ? capacity_ - reserve_ : capacity_;
  if (priority != Priority::kOwn && items_.size() >= room) {
    return ResourceExhausted(
        fmt::format("the scheduler has {} events waiting; try again in a few seconds", room));
  }
  items_.push_back(std::move(item));
  not_empty_.NotifyOne();
  return OkStatus();
}

std::vector<InboxItem> Inbox::Take(size_t max, int64_t ms) {
  MutexLock lock(mutex_);
  if (items_.empty() && !closed_ && ms > 0) not_empty_.WaitFor(mutex_, ms);
  std::vector<InboxItem> out;
  while (!items_.empty() && out.size() < max) {
    out.push_back(std::move(items_.front()));
    items_.pop_front();
  }
  return out;
}

void Inbox::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  not_empty_.NotifyAll();
}

bool Inbox::closed() const {
  MutexLock lock(mutex_);
  return closed_;
}

size_t Inbox::size() const {
  MutexLock lock(mutex_);
  return items_.size();
}

}  // namespace koeval::service
