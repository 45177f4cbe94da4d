// A job of a pool that the caller waits for.
#pragma once

#include <utility>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/service/work_pool.h"

namespace koeval::service {

// Runs `job` in `pool` and returns when it has ended: a caller on a thread of the HTTP port uses
// no more of the store than the pool lets it. RESOURCE_EXHAUSTED: the pool is full or stops, and
// the job does not run. REQUIRES: not from a job of the pool; the pool does not stop meanwhile.
template <typename Job>
Status RunInPool(WorkPool& pool, Job job) {
  struct Latch {
    Mutex mutex;
    CondVar ended;
    bool done GUARDED_BY(mutex) = false;
  };
  Latch latch;
  const bool taken = pool.TryRun([&latch, &job] {
    job();
    MutexLock lock(latch.mutex);
    latch.done = true;
    latch.ended.NotifyAll();
  });
  if (!taken) return TooManyCalls();
  MutexLock lock(latch.mutex);
  while (!latch.done) latch.ended.Wait(latch.mutex);
  return OkStatus();
}

}  // namespace koeval::service
