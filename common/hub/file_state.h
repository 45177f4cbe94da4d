// What stands for the bytes of a file once they were read, and the reading.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>

#include "common/base/cancel.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/hub/digest.h"
#include "common/hub/repository.h"

namespace koeval::hub {

// What changes whenever the bytes do, short of a fault of the disk below the file system.
std::string StateOf(const struct stat& info);

// Adds the first `bytes` of `fd` to `digest`. ABORTED when it has fewer; as DiskError; CANCELLED.
Status AddFile(int fd, int64_t bytes, const std::string& path, FileDigest& digest,
               const Cancel& cancel);

// Files whose bytes this process has verified, by path. Thread-safe.
class VerifiedFiles {
 public:
  bool Has(const std::string& path, const std::string& state) const EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    const auto at = states_.find(path);
    return at != states_.end() && at->second == state;
  }
  void Add(const std::string& path, std::string state) EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (states_.size() >= kMax) states_.clear();  // then they are read again
    states_[path] = std::move(state);
  }

 private:
  static constexpr size_t kMax = 100'000;
  mutable Mutex mutex_;
  std::map<std::string, std::string> states_ GUARDED_BY(mutex_);
};

}  // namespace koeval::hub
