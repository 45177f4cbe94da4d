// The client's calls about models, flags and the files of the leaderboard's datasets.
#include <algorithm>
#include <utility>

#include "scheduler/cli/client_impl.h"
#include "scheduler/cli/view_convert.h"

namespace koeval::cli {
namespace {

pb::FileKind ToProto(board::FileKind kind) {
  return kind == board::FileKind::kRequests ? pb::FILE_KIND_REQUESTS : pb::FILE_KIND_RESULTS;
}

}  // namespace

Result<FlagView> Client::Flag(const std::string& model, const std::string& reason,
                              const std::string& url) {
  pb::FlagModelRequest request;
  request.set_model(model);
  request.set_reason(reason);
  request.set_url(url);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->board, &pb::BoardService::Stub::FlagModel, request));
  return ToView(response.flag());
}

Result<FlagView> Client::Unflag(const std::string& model) {
  pb::UnflagModelRequest request;
  request.set_model(model);
  ASSIGN_OR_RETURN(const auto response,
                   impl_->Call(*impl_->board, &pb::BoardService::Stub::UnflagModel, request));
  return ToView(response.flag());
}

Result<std::vector<ModelView>> Client::Models(bool flagged_only, int64_t limit) {
  pb::ListModelsRequest request;
  request.set_flagged_only(flagged_only);
  std::vector<ModelView> out;
  while (static_cast<int64_t>(out.size()) < limit) {
    request.set_page_size(static_cast<int32_t>(
        std::min<int64_t>(kPageSize, limit - static_cast<int64_t>(out.size()))));
    ASSIGN_OR_RETURN(const auto page,
                     impl_->Call(*impl_->board, &pb::BoardService::Stub::ListModels, request));
    for (const pb::ListedModel& model : page.models()) out.push_back(ToView(model));
    if (page.next_page_token().empty()) break;
    request.set_page_token(page.next_page_token());
  }
  return out;
}

Status Client::RefreshModels(const std::vector<std::string>& models,
                             const std::function<void(const RefreshView&)>& on_model) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::RefreshModelsRequest request;
  for (const std::string& model : models) request.add_models(model);
  const auto stream = impl_->board->RefreshModels(&context, request);
  pb::RefreshModelsResponse refreshed;
  while (stream->Read(&refreshed)) on_model(ToView(refreshed));
  return impl_->Convert(stream->Finish());
}

Result<ImportView> Client::Import(
    board::FileKind kind, const std::function<Result<std::optional<BoardFileView>>()>& next) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::ImportFilesResponse response;
  const auto stream = impl_->board->ImportFiles(&context, &response);
  Status failure;
  for (;;) {
    auto file = next();
    if (!file.ok()) failure = file.status();
    if (!file.ok() || !*file) break;
    pb::ImportFilesRequest request;
    request.set_kind(ToProto(kind));
    request.mutable_file()->set_path(std::move((*file)->path));
    request.mutable_file()->set_text(std::move((*file)->text));
    if (!stream->Write(request)) break;  // Finish() says why
  }
  stream->WritesDone();
  const grpc::Status ended = stream->Finish();
  if (!failure.ok()) return failure;
  if (!ended.ok()) return impl_->Convert(ended);
  return ToView(response);
}

Status Client::Export(board::FileKind kind, const std::string& suite, board::ResultFormat format,
                      const std::function<Status(const BoardFileView&)>& on_file) {
  grpc::ClientContext context;
  impl_->Prepare(context, /*bounded=*/false);
  pb::ExportFilesRequest request;
  request.set_kind(ToProto(kind));
  request.set_suite(suite);
  if (format == board::ResultFormat::kLeaderboardV1) {
    request.set_result_format(pb::RESULT_FORMAT_LEADERBOARD_V1);
  }
  const auto stream = impl_->board->ExportFiles(&context, request);
  pb::ExportFilesResponse response;
  while (stream->Read(&response)) {
    const Status taken = on_file({response.file().path(), response.file().text()});
    if (taken.ok()) continue;
    context.TryCancel();
    (void)stream->Finish();
    return taken;
  }
  return impl_->Convert(stream->Finish());
}

}  // namespace koeval::cli
