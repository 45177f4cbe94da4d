// One stream of a worker.
#include "scheduler/service/worker_session.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/log.h"
#include "common/rpc/status_convert.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/link_convert.h"

namespace koeval::service {

std::shared_ptr<WorkerSession> WorkerSession::Start(Options options) {
  std::shared_ptr<WorkerSession> session(new WorkerSession(std::move(options)));
  session->self_ = session;
  session->StartRead(&session->incoming_);
  return session;
}

void WorkerSession::Send(worker::v1::SchedulerMessage message) {
  {
    MutexLock lock(mutex_);
    if (ending_) return;
    if (outbox_.size() < kSessionOutboxMax) {
      outbox_.push_back(std::move(message));
      if (!writing_) WriteNextLocked();
      return;
    }
  }
  Abort(ResourceExhausted(fmt::format("{} messages wait and this worker reads none; connect again",
                                      kSessionOutboxMax)));
}

void WorkerSession::Close(const Status& status) {
  MutexLock lock(mutex_);
  if (ending_) return;
  ending_ = true;
  end_ = status;
  if (!writing_) WriteNextLocked();
}

void WorkerSession::ExpireWithoutHello(MonoTime now) {
  {
    MutexLock lock(mutex_);
    if (hello_ || now - options_.opened < kHelloTimeoutMs) return;
  }
  Abort(DeadlineExceeded("no Hello came; send it first"));
}

void WorkerSession::Abort(const Status& status) {
  MutexLock lock(mutex_);
  outbox_.clear();
  if (!ending_) {
    ending_ = true;
    end_ = status;
  }
  if (!writing_) WriteNextLocked();
}

void WorkerSession::WriteNextLocked() {
  if (!outbox_.empty()) {
    writing_ = true;
    outgoing_ = std::move(outbox_.front());
    outbox_.pop_front();
    StartWrite(&outgoing_);
    return;
  }
  if (!ending_ || finished_) return;
  finished_ = true;
  Finish(rpc::ToGrpc(end_));
}

void WorkerSession::OnWriteDone(bool ok) {
  MutexLock lock(mutex_);
  writing_ = false;
  if (!ok) {
    outbox_.clear();
    ending_ = true;
  }
  WriteNextLocked();
}

void WorkerSession::OnReadDone(bool ok) {
  if (!ok) {  // the worker half-closed, or the stream broke
    MutexLock lock(mutex_);
    half_closed_ = true;
    EndIfAnsweredLocked();
    return;
  }
  if (const Status status = Accept(); !status.ok()) {
    spdlog::warn("session {} of a worker ends: {}", options_.id.value, LogSafe(status.message()));
    Abort(status);
    return;
  }
  MutexLock lock(mutex_);
  if (ending_) return;
  if (unapplied_ >= kSessionUnappliedMax) {
    read_waits_ = true;
    return;
  }
  StartRead(&incoming_);
}

Status WorkerSession::Accept() {
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = !hello_;
    hello_ = true;
    ++unapplied_;
  }
  if (first) {
    if (!incoming_.has_hello()) return InvalidArgument("the first message must be Hello");
    return PostHello(incoming_.hello());
  }
  ASSIGN_OR_RETURN(core::Event event, EventFromProto(std::move(incoming_), options_.id));
  return options_.dispatcher.PostWorker(std::move(event),
                                        [self = shared_from_this()] { self->Applied(); });
}

Status WorkerSession::PostHello(const worker::v1::Hello& hello) {
  ASSIGN_OR_RETURN(core::WorkerHello event, HelloFromProto(hello, options_.id));
  return options_.dispatcher.PostWorker(std::move(event),
                                        [self = shared_from_this()] { self->Applied(); });
}

void WorkerSession::Applied() {
  MutexLock lock(mutex_);
  --unapplied_;
  EndIfAnsweredLocked();
  if (!read_waits_ || ending_) return;
  read_waits_ = false;
  StartRead(&incoming_);
}

void WorkerSession::EndIfAnsweredLocked() {
  if (!half_closed_ || ending_ || unapplied_ > 0) return;
  ending_ = true;
  if (!writing_) WriteNextLocked();
}

void WorkerSession::OnCancel() {
  Abort(Status(Code::kCancelled, "the stream was cancelled"));
}

void WorkerSession::OnDone() {
  options_.dispatcher.PostOwn(core::WorkerGone{options_.id});
  if (options_.on_done) options_.on_done();
  self_.reset();
}

}  // namespace koeval::service
