// What every file of the client's calls works with: the channel, the stubs, who calls.
#pragma once

#include <fmt/core.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/rpc/credentials.h"
#include "common/rpc/status_convert.h"
#include "koeval/v1/board.grpc.pb.h"
#include "koeval/v1/catalogue.grpc.pb.h"
#include "koeval/v1/cluster.grpc.pb.h"
#include "koeval/v1/datasets.grpc.pb.h"
#include "koeval/v1/queue.grpc.pb.h"
#include "koeval/v1/results.grpc.pb.h"
#include "scheduler/cli/client.h"

namespace koeval::cli {

namespace pb = koeval::v1;

inline constexpr const char* kHubTokenKey = "koeval-hub-token";
inline constexpr int kPageSize = 500;  // of lists that are fetched page by page

struct Client::Impl {
  ClientOptions options;
  rpc::ClientCredentials credentials;
  std::string hub_token;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<pb::QueueService::Stub> queue;
  std::unique_ptr<pb::ResultsService::Stub> results;
  std::unique_ptr<pb::CatalogueService::Stub> catalogue;
  std::unique_ptr<pb::ClusterService::Stub> cluster;
  std::unique_ptr<pb::DatasetService::Stub> datasets;
  std::unique_ptr<pb::BoardService::Stub> board;

  void Prepare(grpc::ClientContext& context, bool bounded) const {
    credentials.Prepare(context);
    if (!hub_token.empty()) context.AddMetadata(kHubTokenKey, hub_token);
    if (bounded) SetDeadline(context, options.timeout_ms);
  }

  static void SetDeadline(grpc::ClientContext& context, int64_t ms) {
    context.set_deadline(std::chrono::system_clock::time_point(
        std::chrono::microseconds(Clock::Real().Wall().micros + ms * 1000)));
  }

  // The status of a call, with what to check when nobody answered.
  Status Convert(const grpc::Status& status) const {
    Status out = rpc::FromGrpc(status);
    if (out.code() == Code::kUnavailable || out.code() == Code::kDeadlineExceeded) {
      return Unavailable(
          fmt::format("no answer from the scheduler at {} ({}); check that koeval-scheduler runs "
                      "there and that --address is right",
                      options.address, status.error_message()));
    }
    return out;
  }

  template <typename Stub, typename Request, typename Response>
  Result<Response> Call(Stub& stub,
                        grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                     Response*),
                        const Request& request) const {
    grpc::ClientContext context;
    Prepare(context, /*bounded=*/true);
    Response response;
    const grpc::Status status = (stub.*method)(&context, request, &response);
    if (!status.ok()) return Convert(status);
    return response;
  }
};

}  // namespace koeval::cli
