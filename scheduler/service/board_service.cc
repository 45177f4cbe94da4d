// koeval.v1.BoardService: flags and what is known about models.
#include "scheduler/service/board_service.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "common/base/log.h"
#include "scheduler/service/board_streams.h"
#include "scheduler/service/model_facts.h"
#include "scheduler/service/model_refresh.h"
#include "scheduler/service/submission.h"
#include "scheduler/service/unary_call.h"

namespace koeval::service {
namespace {

using RefreshStream = FilledStream<v1::RefreshModelsResponse>;
using ExportStream = FilledStream<v1::ExportFilesResponse>;

constexpr std::string_view kPagePrefix = "after:";

Status CheckFlag(const v1::FlagModelRequest& request) {
  if (request.model().empty()) return InvalidArgument("model: is missing");
  RETURN_IF_ERROR(CheckText("model", request.model(), kModelBytesMax));
  RETURN_IF_ERROR(CheckText("reason", request.reason(), kReasonBytesMax));
  if (request.reason().empty())
    return InvalidArgument("reason: is missing; say why, in a sentence");
  RETURN_IF_ERROR(CheckText("url", request.url(), kReasonBytesMax));
  const bool is_link =
      request.url().starts_with("https://") || request.url().starts_with("http://");
  if (!request.url().empty() && !is_link) {
    return InvalidArgument("url: must start with https:// or http://");
  }
  return OkStatus();
}

Result<board::ResultFormat> ResultFormatFromProto(const v1::ExportFilesRequest& request) {
  if (request.result_format() == v1::RESULT_FORMAT_UNSPECIFIED) {
    return board::ResultFormat::kStored;
  }
  if (request.result_format() != v1::RESULT_FORMAT_LEADERBOARD_V1) {
    return InvalidArgument("result_format: is unknown here; upgrade the older side");
  }
  if (request.kind() != v1::FILE_KIND_RESULTS) {
    return InvalidArgument("result_format: request files have one format; leave it out");
  }
  return board::ResultFormat::kLeaderboardV1;
}

// The flag of `model` that is in force.
Result<std::optional<core::FlagRow>> FlagInForce(store::Reader& reader, const std::string& model) {
  ASSIGN_OR_RETURN(auto flags, reader.Flags(model, /*lifted=*/false, 1));
  if (flags.empty()) return std::optional<core::FlagRow>();
  return std::optional<core::FlagRow>(std::move(flags.front()));
}

// A time for the next flag of `model` that none of its earlier ones has.
Result<WallTime> FlagTime(store::Reader& reader, const std::string& model, WallTime now) {
  ASSIGN_OR_RETURN(const auto earlier, reader.Flags(model, /*lifted=*/true, kPageMax));
  for (const core::FlagRow& flag : earlier) {
    if (flag.set_at >= now) now.micros = flag.set_at.micros + 1;
  }
  return now;
}

}  // namespace

grpc::ServerUnaryReactor* BoardService::FlagModel(grpc::CallbackServerContext* call,
                                                  const v1::FlagModelRequest* request,
                                                  v1::FlagModelResponse* response) {
  return AnswerInPool(context_, call, rpc::Role::kOperator, *request,
                      [this, request, response](const core::Actor& actor) {
                        return DoFlag(actor, *request, response);
                      });
}

Status BoardService::DoFlag(const core::Actor& actor, const v1::FlagModelRequest& request,
                            v1::FlagModelResponse* response) {
  RETURN_IF_ERROR(CheckFlag(request));
  const WallTime now = context_.clock.Wall();
  core::FlagRow flag = {request.model(), request.reason(), request.url(), actor.who, now, "", {}};
  const auto set = [&](store::JobStore& store) -> Status {
    ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
    ASSIGN_OR_RETURN(auto old, FlagInForce(*reader, flag.model));
    if (old && old->reason == flag.reason && old->url == flag.url) {
      flag = *old;
      return OkStatus();
    }
    ASSIGN_OR_RETURN(flag.set_at, FlagTime(*reader, flag.model, now));
    std::vector<core::Mutation> mutations;
    if (old) {
      old->lifted_at = flag.set_at;
      old->lifted_by = actor.who;
      mutations.emplace_back(*old);
    }
    ASSIGN_OR_RETURN(const auto known, reader->Model(flag.model));
    if (!known) {  // so that it is listed; names of imported files may have other forms
      RETURN_IF_ERROR(ValidateModelName(flag.model));
      core::ModelRow row;
      row.model = flag.model;
      row.refreshed_at = now;
      mutations.emplace_back(row);
    }
    mutations.emplace_back(flag);
    mutations.emplace_back(core::AuditRow{now, actor.who, actor.role, "flag", flag.model,
                                          fmt::format("{} {}", flag.reason, flag.url)});
    return store.Commit(mutations);
  };
  RETURN_IF_ERROR(context_.dispatcher.AskStore(set));
  context_.board.FlagsChanged();
  *response->mutable_flag() = ToProto(flag);
  return OkStatus();
}

grpc::ServerUnaryReactor* BoardService::UnflagModel(grpc::CallbackServerContext* call,
                                                    const v1::UnflagModelRequest* request,
                                                    v1::UnflagModelResponse* response) {
  return AnswerInPool(context_, call, rpc::Role::kOperator, *request,
                      [this, request, response](const core::Actor& actor) {
                        return DoUnflag(actor, request->model(), response);
                      });
}

Status BoardService::DoUnflag(const core::Actor& actor, const std::string& model,
                              v1::UnflagModelResponse* response) {
  if (model.empty()) return InvalidArgument("model: is missing");
  const WallTime now = context_.clock.Wall();
  std::optional<core::FlagRow> flag;
  const auto lift = [&](store::JobStore& store) -> Status {
    ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
    ASSIGN_OR_RETURN(flag, FlagInForce(*reader, model));
    if (!flag) return NotFound(fmt::format("model: {} is not flagged", model));
    flag->lifted_at = now;
    flag->lifted_by = actor.who;
    const std::vector<core::Mutation> mutations = {
        *flag, core::AuditRow{now, actor.who, actor.role, "unflag", model, ""}};
    return store.Commit(mutations);
  };
  RETURN_IF_ERROR(context_.dispatcher.AskStore(lift));
  context_.board.FlagsChanged();
  *response->mutable_flag() = ToProto(*flag);
  return OkStatus();
}

grpc::ServerUnaryReactor* BoardService::ListModels(grpc::CallbackServerContext* call,
                                                   const v1::ListModelsRequest* request,
                                                   v1::ListModelsResponse* response) {
  return AnswerInPool(context_, call, rpc::Role::kReader, *request,
                      [this, request, response](const core::Actor& actor) {
                        return DoList(actor, *request, response);
                      });
}

Status BoardService::DoList(const core::Actor& actor, const v1::ListModelsRequest& request,
                            v1::ListModelsResponse* response) {
  if (request.page_size() < 0 || request.page_size() > kPageMax) {
    return InvalidArgument(
        fmt::format("page_size: {} is not from 0 to {}", request.page_size(), kPageMax));
  }
  const std::string& token = request.page_token();
  if (!token.empty() && !token.starts_with(kPagePrefix)) {
    return InvalidArgument("page_token: was not made by this server; start from the first page");
  }
  const int64_t size = request.page_size() == 0 ? kPageDefault : request.page_size();
  std::string after = token.empty() ? token : token.substr(kPagePrefix.size());
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows, reader->Models(after, kPageMax));
    for (const core::ModelRow& row : rows) {
      if (row.model.starts_with('/') && !Redaction::SeesAll(actor)) continue;
      ASSIGN_OR_RETURN(const auto flag, FlagInForce(*reader, row.model));
      if (request.flagged_only() && !flag) continue;
      if (response->models_size() == size) {  // one more: there is a next page
        response->set_next_page_token(fmt::format(
            "{}{}", kPagePrefix, response->models(response->models_size() - 1).facts().model()));
        return OkStatus();
      }
      v1::ListedModel* added = response->add_models();
      *added->mutable_facts() = ToProto(row);
      if (flag) *added->mutable_flag() = ToProto(*flag);
    }
    if (static_cast<int64_t>(rows.size()) < kPageMax) return OkStatus();
    after = rows.back().model;
  }
}

