// koeval.v1.ResultsService.
#include "scheduler/service/results_service.h"

#include <fmt/core.h>

#include <memory>
#include <optional>
#include <utility>

#include "scheduler/service/model_facts.h"
#include "scheduler/service/private_texts.h"
#include "scheduler/service/results_convert.h"
#include "scheduler/service/scoring.h"

namespace koeval::service {
namespace {

using SampleStream = FilledStream<v1::GetSamplesResponse>;

// The row of a request that has scores. NOT_FOUND, FAILED_PRECONDITION.
Result<core::RequestRow> FinishedRow(store::Reader& reader, const std::string& id) {
  ASSIGN_OR_RETURN(core::RequestRow row, reader.GetRequest(RequestId{id}));
  if (row.state != core::RequestState::kFinished) {
    return FailedPrecondition(fmt::format("request {} is {}, only a FINISHED one has results", id,
                                          core::StateName(row.state)));
  }
  return row;
}

// What is known about the model of `row`: what is stored, or else what its request says.
Status AddModelFacts(store::Reader& reader, const core::RequestSpec& spec,
                     const std::string& facts_json, v1::LeaderboardRow* row) {
  ASSIGN_OR_RETURN(auto known, reader.Model(spec.model));
  if (!known) {
    known.emplace().model = spec.model;
    AddRequestFacts(spec, facts_json, &*known);
  }
  *row->mutable_facts() = ToProto(*known);
  ASSIGN_OR_RETURN(const auto flags, reader.Flags(spec.model, /*lifted=*/false, 1));
  if (!flags.empty()) *row->mutable_flag() = ToProto(flags.front());
  return OkStatus();
}

// A task's log at a time, in pieces of some lines.
class SampleFiller {
 public:
  SampleFiller(const ServiceContext& context, const core::Actor& actor,
               const v1::GetSamplesRequest& request)
      : context_(context), actor_(actor), id_(request.request_id()), task_(request.task()) {}

  SampleStream::Filled operator()() {
    auto filled = NextLines();
    if (!filled.ok()) return {Fill::kEnd, {}, rpc::ToGrpc(filled.status())};
    return std::move(*filled);
  }

 private:
  Result<SampleStream::Filled> NextLines() {
    if (!source_) RETURN_IF_ERROR(Open());
    while (!samples_ || line_ == samples_->lines.size()) {
      ASSIGN_OR_RETURN(samples_, source_->Next());
      line_ = 0;
      if (!samples_) return SampleStream::Filled{Fill::kEnd, {}, grpc::Status::OK};
    }
    const TextAccess access(actor_, context_.config, context_.datasets);
    const bool withheld = !access.MaySee(samples_->origin);
    SampleStream::Filled filled{Fill::kMore, {}, grpc::Status::OK};
    for (; line_ < samples_->lines.size() && filled.messages.size() < kSampleLinesQueued; ++line_) {
      v1::GetSamplesResponse& message = filled.messages.emplace_back();
      message.set_task(samples_->task);
      message.set_texts_withheld(withheld);
      if (withheld) {
        ASSIGN_OR_RETURN(samples_->lines[line_],
                         WithoutTexts(samples_->lines[line_], samples_->is_generated));
      }
      message.set_line(std::move(samples_->lines[line_]));
      for (const std::string& worker : samples_->workers[line_]) message.add_workers(worker);
    }
    return filled;
  }

  Status Open() {
    ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
    ASSIGN_OR_RETURN(const core::RequestRow row, FinishedRow(*reader, id_));
    ASSIGN_OR_RETURN(source_, SampleSource::Open(row, task_, context_.prepared, context_.readers));
    return OkStatus();
  }

  const ServiceContext& context_;
  const core::Actor actor_;
  const std::string id_;
  const std::string task_;
  std::optional<SampleSource> source_;
  std::optional<TaskSamples> samples_;
  size_t line_ = 0;
};

}  // namespace

grpc::ServerUnaryReactor* ResultsService::GetResults(grpc::CallbackServerContext* call,
                                                     const v1::GetResultsRequest* request,
                                                     v1::GetResultsResponse* response) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kReader, *request);
  if (!actor.ok()) {
    reactor->Finish(rpc::ToGrpc(actor.status()));
    return reactor;
  }
  FinishInPool(context_, reactor, [this, actor = *actor, request, response] {
    return DoResults(actor, *request, response);
  });
  return reactor;
}

