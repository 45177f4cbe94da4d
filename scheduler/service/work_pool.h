// A fixed number of threads over one bounded queue of jobs.
#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/base/status.h"

namespace koeval::service {

// What a caller is told whose job a full pool did not take.
inline Status TooManyCalls() {
  return ResourceExhausted("the scheduler has too many calls waiting; try again in a few seconds");
}

// Thread-safe.
class WorkPool {
 public:
  using Job = std::function<void()>;

  WorkPool(int threads, size_t queue_max);
  ~WorkPool();
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;

  // False, with the job dropped, when the queue is full or the pool stops; never blocks.
  [[nodiscard]] bool TryRun(Job job);
  // Takes no more jobs, drops those that wait, and joins the threads once running jobs have ended.
  // Idempotent; not from a job.
  void Stop();
  size_t waiting() const { return jobs_.size(); }

 private:
  void Loop();

  BoundedQueue<Job> jobs_;
  std::vector<std::thread> threads_;
};

}  // namespace koeval::service
