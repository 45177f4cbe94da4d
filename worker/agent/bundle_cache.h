// Task bundles in memory, by digest; never on disk, since they may hold private rows.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "common/base/mutex.h"
#include "common/base/status.h"

namespace koeval::agent {

// What one bundle says of a suite.
struct Bundle {
  std::vector<Json> tasks;   // as TaskToJson wrote them
  std::string logits_dtype;  // float32 or as_model; "": the slot's own
};

// Thread-safe. Keeps the most recently used bundles, at most `capacity`.
class BundleCache {
 public:
  using Fetch = std::function<Result<std::string>(const std::string& digest)>;
  BundleCache(size_t capacity, Fetch fetch) : capacity_(capacity), fetch_(std::move(fetch)) {}

  // The bundle, fetched when it is not here. One fetch at a time; errors are not remembered.
  Result<std::shared_ptr<const Bundle>> Get(const std::string& digest) EXCLUDES(mutex_);

 private:
  const size_t capacity_;
  const Fetch fetch_;
  Mutex mutex_;
  std::list<std::pair<std::string, std::shared_ptr<const Bundle>>> recent_ GUARDED_BY(mutex_);
};

}  // namespace koeval::agent