Status ResultsService::DoResults(const core::Actor& actor, const v1::GetResultsRequest& request,
                                 v1::GetResultsResponse* response) {
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(const core::RequestRow row, FinishedRow(*reader, request.request_id()));
  ASSIGN_OR_RETURN(const auto score, reader->Score(row.id, row.round));
  if (!score) return DataLoss(fmt::format("request {} has no stored score", row.id.text));
  ASSIGN_OR_RETURN(StoredScores stored, ScoresFromJson(score->scores_json));
  const TextAccess access(actor, context_.config, context_.datasets);
  if (!access.sees_everything()) {
    ASSIGN_OR_RETURN(
        stored.results_json,
        WithoutPrivateDefinitions(stored.results_json, [&access](const RowsOrigin& origin) {
          return access.MaySee(origin);
        }));
  }
  FillResults(row, stored, response);
  return OkStatus();
}

grpc::ServerUnaryReactor* ResultsService::GetLeaderboard(grpc::CallbackServerContext* call,
                                                         const v1::GetLeaderboardRequest* request,
                                                         v1::GetLeaderboardResponse* response) {
  grpc::ServerUnaryReactor* reactor = call->DefaultReactor();
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kReader, *request);
  if (!actor.ok()) {
    reactor->Finish(rpc::ToGrpc(actor.status()));
    return reactor;
  }
  FinishInPool(context_, reactor,
               [this, request, response] { return DoLeaderboard(*request, response); });
  return reactor;
}

Status ResultsService::DoLeaderboard(const v1::GetLeaderboardRequest& request,
                                     v1::GetLeaderboardResponse* response) {
  const LoadedSuite* suite = context_.catalogue.Find(request.suite());
  if (suite == nullptr) {
    return NotFound(fmt::format("suite: there is no \"{}\"; known are {}", request.suite(),
                                context_.catalogue.Names()));
  }
  if (request.limit() < 0 || request.limit() > kLeaderboardMax) {
    return InvalidArgument(fmt::format("limit: must be from 1 to {}", kLeaderboardMax));
  }
  const int64_t limit = request.limit() == 0 ? kLeaderboardDefault : request.limit();
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(const auto scores, request.flagged()
                                          ? reader->Scores(suite->suite.name, limit)
                                          : reader->UnflaggedScores(suite->suite.name, limit));
  response->set_suite(suite->suite.name);
  response->set_suite_version(suite->suite.version);
  for (const evaluation::SuiteEntry& entry : suite->suite.entries) {
    response->add_columns(entry.name);
  }
  for (const core::ScoreRow& score : scores) {
    ASSIGN_OR_RETURN(const core::RequestRow row, reader->GetRequest(score.request));
    ASSIGN_OR_RETURN(const StoredScores stored, ScoresFromJson(score.scores_json));
    v1::LeaderboardRow* added = response->add_rows();
    *added = ToProto(row, stored, response->rows_size());
    RETURN_IF_ERROR(AddModelFacts(*reader, row.spec, row.facts_json, added));
  }
  if (!request.flagged()) {
    ASSIGN_OR_RETURN(const auto flags, reader->Flags("", /*lifted=*/false, kLeaderboardMax));
    response->set_flagged_hidden(static_cast<int64_t>(flags.size()));
  }
  return OkStatus();
}

grpc::ServerWriteReactor<v1::GetSamplesResponse>* ResultsService::GetSamples(
    grpc::CallbackServerContext* call, const v1::GetSamplesRequest* request) {
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kReader, *request);
  if (!actor.ok()) {
    return SampleStream::Refuse(context_.streams, rpc::ToGrpc(actor.status())).get();
  }
  return SampleStream::Start(context_.streams, SampleFiller(context_, *actor, *request)).get();
}

}  // namespace koeval::service
