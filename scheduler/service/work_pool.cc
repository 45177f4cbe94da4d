// Threads over one bounded queue.
#include "scheduler/service/work_pool.h"

#include <limits>
#include <utility>

namespace koeval::service {

WorkPool::WorkPool(int threads, size_t queue_max) : jobs_(queue_max) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Loop(); });
}

WorkPool::~WorkPool() {
  Stop();
}

bool WorkPool::TryRun(Job job) {
  return jobs_.TryPush(std::move(job));
}

void WorkPool::Stop() {
  jobs_.Close();
  const auto dropped = jobs_.DrainUpTo(std::numeric_limits<size_t>::max());
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void WorkPool::Loop() {
  while (auto job = jobs_.Pop()) (*job)();
}

}  // namespace koeval::service
