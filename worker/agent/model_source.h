// Where a lease's model lies on this node: a directory, a folder of models, or the cache of a hub.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/cancel.h"
#include "common/base/status.h"
#include "common/hub/cache.h"
#include "common/hub/hub_settings.h"
#include "worker/agent/messages.h"

namespace koeval::agent {

// A model on disk. What comes from the cache stays in it while this lives.
struct ModelPlace {
  std::string dir;
  std::shared_ptr<const hub::Snapshot> snapshot;  // nullptr for a directory
};

// Shared by the slots of a node; thread-safe.
class ModelSource {
 public:
  // `cache` may be nullptr: then only directories are found. `models_dir` "" is none.
  ModelSource(std::string models_dir, std::shared_ptr<const hub::HubCache> cache);

  // An absolute path is that directory. ORG/NAME at a commit comes from the hub where this worker
  // has one; else it is looked for below models_dir, and only then on the hub. Downloads what is
  // missing and reports it by `on_progress`; two slots that want the same model download it once.
  // A failure is a Status of worker/runner/failure.h with its ending; CANCELLED when asked.
  Result<ModelPlace> Find(const LeaseOrder& order, const hub::HubCache::OnProgress& on_progress,
                          const Cancel& cancel) const;

 private:
  Result<ModelPlace> Fetch(const LeaseOrder& order, const hub::HubCache::OnProgress& on_progress,
                           const Cancel& cancel) const;

  const std::string models_dir_;
  const std::shared_ptr<const hub::HubCache> cache_;
};

}  // namespace koeval::agent
