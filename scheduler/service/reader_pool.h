// Read-only connections of the store, lent to one job at a time.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {

// Thread-safe. Holds as many readers as were ever lent at once, which the pools bound.
class ReaderPool {
 public:
  explicit ReaderPool(store::JobStore& store) : store_(store) {}

  // Returned to the pool when destroyed. REQUIRES: the pool outlives it.
  class Lent {
   public:
    Lent(ReaderPool& pool, std::unique_ptr<store::Reader> reader)
        : pool_(&pool), reader_(std::move(reader)) {}
    Lent(Lent&&) noexcept = default;
    Lent& operator=(Lent&&) = delete;
    ~Lent() {
      if (reader_) pool_->Return(std::move(reader_));
    }
    store::Reader* operator->() const { return reader_.get(); }
    store::Reader& operator*() const { return *reader_; }

   private:
    ReaderPool* pool_;
    std::unique_ptr<store::Reader> reader_;
  };

  Result<Lent> Borrow() EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      if (!free_.empty()) {
        Lent lent(*this, std::move(free_.back()));
        free_.pop_back();
        return lent;
      }
    }
    ASSIGN_OR_RETURN(auto reader, store_.OpenReader());
    return Lent(*this, std::move(reader));
  }

 private:
  void Return(std::unique_ptr<store::Reader> reader) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    free_.push_back(std::move(reader));
  }

  store::JobStore& store_;
  Mutex mutex_;
  std::vector<std::unique_ptr<store::Reader>> free_ GUARDED_BY(mutex_);
};

}  // namespace koeval::service
