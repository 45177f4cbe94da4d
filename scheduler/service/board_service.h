// koeval.v1.BoardService.
#pragma once

#include <atomic>

#include "koeval/v1/board.grpc.pb.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

// Contract: proto/koeval/v1/board.proto.
class BoardService final : public v1::BoardService::CallbackService {
 public:
  explicit BoardService(ServiceContext context) : context_(context) {}

  grpc::ServerUnaryReactor* FlagModel(grpc::CallbackServerContext* call,
                                      const v1::FlagModelRequest* request,
                                      v1::FlagModelResponse* response) override;
  grpc::ServerUnaryReactor* UnflagModel(grpc::CallbackServerContext* call,
                                        const v1::UnflagModelRequest* request,
                                        v1::UnflagModelResponse* response) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* call,
                                       const v1::ListModelsRequest* request,
                                       v1::ListModelsResponse* response) override;
  grpc::ServerWriteReactor<v1::RefreshModelsResponse>* RefreshModels(
      grpc::CallbackServerContext* call, const v1::RefreshModelsRequest* request) override;
  grpc::ServerReadReactor<v1::ImportFilesRequest>* ImportFiles(
      grpc::CallbackServerContext* call, v1::ImportFilesResponse* response) override;
  grpc::ServerWriteReactor<v1::ExportFilesResponse>* ExportFiles(
      grpc::CallbackServerContext* call, const v1::ExportFilesRequest* request) override;

 private:
  Status DoFlag(const core::Actor& actor, const v1::FlagModelRequest& request,
                v1::FlagModelResponse* response);
  Status DoUnflag(const core::Actor& actor, const std::string& model,
                  v1::UnflagModelResponse* response);
  // Local directories are for operators alone.
  Status DoList(const core::Actor& actor, const v1::ListModelsRequest& request,
                v1::ListModelsResponse* response);

  const ServiceContext context_;
  std::atomic<int> imports_{0};  // under way
  std::atomic<int> refreshes_{0};
};

}  // namespace koeval::service
