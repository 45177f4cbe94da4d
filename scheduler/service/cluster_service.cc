// koeval.v1.ClusterService and koeval.v1.CatalogueService.
#include "scheduler/service/cluster_service.h"

#include "scheduler/service/queue_convert.h"
#include "scheduler/service/results_convert.h"

namespace koeval::service {

grpc::ServerUnaryReactor* ClusterService::ListWorkers(grpc::CallbackServerContext* call,
                                                      const v1::ListWorkersRequest* request,
                                                      v1::ListWorkersResponse* response) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kReader, *request);
  if (!actor.ok()) {
    reactor->Finish(rpc::ToGrpc(actor.status()));
    return reactor;
  }
  FinishInPool(context_, reactor, [this, response] {
    std::vector<core::WorkerView> workers;
    RETURN_IF_ERROR(context_.dispatcher.Ask(
        [&workers](const core::Core& core, core::Now) { workers = core.Workers(); }));
    for (const core::WorkerView& worker : workers) *response->add_workers() = ToProto(worker);
    return OkStatus();
  });
  return reactor;
}

grpc::ServerUnaryReactor* ClusterService::Drain(grpc::CallbackServerContext* call,
                                                const v1::DrainRequest* request,
                                                v1::DrainResponse* response) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kOperator, *request);
  Status status = actor.status();
  if (status.ok() && request->reason().size() > kReasonBytesMax) {
    status =
        InvalidArgument("reason: is longer than " + std::to_string(kReasonBytesMax) + " bytes");
  }
  const WorkerId worker{request->worker()};
  if (status.ok()) {
    status = context_.dispatcher.Call(
        [&](core::ReplyToken token) {
          return core::SetDrained{token, *actor, worker, request->drain(), request->reason()};
        },
        [reactor, response, worker](const core::Reply& reply, const core::Core& core) {
          if (const auto view = core.FindWorker(worker); reply.status.ok() && view) {
            *response->mutable_worker() = ToProto(*view);
          }
          reactor->Finish(rpc::ToGrpc(reply.status));
        });
  }
  if (!status.ok()) reactor->Finish(rpc::ToGrpc(status));
  return reactor;
}

grpc::ServerUnaryReactor* CatalogueService::ListSuites(grpc::CallbackServerContext* call,
                                                       const v1::ListSuitesRequest* request,
                                                       v1::ListSuitesResponse* response) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kReader, *request);
  if (actor.ok()) {
    for (const LoadedSuite& suite : context_.catalogue.all()) {
      *response->add_suites() = ToProto(suite, context_.catalogue.IsDefault(suite));
    }
  }
  reactor->Finish(rpc::ToGrpc(actor.status()));
  return reactor;
}

}  // namespace koeval::service
