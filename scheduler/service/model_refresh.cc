// Looking again at models: their newest requests, and their folders where they are local.
#include "scheduler/service/model_refresh.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

#include "scheduler/service/model_facts.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

// Whether a local directory is gone; models of a hub say nothing here.
bool IsGone(const std::string& model) {
  std::error_code error;
  return fs::path(model).is_absolute() && !fs::exists(model, error) && !error;
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

Result<v1::RefreshModelsResponse> ModelRefresh::Refresh(const Candidate& candidate) {
  std::optional<core::RequestRow> request;
  if (!candidate.newest.text.empty()) {
    ASSIGN_OR_RETURN(const auto reader, context_.readers.Borrow());
    ASSIGN_OR_RETURN(request, reader->GetRequest(candidate.newest));
  }
  const WallTime now = context_.clock.Wall();
  const bool gone = IsGone(candidate.model);
  ASSIGN_OR_RETURN(const ModelUpdate update,
                   UpdateModel(context_.dispatcher, context_.readers, candidate.model, now,
                               /*confirm=*/true, [&](core::ModelRow& row) {
                                 if (request)
                                   AddRequestFacts(request->spec, request->facts_json, &row);
                                 if (gone && row.deleted_at == WallTime{}) row.deleted_at = now;
                                 if (!gone) row.deleted_at = WallTime{};
                               }));
  v1::RefreshModelsResponse out;
  *out.mutable_facts() = ToProto(update.row);
  out.set_changed(update.changed);
  return out;
}

}  // namespace koeval::service
