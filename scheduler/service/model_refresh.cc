// Looking again at models: their newest requests, their folders where they are local, and the hub.
#include "scheduler/service/model_refresh.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "common/hub/repository_name.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

bool IsGone(const std::string& directory) {
  std::error_code error;
  return !fs::exists(directory, error) && !error;
}

bool HasFolder(const std::string& models_dir, const std::string& model) {
  std::error_code error;
  return !models_dir.empty() && fs::is_directory(fs::path(models_dir) / model, error);
}

}  // namespace

FilledStream<v1::RefreshModelsResponse>::Filled ModelRefresh::operator()() {
  using Filled = FilledStream<v1::RefreshModelsResponse>::Filled;
  if (!models_) {
    if (const Status status = Collect(); !status.ok()) {
      return {Fill::kEnd, {}, rpc::ToGrpc(status)};
    }
  }
  Filled filled{Fill::kMore, {}, grpc::Status::OK};
  for (; next_ < models_->size() && filled.messages.size() < kModelsQueued; ++next_) {
    auto answer = Refresh((*models_)[next_]);
    if (!answer.ok()) return {Fill::kEnd, std::move(filled.messages), rpc::ToGrpc(answer.status())};
    filled.messages.push_back(*std::move(answer));
  }
  if (next_ == models_->size()) {
    context_.board.Changed();
    filled.next = Fill::kEnd;
  }
  return filled;
}

Status ModelRefresh::Collect() {
  ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
  std::map<std::string, RequestId> newest;
  store::Page page{.after_number = 0, .limit = kPageMax, .newest_first = false};
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows, reader->ListRequests({}, page));
    for (const core::RequestRow& row : rows) newest[row.spec.model] = row.id;
    if (static_cast<int64_t>(rows.size()) < page.limit) break;
    page.after_number = rows.back().number;
  }
  std::string after;
  for (;;) {
    ASSIGN_OR_RETURN(const auto rows, reader->Models(after, kPageMax));
    for (const core::ModelRow& row : rows) newest.try_emplace(row.model);
    if (static_cast<int64_t>(rows.size()) < kPageMax) break;
    after = rows.back().model;
  }
  models_.emplace();
  for (auto& [model, id] : newest) {
    const bool wanted =
        wanted_.empty() || std::find(wanted_.begin(), wanted_.end(), model) != wanted_.end();
    if (wanted) models_->push_back({model, id});
  }
  for (const std::string& model : wanted_) {
    if (!newest.contains(model)) {
      return NotFound("models: nothing is known about \"" + model +
                      "\"; no request and no imported file names it");
    }
  }
  const std::string target = wanted_.size() == 1 ? wanted_.front() : "";
  const std::array<core::Mutation, 1> audit = {
      core::AuditRow{context_.clock.Wall(), actor_.who, actor_.role, "refresh models", target,
                     fmt::format("{} models", models_->size())}};
  return context_.dispatcher.AskStore(
      [&audit](store::JobStore& store) { return store.Commit(audit); });
}

std::optional<Result<hub::RepositoryInfo>> ModelRefresh::Ask(const std::string& model) const {
  if (context_.hub == nullptr || !hub::CheckRepositoryId(model).ok()) return std::nullopt;
  if (HasFolder(context_.config.models_dir, model)) return std::nullopt;
  auto repository = context_.hub->Open(model, "main");
  if (!repository.ok()) return Result<hub::RepositoryInfo>(repository.status());
  return Result<hub::RepositoryInfo>((*repository)->info());
}

Result<v1::RefreshModelsResponse> ModelRefresh::Refresh(const Candidate& candidate) {
  std::optional<core::RequestRow> request;
  if (!candidate.newest.text.empty()) {
    ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
    ASSIGN_OR_RETURN(request, reader->GetRequest(candidate.newest));
  }
  const WallTime now = context_.clock.Wall();
  const auto hub = Ask(candidate.model);
  const bool is_local = fs::path(candidate.model).is_absolute();
  const bool gone = is_local && IsGone(candidate.model);
  Status problem;
  ASSIGN_OR_RETURN(const ModelUpdate update,
                   UpdateModel(context_.dispatcher, context_.readers, candidate.model, now,
                               /*confirm=*/true, [&](core::ModelRow& row) {
                                 const core::ModelRow before = row;
                                 if (request)
                                   AddRequestFacts(request->spec, request->facts_json, &row);
                                 if (hub) problem = AddHubFacts(*hub, now, &row);
                                 // The hub's newer word is not undone by an older request's.
                                 const bool known = before.refreshed_at != WallTime{};
                                 if (!problem.ok() && known) row = before;
                                 if (gone && row.deleted_at == WallTime{}) row.deleted_at = now;
                                 if (is_local && !gone) row.deleted_at = WallTime{};
                               }));
  v1::RefreshModelsResponse out;
  *out.mutable_facts() = ToProto(update.row);
  out.set_changed(update.changed);
  out.set_problem(problem.message());
  return out;
}

}  // namespace koeval::service
