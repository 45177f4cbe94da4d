// Mutex, MutexLock and CondVar that clang's thread-safety analysis understands; no-ops of
// annotation under other compilers.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define KOEVAL_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define KOEVAL_THREAD_ANNOTATION(x)
#endif

// gRPC's headers may bring Abseil's macros of the same names and meaning.
#undef CAPABILITY
#undef SCOPED_CAPABILITY
#undef GUARDED_BY
#undef REQUIRES
#undef ACQUIRE
#undef RELEASE
#undef EXCLUDES
#undef NO_THREAD_SAFETY_ANALYSIS
#define CAPABILITY(x) KOEVAL_THREAD_ANNOTATION(capability(x))
#define SCOPED_CAPABILITY KOEVAL_THREAD_ANNOTATION(scoped_lockable)
#define GUARDED_BY(x) KOEVAL_THREAD_ANNOTATION(guarded_by(x))
#define REQUIRES(...) KOEVAL_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define ACQUIRE(...) KOEVAL_THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) KOEVAL_THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define EXCLUDES(...) KOEVAL_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS KOEVAL_THREAD_ANNOTATION(no_thread_safety_analysis)

namespace koeval {

class CAPABILITY("mutex") Mutex {
 public:
  void Lock() ACQUIRE() { mutex_.lock(); }
  void Unlock() RELEASE() { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.Lock(); }
  ~MutexLock() RELEASE() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable over Mutex. Callers loop over their own predicate: wake-ups may be spurious.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // Returns after a notification or `ms` milliseconds, whichever comes first.
  void WaitFor(Mutex& mutex, int64_t ms) REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    cv_.wait_for(lock, std::chrono::milliseconds(ms));
    lock.release();
  }
  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace koeval
