// koeval.v1.ClusterService and koeval.v1.CatalogueService.
#include "scheduler/service/cluster_service.h"

#include <fmt/core.h>

#include <vector>

#include "scheduler/service/queue_convert.h"
#include "scheduler/service/results_convert.h"
#include "scheduler/service/unary_call.h"

namespace koeval::service {

grpc::ServerUnaryReactor* ClusterService::ListWorkers(grpc::CallbackServerContext* call,
                                                      const v1::ListWorkersRequest* request,
                                                      v1::ListWorkersResponse* response) {
  return AnswerInPool(
      context_, call, rpc::Role::kReader, *request, [this, response](const core::Actor& actor) {
        std::vector<core::WorkerView> workers;
        RETURN_IF_ERROR(context_.dispatcher.Ask(
            [&workers](const core::Core& core, core::Now) { workers = core.Workers(); }));
        for (const core::WorkerView& worker : workers) *response->add_workers() = ToProto(worker);
        context_.redaction.Hide(actor, response);
        return OkStatus();
      });
}

grpc::ServerUnaryReactor* ClusterService::Drain(grpc::CallbackServerContext* call,
                                                const v1::DrainRequest* request,
                                                v1::DrainResponse* response) {
  return AnswerLater(
      context_, call, rpc::Role::kOperator, *request,
      [this, request, response](const core::Actor& actor, grpc::ServerUnaryReactor* reactor) {
        if (request->reason().size() > kReasonBytesMax) {
          return InvalidArgument(fmt::format("reason: is longer than {} bytes", kReasonBytesMax));
        }
        const WorkerId worker{request->worker()};
        return context_.dispatcher.Call(
            [&](core::ReplyToken token) {
              return core::SetDrained{token, actor, worker, request->drain(), request->reason()};
            },
            [reactor, response, worker](const core::Reply& reply, const core::Core& core) {
              if (const auto view = core.FindWorker(worker); reply.status.ok() && view) {
                *response->mutable_worker() = ToProto(*view);
              }
              reactor->Finish(rpc::ToGrpc(reply.status));
            });
      });
}

grpc::ServerUnaryReactor* CatalogueService::ListSuites(grpc::CallbackServerContext* call,
                                                       const v1::ListSuitesRequest* request,
                                                       v1::ListSuitesResponse* response) {
  return AnswerAtOnce(
      context_, call, rpc::Role::kReader, *request, [this, response](const core::Actor& actor) {
        for (const LoadedSuite& suite : context_.catalogue.all()) {
          *response->add_suites() = ToProto(suite, context_.catalogue.IsDefault(suite));
        }
        context_.redaction.Hide(actor, response->mutable_suites());
        return OkStatus();
      });
}

}  // namespace koeval::service
