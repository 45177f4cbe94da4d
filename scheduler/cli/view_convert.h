// Protobuf answers as views. Generated types of the client end here and in client.cc.
#pragma once

#include "koeval/v1/board.pb.h"
#include "koeval/v1/catalogue.pb.h"
#include "koeval/v1/cluster.pb.h"
#include "koeval/v1/datasets.pb.h"
#include "koeval/v1/queue.pb.h"
#include "koeval/v1/results.pb.h"
#include "scheduler/cli/client.h"
#include "scheduler/cli/view.h"

namespace koeval::cli {

RequestView ToView(const koeval::v1::Request& request);
AttemptView ToView(const koeval::v1::Attempt& attempt);
QueueView ToView(const koeval::v1::GetQueueResponse& queue);
DryRunView ToView(const koeval::v1::DryRunResponse& response);
ExplanationView ToView(const koeval::v1::ExplainResponse& response);
WorkerView ToView(const koeval::v1::Worker& worker);
ResultsView ToView(const koeval::v1::GetResultsResponse& results);
LeaderboardView ToView(const koeval::v1::GetLeaderboardResponse& leaderboard);
SuiteView ToView(const koeval::v1::Suite& suite);
DatasetView ToView(const koeval::v1::Dataset& dataset);
FlagView ToView(const koeval::v1::ModelFlag& flag);
ModelView ToView(const koeval::v1::ModelFacts& facts);
ModelView ToView(const koeval::v1::ListedModel& model);
RefreshView ToView(const koeval::v1::RefreshModelsResponse& refreshed);
ImportView ToView(const koeval::v1::ImportFilesResponse& imported);
koeval::v1::RequestSpec ToProto(const SubmitSpec& spec);
// UNSPECIFIED for an unknown name.
koeval::v1::RequestState StateFromName(const std::string& name);

}  // namespace koeval::cli
