// koeval.worker.v1.WorkerLinkService and the registry of its sessions.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "koeval/worker/v1/link.grpc.pb.h"
#include "scheduler/core/effects.h"
#include "scheduler/service/service_context.h"
#include "scheduler/service/worker_session.h"

namespace koeval::service {

// The open streams of workers by session number. Thread-safe.
class SessionRegistry {
 public:
  // A number that was never used in this process, or 0 when there are too many sessions or all
  // were closed. The place is given back by Remove.
  SessionId Reserve() EXCLUDES(mutex_);
  void Add(SessionId id, std::shared_ptr<WorkerSession> session) EXCLUDES(mutex_);
  void Remove(SessionId id) EXCLUDES(mutex_);
  // nullptr when the stream is over.
  std::shared_ptr<WorkerSession> Find(SessionId id) const EXCLUDES(mutex_);
  void CloseAll(const Status& status) EXCLUDES(mutex_);
  // Ends streams that never said Hello.
  void ExpireSilent(MonoTime now) EXCLUDES(mutex_);

 private:
  std::vector<std::shared_ptr<WorkerSession>> All() const EXCLUDES(mutex_);

  mutable Mutex mutex_;
  // nullptr between Reserve and Add. shared_ptr: messages are sent while a stream may end.
  std::map<SessionId, std::shared_ptr<WorkerSession>> sessions_ GUARDED_BY(mutex_);
  int64_t next_ GUARDED_BY(mutex_) = 1;
  bool closed_ GUARDED_BY(mutex_) = false;
};

// Sends a core effect to its session; dropped when the stream is gone. A lease whose suite is gone
// is ended at once instead.
void SendToWorker(const SessionRegistry& sessions, const SuiteCatalogue& catalogue,
                  Dispatcher& dispatcher, const core::Effect& effect);

// Contract: proto/koeval/worker/v1/link.proto.
class WorkerLinkService final : public worker::v1::WorkerLinkService::CallbackService {
 public:
  WorkerLinkService(ServiceContext context, SessionRegistry& sessions)
      : context_(context), sessions_(sessions) {}

  grpc::ServerBidiReactor<worker::v1::WorkerMessage, worker::v1::SchedulerMessage>* Connect(
      grpc::CallbackServerContext* call) override;
  grpc::ServerWriteReactor<worker::v1::FetchBundleResponse>* FetchBundle(
      grpc::CallbackServerContext* call, const worker::v1::FetchBundleRequest* request) override;

 private:
  const ServiceContext context_;
  SessionRegistry& sessions_;
};

}  // namespace koeval::service