grpc::ServerWriteReactor<v1::RefreshModelsResponse>* BoardService::RefreshModels(
    grpc::CallbackServerContext* call, const v1::RefreshModelsRequest* request) {
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kOperator, *request);
  Status status = actor.status();
  if (status.ok() && request->models_size() > kPageMax) {
    status = InvalidArgument(fmt::format("models: more than {}; name fewer or none", kPageMax));
  }
  if (status.ok() && ++refreshes_ > kRefreshesMax) {
    --refreshes_;
    status =
        ResourceExhausted("models are being looked at again already; wait for the end of that");
  }
  if (!status.ok()) return RefreshStream::Refuse(context_.streams, rpc::ToGrpc(status)).get();
  spdlog::info("models are looked at again for {}", LogSafe(actor->who));
  return RefreshStream::Start(
             context_.streams,
             ModelRefresh(context_, *actor, {request->models().begin(), request->models().end()}),
             [this] { --refreshes_; })
      .get();
}

grpc::ServerReadReactor<v1::ImportFilesRequest>* BoardService::ImportFiles(
    grpc::CallbackServerContext* call, v1::ImportFilesResponse* response) {
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kOperator);
  if (!actor.ok()) return new RefusedImport(rpc::ToGrpc(actor.status()));
  if (++imports_ > kImportsMax) {
    --imports_;
    return new RefusedImport(rpc::ToGrpc(ResourceExhausted(
        fmt::format("{} imports are under way; try again when one has ended", kImportsMax))));
  }
  return new ImportReactor(context_, *actor, response, [this] { --imports_; });
}

grpc::ServerWriteReactor<v1::ExportFilesResponse>* BoardService::ExportFiles(
    grpc::CallbackServerContext* call, const v1::ExportFilesRequest* request) {
  const auto refuse = [this](const Status& status) {
    return ExportStream::Refuse(context_.streams, rpc::ToGrpc(status)).get();
  };
  const auto actor = Admit(context_.authenticator, *call, rpc::Role::kReader, *request);
  if (!actor.ok()) return refuse(actor.status());
  const auto kind = FileKindFromProto(request->kind());
  if (!kind.ok()) return refuse(kind.status());
  const auto format = ResultFormatFromProto(*request);
  if (!format.ok()) return refuse(format.status());
  const LoadedSuite* suite = context_.catalogue.Find(request->suite());
  if (suite == nullptr) {
    return refuse(NotFound(fmt::format("suite: there is no \"{}\"; known are {}", request->suite(),
                                       context_.catalogue.Names())));
  }
  return ExportStream::Start(context_.streams,
                             ExportFiller(context_, *kind, suite->suite.name, *format))
      .get();
}

}  // namespace koeval::service
