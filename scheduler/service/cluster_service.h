// koeval.v1.ClusterService and koeval.v1.CatalogueService.
#pragma once

#include "koeval/v1/catalogue.grpc.pb.h"
#include "koeval/v1/cluster.grpc.pb.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

// Contract: proto/koeval/v1/cluster.proto.
class ClusterService final : public v1::ClusterService::CallbackService {
 public:
  explicit ClusterService(ServiceContext context) : context_(context) {}

  grpc::ServerUnaryReactor* ListWorkers(grpc::CallbackServerContext* call,
                                        const v1::ListWorkersRequest* request,
                                        v1::ListWorkersResponse* response) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* call,
                                  const v1::DrainRequest* request,
                                  v1::DrainResponse* response) override;

 private:
  const ServiceContext context_;
};

// Contract: proto/koeval/v1/catalogue.proto.
class CatalogueService final : public v1::CatalogueService::CallbackService {
 public:
  explicit CatalogueService(ServiceContext context) : context_(context) {}

  grpc::ServerUnaryReactor* ListSuites(grpc::CallbackServerContext* call,
                                       const v1::ListSuitesRequest* request,
                                       v1::ListSuitesResponse* response) override;

 private:
  const ServiceContext context_;
};

}  // namespace koeval::service
