// koeval.v1.ResultsService.
#include "scheduler/service/results_service.h"

#include <fmt/core.h>

#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "scheduler/service/board_files.h"
#include "scheduler/service/model_facts.h"
#include "scheduler/service/private_texts.h"
#include "scheduler/service/results_convert.h"
#include "scheduler/service/scoring.h"
#include "scheduler/service/unary_call.h"

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

v1::LeaderboardRow RowToProto(const Leaderboard& board, const web::BoardRow& row) {
  v1::LeaderboardRow out;
  out.set_rank(row.rank);
  out.set_request_id(row.request);
  out.set_model(row.model);
  out.set_revision(row.revision);
  out.set_precision(row.precision);
  out.set_model_type(row.model_type);
  out.set_average(row.average ? row.average->value : std::numeric_limits<double>::quiet_NaN());
  if (row.average && row.average->stderr_value) {
    out.set_average_stderr(*row.average->stderr_value);
  }
  for (size_t i = 0; i < row.scores.size(); ++i) {
    if (!row.scores[i]) continue;
    v1::EntryScore* entry = out.add_entries();
    entry->set_name(board.board.columns[i]);
    entry->set_metric(board.metrics[i]);
    entry->set_value(row.scores[i]->value);
    if (row.scores[i]->stderr_value) entry->set_stderr_value(*row.scores[i]->stderr_value);
  }
  out.set_finished_at_us(row.finished_at_us);
  out.set_profile(row.profile);
  *out.mutable_facts() = ToProto(board.models[row.index]);
  if (board.flags[row.index]) *out.mutable_flag() = ToProto(*board.flags[row.index]);
  out.set_imported(row.is_imported);
  out.set_weight_type(row.weight_type);
  out.set_suite_version(row.suite_version);
  for (const web::Setting setting : web::SettingsOf(board.board, row)) {
    out.add_settings(std::string(web::SettingName(setting)));
  }
  if (row.prompts.chat_template) out.set_chat_template(*row.prompts.chat_template);
  out.set_fewshot_as_multiturn(row.prompts.fewshot_as_multiturn);
  out.set_system_instruction(row.prompts.system_instruction);
  return out;
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
      context_.redaction.Hide(actor_, &message);
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
  return AnswerInPool(context_, call, rpc::Role::kReader, *request,
                      [this, request, response](const core::Actor& actor) {
                        return DoResults(actor, *request, response);
                      });
}

Status ResultsService::DoResults(const core::Actor& actor, const v1::GetResultsRequest& request,
                                 v1::GetResultsResponse* response) {
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(const core::RequestRow row, FinishedRow(*reader, request.request_id()));
  ASSIGN_OR_RETURN(const auto score, reader->Score(row.id, row.round));
  if (!score) return DataLoss(fmt::format("request {} has no stored score", row.id.text));
  ASSIGN_OR_RETURN(StoredScores stored, ScoresFromJson(score->scores_json));
  const TextAccess access(actor, context_.config, context_.datasets);
  ASSIGN_OR_RETURN(stored.results_json, access.WithoutPrivateDefinitions(stored.results_json));
  const bool is_own = row.spec.submitter == actor.who;
  if (!is_own && !Redaction::SeesAll(actor)) UsePublicName(row.spec.model, &stored.results_json);
  FillResults(row, stored, response);
  return OkStatus();
}

grpc::ServerUnaryReactor* ResultsService::GetLeaderboard(grpc::CallbackServerContext* call,
                                                         const v1::GetLeaderboardRequest* request,
                                                         v1::GetLeaderboardResponse* response) {
  return AnswerInPool(
      context_, call, rpc::Role::kReader, *request,
      [this, request, response](const core::Actor&) { return DoLeaderboard(*request, response); });
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
  // As the pages' address asks, so that both know the same words.
  web::Params params;
  if (!request.settings().empty()) params.Add("settings", request.settings());
  if (request.flagged()) params.Add("flagged", "1");
  ASSIGN_OR_RETURN(const web::BoardQuery query, web::ParseBoardQuery(params));
  ASSIGN_OR_RETURN(const LeaderboardPtr found, leaderboards_.Get(*suite, request.suite_version()));
  const web::Board& board = found->board;
  response->set_suite(board.suite);
  response->set_suite_version(board.version);
  response->set_profile(board.profile);
  for (const std::string& version : board.versions) response->add_suite_versions(version);
  for (const std::string& column : board.columns) response->add_columns(column);
  ASSIGN_OR_RETURN(auto rows, web::SelectRows(board, query));
  if (rows.size() > static_cast<size_t>(limit)) rows.resize(static_cast<size_t>(limit));
  for (const web::BoardRow* row : rows) *response->add_rows() = RowToProto(*found, *row);
  response->set_flagged_hidden(web::HiddenModels(board, query));
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
