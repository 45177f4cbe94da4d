// Directories first come first; the hub for what names a commit.
#include "worker/agent/model_source.h"

#include <filesystem>
#include <utility>

#include "common/base/log.h"
#include "common/hub/repository_name.h"
#include "worker/runner/failure.h"

namespace koeval::agent {
namespace {

namespace fs = std::filesystem;

Status NotHere(const std::string& message) {
  return runner::FailureStatus({Ending::kModelNotFound, message, ""});
}

}  // namespace

ModelSource::ModelSource(std::string models_dir, std::shared_ptr<const hub::HubCache> cache)
    : models_dir_(std::move(models_dir)), cache_(std::move(cache)) {}

Result<ModelPlace> ModelSource::Find(const LeaseOrder& order,
                                     const hub::HubCache::OnProgress& on_progress,
                                     const Cancel& cancel) const {
  if (order.model.starts_with('/')) return ModelPlace{order.model, nullptr};
  if (const Status status = hub::CheckRepositoryId(order.model); !status.ok()) {
    return NotHere(status.message());
  }
  if (cache_ != nullptr && hub::IsCommit(order.revision)) return Fetch(order, on_progress, cancel);
  if (!models_dir_.empty()) {
    const fs::path dir = fs::path(models_dir_) / order.model;
    std::error_code ignored;
    if (cache_ == nullptr || fs::is_directory(dir, ignored)) {
      return ModelPlace{dir.string(), nullptr};
    }
  }
  if (cache_ != nullptr) return Fetch(order, on_progress, cancel);
  return NotHere(order.model + " is no directory, and this worker has neither models_dir nor hub");
}

Result<ModelPlace> ModelSource::Fetch(const LeaseOrder& order,
                                      const hub::HubCache::OnProgress& on_progress,
                                      const Cancel& cancel) const {
  const std::string revision = order.revision.empty() ? "main" : order.revision;
  auto snapshot = cache_->Fetch(hub::RepositoryKind::kModel, order.model, revision,
                                hub::EvaluationFiles, on_progress, cancel);
  if (snapshot.ok()) {
    auto shared = std::make_shared<const hub::Snapshot>(*std::move(snapshot));
    return ModelPlace{shared->dir, shared};
  }
  RETURN_IF_ERROR(cancel.status());
  return runner::FailureStatus({hub::EndingOf(snapshot.status()), snapshot.status().message(), ""});
}

}  // namespace koeval::agent
