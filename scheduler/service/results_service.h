// koeval.v1.ResultsService.
#pragma once

#include "koeval/v1/results.grpc.pb.h"
#include "scheduler/service/leaderboards.h"
#include "scheduler/service/service_context.h"

namespace koeval::service {

// Contract: proto/koeval/v1/results.proto.
class ResultsService final : public v1::ResultsService::CallbackService {
 public:
  ResultsService(ServiceContext context, Leaderboards& leaderboards)
      : context_(context), leaderboards_(leaderboards) {}

  grpc::ServerUnaryReactor* GetResults(grpc::CallbackServerContext* call,
                                       const v1::GetResultsRequest* request,
                                       v1::GetResultsResponse* response) override;
  grpc::ServerUnaryReactor* GetLeaderboard(grpc::CallbackServerContext* call,
                                           const v1::GetLeaderboardRequest* request,
                                           v1::GetLeaderboardResponse* response) override;
  grpc::ServerWriteReactor<v1::GetSamplesResponse>* GetSamples(
      grpc::CallbackServerContext* call, const v1::GetSamplesRequest* request) override;

  // What the call answers `actor`, once admitted; for the pages too. In a pool.
  Status DoResults(const core::Actor& actor, const v1::GetResultsRequest& request,
                   v1::GetResultsResponse* response);

 private:
  Status DoLeaderboard(const v1::GetLeaderboardRequest& request,
                       v1::GetLeaderboardResponse* response);

  const ServiceContext context_;
  Leaderboards& leaderboards_;
};

}  // namespace koeval::service
