// The blobs of one repository in the cache: there with their digest, or downloaded.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/cancel.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/hub/cache_layout.h"
#include "common/hub/hub_client.h"
#include "common/hub/repository.h"

namespace koeval::hub {

// Downloads that go on at once try again one after the other: a hub that is down is asked about as
// often as by a single download. Thread-safe.
class RetryTurn {
 public:
  // Waits for the turn; false when `cancel` was asked before.
  bool Take(const Cancel& cancel) EXCLUDES(mutex_);
  void GiveBack() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_taken_ GUARDED_BY(mutex_) = false;
};

// A mark of the cache says that the blob of `file` in the state `info` has its digest.
bool IsMarkedVerified(const CacheLayout& layout, const std::string& name,
                      const RepositoryFile& file, const struct stat& info);

// One user of it holds the repository's lock of use meanwhile. Thread-safe, where no two threads
// are at files of one digest.
class BlobStore {
 public:
  struct Place {
    RepositoryKind kind = RepositoryKind::kModel;
    std::string id, commit;
  };
  // Called with the bytes that each step added.
  using OnBytes = std::function<void(int64_t)>;

  BlobStore(const CacheLayout& layout, const HubClient* client, Place place);

  // The blob of `file` is there and has its digest. One that has another is removed. Bytes are read
  // once: afterwards the file's size, times and inode stand for them.
  Result<bool> Has(const RepositoryFile& file, const Cancel& cancel) const;
  // Bytes of disk that downloading `file` will take beyond what its broken download has.
  int64_t Need(const RepositoryFile& file) const;
  // Takes the disk space of `file`, where the file system can. RESOURCE_EXHAUSTED.
  Status Reserve(const RepositoryFile& file) const;
  // Downloads `file`, going on where a broken download ended, unless another process does; then
  // waits for that. Synced and verified before it gets its name. Each try after the first waits for
  // `turn` and keeps it until a byte has come.
  Status Download(const RepositoryFile& file, const OnBytes& on_bytes, RetryTurn& turn,
                  const Cancel& cancel) const;
  // Removes what Reserve and broken downloads of `file` left, unless somebody is at it.
  void Drop(const RepositoryFile& file) const;

 private:
  Status DownloadOnce(const RepositoryFile& file, bool fresh, const OnBytes& on_bytes,
                      RetryTurn& turn, const Cancel& cancel) const;
  Status Publish(const RepositoryFile& file, const Cancel& cancel) const;

  const CacheLayout& layout_;
  const HubClient* const client_;  // nullptr when offline
  const Place place_;
  const std::string name_;
};

}  // namespace koeval::hub
