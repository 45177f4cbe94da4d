// A server stream whose messages are made by pool jobs: bounded, never blocking a gRPC thread.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "common/base/mutex.h"
#include "scheduler/service/work_pool.h"

namespace koeval::service {

// What a filling says about the stream.
enum class Fill {
  kMore,  // fill again once these are written
  kWait,  // fill again after Wake()
  kEnd,   // finish with the status once these are written
};

// One stream. gRPC calls its reactions from its threads, one filling at a time runs in the pool,
// Wake and Close may come from any thread. It owns itself until gRPC is done with it.
template <typename Message>
class FilledStream final : public grpc::ServerWriteReactor<Message>,
                           public std::enable_shared_from_this<FilledStream<Message>> {
 public:
  struct Filled {
    Fill next = Fill::kEnd;
    std::deque<Message> messages;
    grpc::Status status;  // of kEnd
  };
  using Filler = std::function<Filled()>;

  // `filler` runs in `pool`, never twice at once; `on_end` before the client learns that the stream
  // is over, so that what it gives back is there for the client's next call.
  static std::shared_ptr<FilledStream> Start(WorkPool& pool, Filler filler,
                                             std::function<void()> on_end = nullptr) {
    auto stream =
        std::shared_ptr<FilledStream>(new FilledStream(pool, std::move(filler), std::move(on_end)));
    stream->self_ = stream;
    stream->StartSendInitialMetadata();
    stream->ScheduleFill();
    return stream;
  }

  // A stream that ends with `status` and sends nothing.
  static std::shared_ptr<FilledStream> Refuse(WorkPool& pool, grpc::Status status) {
    return Start(pool, [status = std::move(status)] { return Filled{Fill::kEnd, {}, status}; });
  }

  // More may be there; nothing happens unless the last filling said kWait.
  void Wake() EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      if (!waiting_) {
        woken_ = true;
        return;
      }
      waiting_ = false;
    }
    ScheduleFill();
  }

  // Ends the stream with `status` as soon as no write is under way.
  void Close(grpc::Status status) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    queue_.clear();
    ending_ = true;
    status_ = std::move(status);
    if (!writing_) FinishLocked();
  }

 private:
  FilledStream(WorkPool& pool, Filler filler, std::function<void()> on_end)
      : pool_(pool), filler_(std::move(filler)), on_end_(std::move(on_end)) {}

  void ScheduleFill() EXCLUDES(mutex_) {
    auto self = this->shared_from_this();
    if (!pool_.TryRun([self] { self->RunFill(); })) {
      Close({grpc::StatusCode::RESOURCE_EXHAUSTED,
             "the scheduler is busy or stops; try again in a few seconds"});
    }
  }

  void RunFill() EXCLUDES(mutex_) {
    {
      MutexLock lock(mutex_);
      if (ending_) return;
      woken_ = false;
    }
    Filled filled = filler_();
    bool again = false;
    {
      MutexLock lock(mutex_);
      if (ending_) return;
      queue_ = std::move(filled.messages);
      next_ = filled.next;
      status_ = std::move(filled.status);
      again = AdvanceLocked();
    }
    if (again) ScheduleFill();
  }

  // Writes the next message or decides what follows; true: fill again.
  bool AdvanceLocked() REQUIRES(mutex_) {
    if (!queue_.empty()) {
      writing_ = true;
      current_ = std::move(queue_.front());
      queue_.pop_front();
      this->StartWrite(&current_);
      return false;
    }
    if (ending_ || next_ == Fill::kEnd) {
      ending_ = true;
      FinishLocked();
      return false;
    }
    if (next_ == Fill::kMore || woken_) return true;
    waiting_ = true;
    return false;
  }

  void FinishLocked() REQUIRES(mutex_) {
    if (finished_) return;
    finished_ = true;
    if (on_end_) on_end_();
    this->Finish(status_);
  }

  void OnWriteDone(bool ok) override EXCLUDES(mutex_) {
    bool again = false;
    {
      MutexLock lock(mutex_);
      writing_ = false;
      if (!ok && !ending_) {
        ending_ = true;
        queue_.clear();
        status_ = grpc::Status::CANCELLED;
      }
      again = AdvanceLocked();
    }
    if (again) ScheduleFill();
  }

  void OnCancel() override { Close(grpc::Status::CANCELLED); }

  void OnDone() override { self_.reset(); }

  WorkPool& pool_;
  const Filler filler_;
  const std::function<void()> on_end_;
  // Shared with fillings under way; reset when gRPC is done with the stream.
  std::shared_ptr<FilledStream> self_;
  Mutex mutex_;
  std::deque<Message> queue_ GUARDED_BY(mutex_);
  Message current_;  // while it is written
  Fill next_ GUARDED_BY(mutex_) = Fill::kMore;
  grpc::Status status_ GUARDED_BY(mutex_);
  bool writing_ GUARDED_BY(mutex_) = false;
  bool waiting_ GUARDED_BY(mutex_) = false;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  bool finished_ GUARDED_BY(mutex_) = false;
};

}  // namespace koeval::service
