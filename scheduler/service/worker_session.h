// One stream of a worker: a bounded outbox, and messages handed to the dispatcher.
#pragma once

#include <grpcpp/grpcpp.h>

#include <deque>
#include <functional>
#include <memory>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "koeval/worker/v1/link.pb.h"
#include "scheduler/core/events.h"
#include "scheduler/service/dispatcher.h"

namespace koeval::service {

// gRPC calls the reactions from its threads; Send, Close and Expire come from any thread. It owns
// itself until gRPC is done with it.
class WorkerSession final
    : public grpc::ServerBidiReactor<worker::v1::WorkerMessage, worker::v1::SchedulerMessage>,
      public std::enable_shared_from_this<WorkerSession> {
 public:
  struct Options {
    SessionId id;
    Dispatcher& dispatcher;
    MonoTime opened;
    std::function<void()> on_done;  // the stream is over
  };

  static std::shared_ptr<WorkerSession> Start(Options options);

  // Queues `message`; a full outbox ends the stream, since its worker does not read.
  void Send(worker::v1::SchedulerMessage message) EXCLUDES(mutex_);
  // Ends the stream with `status` once what is queued has been written.
  void Close(const Status& status) EXCLUDES(mutex_);
  // Ends the stream if no Hello came until `now`.
  void ExpireWithoutHello(MonoTime now) EXCLUDES(mutex_);

 private:
  explicit WorkerSession(Options options) : options_(std::move(options)) {}

  void OnReadDone(bool ok) override EXCLUDES(mutex_);
  void OnWriteDone(bool ok) override EXCLUDES(mutex_);
  void OnCancel() override;
  void OnDone() override;

  // Hands `incoming_` on; OK, or why the stream must end.
  Status Accept() EXCLUDES(mutex_);
  Status PostHello(const worker::v1::Hello& hello) EXCLUDES(mutex_);
  // The dispatcher has dealt with one message: room for the next.
  void Applied() EXCLUDES(mutex_);
  void WriteNextLocked() REQUIRES(mutex_);
  // Ends the stream with OK once everything that the worker sent has been answered.
  void EndIfAnsweredLocked() REQUIRES(mutex_);
  // Ends at once, without writing what is queued.
  void Abort(const Status& status) EXCLUDES(mutex_);

  const Options options_;
  // Reset when gRPC is done with the stream; others may hold on for longer.
  std::shared_ptr<WorkerSession> self_;
  worker::v1::WorkerMessage incoming_;     // between StartRead and OnReadDone
  worker::v1::SchedulerMessage outgoing_;  // between StartWrite and OnWriteDone
  Mutex mutex_;
  std::deque<worker::v1::SchedulerMessage> outbox_ GUARDED_BY(mutex_);
  Status end_ GUARDED_BY(mutex_);
  int unapplied_ GUARDED_BY(mutex_) = 0;        // messages that the dispatcher still has
  bool read_waits_ GUARDED_BY(mutex_) = false;  // for room
  bool hello_ GUARDED_BY(mutex_) = false;
  bool half_closed_ GUARDED_BY(mutex_) = false;  // the worker sends no more
  bool writing_ GUARDED_BY(mutex_) = false;
  bool ending_ GUARDED_BY(mutex_) = false;
  bool finished_ GUARDED_BY(mutex_) = false;
};

}  // namespace koeval::service
