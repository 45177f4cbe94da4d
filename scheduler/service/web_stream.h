// The change feed as server-sent events.
#pragma once

#include <atomic>
#include <cstdint>

#include "common/base/mutex.h"
#include "scheduler/service/http_server.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

// Wakes streams at commits. Thread-safe.
class CommitBell {
 public:
  // Something was committed. Never blocks for long: the dispatcher's thread calls it.
  void Ring() EXCLUDES(mutex_);
  // Ends every wait, now and later.
  void Close() EXCLUDES(mutex_);
  // Until the dispatcher has committed something after `seq`, or `ms` have passed; false: closed.
  bool WaitBeyond(const Dispatcher& dispatcher, int64_t seq, int64_t ms) EXCLUDES(mutex_);
  // For `ms`; false: closed.
  bool Pause(int64_t ms) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  CondVar changed_;
  bool closed_ GUARDED_BY(mutex_) = false;
};

// Streams of GET /api/v1/watch, as koeval.v1.QueueService.Watch has them. Thread-safe.
class WebStreams {
 public:
  explicit WebStreams(ServiceContext context) : context_(context) {}

  // `after`: the sequence number that the reader has; `id`: of one request, "" for all.
  // Readers without a token are told what changed and not how, since texts name people.
  // OUT_OF_RANGE: `after` lies in the future; RESOURCE_EXHAUSTED: too many streams.
  Result<HttpReply> Open(const core::Actor& actor, int64_t after, const RequestId& id);
  void Ring() { bell_.Ring(); }
  void Close() { bell_.Close(); }

 private:
  class Source;

  const ServiceContext context_;
  CommitBell bell_;
  std::atomic<int> open_{0};
};

}  // namespace koeval::service
