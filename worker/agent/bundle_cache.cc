// Least recently used bundles leave first.
#include "worker/agent/bundle_cache.h"

namespace koeval::agent {
namespace {

Result<std::shared_ptr<const Bundle>> ParseBundle(const std::string& text) {
  ASSIGN_OR_RETURN(Json json, ParseJson(text));
  if (JsonFind(json, "tasks") == nullptr || !json["tasks"].is_array()) {
    return DataLoss("a task bundle without \"tasks\"; upgrade the older of scheduler and worker");
  }
  Bundle bundle;
  for (Json& task : json["tasks"]) bundle.tasks.push_back(std::move(task));
  if (JsonFind(json, "logits_dtype") != nullptr) {
    ASSIGN_OR_RETURN(bundle.logits_dtype, JsonString(json, "logits_dtype", "task bundle"));
  }
  return std::make_shared<const Bundle>(std::move(bundle));
}

}  // namespace

Result<std::shared_ptr<const Bundle>> BundleCache::Get(const std::string& digest) {
  MutexLock lock(mutex_);
  for (auto it = recent_.begin(); it != recent_.end(); ++it) {
    if (it->first != digest) continue;
    recent_.splice(recent_.begin(), recent_, it);
    return recent_.front().second;
  }
  ASSIGN_OR_RETURN(const std::string text, fetch_(digest));
  ASSIGN_OR_RETURN(std::shared_ptr<const Bundle> bundle, ParseBundle(text));
  recent_.emplace_front(digest, bundle);
  if (recent_.size() > capacity_) recent_.pop_back();
  return bundle;
}

}  // namespace koeval::agent
