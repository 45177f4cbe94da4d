// koeval.v1.QueueService.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <utility>

#include "koeval/v1/queue.grpc.pb.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

// Callback API: no call holds a gRPC thread. Contract: proto/koeval/v1/queue.proto.
class QueueService final : public v1::QueueService::CallbackService {
 public:
  explicit QueueService(ServiceContext context) : context_(context) {}

  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* call,
                                   const v1::SubmitRequest* request,
                                   v1::SubmitResponse* response) override;
  grpc::ServerUnaryReactor* DryRun(grpc::CallbackServerContext* call,
                                   const v1::DryRunRequest* request,
                                   v1::DryRunResponse* response) override;
  grpc::ServerUnaryReactor* GetRequest(grpc::CallbackServerContext* call,
                                       const v1::GetRequestRequest* request,
                                       v1::GetRequestResponse* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* call,
                                    const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;
  grpc::ServerUnaryReactor* ListRequests(grpc::CallbackServerContext* call,
                                         const v1::ListRequestsRequest* request,
                                         v1::ListRequestsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchResponse>* Watch(grpc::CallbackServerContext* call,
                                                     const v1::WatchRequest* request) override;
  grpc::ServerUnaryReactor* Cancel(grpc::CallbackServerContext* call,
                                   const v1::CancelRequest* request,
                                   v1::CancelResponse* response) override;
  grpc::ServerUnaryReactor* Retry(grpc::CallbackServerContext* call,
                                  const v1::RetryRequest* request,
                                  v1::RetryResponse* response) override;
  grpc::ServerUnaryReactor* GetQueue(grpc::CallbackServerContext* call,
                                     const v1::GetQueueRequest* request,
                                     v1::GetQueueResponse* response) override;
  grpc::ServerUnaryReactor* SetDispatch(grpc::CallbackServerContext* call,
                                        const v1::SetDispatchRequest* request,
                                        v1::SetDispatchResponse* response) override;
  grpc::ServerUnaryReactor* Backup(grpc::CallbackServerContext* call,
                                   const v1::BackupRequest* request,
                                   v1::BackupResponse* response) override;

  // --- What the calls answer `actor`, once admitted; for the pages too. In a pool. ---

  // Posts the submission; `done` is called once with its outcome, `response` filled in before, by
  // the dispatcher's thread. Anything but OK: it was not posted, and `done` is never called.
  Status DoSubmit(const core::Actor& actor, const v1::SubmitRequest& request,
                  v1::SubmitResponse* response, std::function<void(const Status&)> done);
  // Waits for the checks and the hub: among the submissions.
  Status DoDryRun(const core::Actor& actor, const v1::DryRunRequest& request,
                  v1::DryRunResponse* response);
  Status DoGet(const core::Actor& actor, const v1::GetRequestRequest& request,
               v1::GetRequestResponse* response);
  Status DoExplain(const core::Actor& actor, const v1::ExplainRequest& request,
                   v1::ExplainResponse* response);
  Status DoList(const core::Actor& actor, const v1::ListRequestsRequest& request,
                v1::ListRequestsResponse* response);

 private:
  // Runs `job(actor)` among the submissions for a submitter or operator, known by a token of ours
  // or of the hub, and finishes the call unless `job` has posted it.
  template <typename Message, typename Job>
  grpc::ServerUnaryReactor* AsSubmitter(grpc::CallbackServerContext* call, const Message& message,
                                        Job job);
  // The complete spec and its identity, as a submission of `wanted` by `actor` would be stored.
  Result<std::pair<core::RequestSpec, std::string>> Resolve(const core::Actor& actor,
                                                            const v1::RequestSpec& wanted,
                                                            const std::string& request_id);
  Status DoBackup(const core::Actor& actor, const std::string& wanted,
                  v1::BackupResponse* response);

  const ServiceContext context_;
  std::atomic<int> dry_runs_{0};
};

}  // namespace koeval::service
