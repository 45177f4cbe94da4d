// A model hub in memory: repositories, and the accounts behind two tokens.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/base/mutex.h"
#include "scheduler/service/model_hub.h"
#include "tests/common/hub/good_repository.h"

namespace koeval::service {

// "hf_ann" is the token of "ann", "hf_bob" that of "bob".
class MemoryHub final : public ModelHub {
 public:
  Result<std::unique_ptr<hub::Repository>> Open(const std::string& id,
                                                const std::string& revision) override {
    MutexLock lock(mutex_);
    ++opened_;
    if (!failure_.ok()) return failure_;
    const auto found = repositories_.find(id);
    if (found == repositories_.end()) return NotFound(id + " does not exist on the hub");
    for (const auto& [name, files] : found->second) {
      auto made = std::make_unique<hub::MemoryRepository>(id, files);
      if (name == revision || made->info().commit == revision) {
        return std::unique_ptr<hub::Repository>(std::move(made));
      }
    }
    return NotFound(id + " at " + revision + " does not exist on the hub; check the revision");
  }
  Result<std::string> AccountOf(const std::string& token) override {
    MutexLock lock(mutex_);
    ++asked_;
    if (token == "hf_ann") return std::string("ann");
    if (token == "hf_bob") return std::string("bob");
    return Unauthenticated("the token hf_... is not known");
  }
  void Stop() override {}

  void Set(const std::string& id, const std::string& revision, hub::RepositoryFiles files) {
    MutexLock lock(mutex_);
    repositories_[id][revision] = std::move(files);
  }
  void Fail(Status status) {
    MutexLock lock(mutex_);
    failure_ = std::move(status);
  }
  int opened() const {
    MutexLock lock(mutex_);
    return opened_;
  }
  int asked() const {
    MutexLock lock(mutex_);
    return asked_;
  }

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::map<std::string, hub::RepositoryFiles>> repositories_
      GUARDED_BY(mutex_);
  Status failure_ GUARDED_BY(mutex_);
  int opened_ GUARDED_BY(mutex_) = 0;
  int asked_ GUARDED_BY(mutex_) = 0;
};

}  // namespace koeval::service
