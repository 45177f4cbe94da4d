// koeval.v1.DatasetService.
#pragma once

#include <atomic>

#include "koeval/v1/datasets.grpc.pb.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

// Contract: proto/koeval/v1/datasets.proto. Uploads are written by the pool of unary calls, a piece
// at a time, so that no gRPC thread waits for the disk.
class DatasetService final : public v1::DatasetService::CallbackService {
 public:
  explicit DatasetService(ServiceContext context) : context_(context) {}

  grpc::ServerReadReactor<v1::AddDatasetRequest>* AddDataset(
      grpc::CallbackServerContext* call, v1::AddDatasetResponse* response) override;
  grpc::ServerUnaryReactor* ListDatasets(grpc::CallbackServerContext* call,
                                         const v1::ListDatasetsRequest* request,
                                         v1::ListDatasetsResponse* response) override;
  grpc::ServerUnaryReactor* RemoveDataset(grpc::CallbackServerContext* call,
                                          const v1::RemoveDatasetRequest* request,
                                          v1::RemoveDatasetResponse* response) override;

 private:
  const ServiceContext context_;
  std::atomic<int> uploads_{0};
};

}  // namespace koeval::service
