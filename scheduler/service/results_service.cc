// koeval.v1.ResultsService.
#include "scheduler/service/results_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "scheduler/board/board_path.h"
#include "scheduler/service/imported_scores.h"
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

// What is known about a model, and its flag, into `row`; `known` where nothing is stored.
Status AddModelFacts(store::Reader& reader, core::ModelRow known, v1::LeaderboardRow* row) {
  ASSIGN_OR_RETURN(const auto stored, reader.Model(known.model));
  *row->mutable_facts() = ToProto(stored.value_or(known));
  ASSIGN_OR_RETURN(const auto flags, reader.Flags(known.model, /*lifted=*/false, 1));
  if (!flags.empty()) *row->mutable_flag() = ToProto(flags.front());
  return OkStatus();
}

using Rows = std::vector<v1::LeaderboardRow>;

// Best average first; no number comes last.
bool IsBetter(const v1::LeaderboardRow& a, const v1::LeaderboardRow& b) {
  if (std::isnan(a.average()) || std::isnan(b.average())) {
    return !std::isnan(a.average()) && std::isnan(b.average());
  }
  return a.average() > b.average();
}

// Scores of the queue's own requests.
Result<Rows> OwnRows(store::Reader& reader, const std::string& suite, bool flagged, int64_t limit) {
  ASSIGN_OR_RETURN(const auto scores,
                   flagged ? reader.Scores(suite, limit) : reader.UnflaggedScores(suite, limit));
  Rows rows;
  for (const core::ScoreRow& score : scores) {
    ASSIGN_OR_RETURN(const core::RequestRow row, reader.GetRequest(score.request));
    ASSIGN_OR_RETURN(const StoredScores stored, ScoresFromJson(score.scores_json));
    rows.push_back(ToProto(row, stored, 0));
    core::ModelRow known;
    known.model = row.spec.model;
    AddRequestFacts(row.spec, row.facts_json, &known);
    RETURN_IF_ERROR(AddModelFacts(reader, std::move(known), &rows.back()));
  }
  return rows;
}

// Adds imported scores, marked as such, of models that have none of their own in that precision.
Status AddImportedRows(store::Reader& reader, const std::vector<ImportedRow>& imported,
                       bool flagged, Rows* rows) {
  std::set<std::pair<std::string, std::string>> own;
  for (const v1::LeaderboardRow& row : *rows) {
    own.emplace(board::PublicModelName(row.model()), row.precision());
  }
  for (const ImportedRow& from : imported) {
    if (own.contains({from.model, from.precision})) continue;
    v1::LeaderboardRow row;
    row.set_model(from.model);
    row.set_revision(from.revision);
    row.set_precision(from.precision);
    row.set_average(from.average);
    for (const evaluation::EntryScore& entry : from.entries) *row.add_entries() = ToProto(entry);
    row.set_finished_at_us(from.date.micros);
    row.set_imported(true);
    core::ModelRow known;
    known.model = from.model;
    RETURN_IF_ERROR(AddModelFacts(reader, std::move(known), &row));
    row.set_model_type(row.facts().type());
    if (flagged || !row.has_flag()) rows->push_back(std::move(row));
  }
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
  response->set_suite(suite->suite.name);
  response->set_suite_version(suite->suite.version);
  for (const evaluation::SuiteEntry& entry : suite->suite.entries) {
    response->add_columns(entry.name);
  }
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  ASSIGN_OR_RETURN(auto rows, OwnRows(*reader, suite->suite.name, request.flagged(), limit));
  ASSIGN_OR_RETURN(const auto files, context_.board.imported.Files());
  RETURN_IF_ERROR(
      AddImportedRows(*reader, ImportedRows(suite->suite, *files), request.flagged(), &rows));
  std::stable_sort(rows.begin(), rows.end(), IsBetter);
  if (rows.size() > static_cast<size_t>(limit)) rows.resize(static_cast<size_t>(limit));
  for (v1::LeaderboardRow& row : rows) {
    row.set_rank(response->rows_size() + 1);
    *response->add_rows() = std::move(row);
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
