// The node's cache of repositories, laid out as the hub's own library does it (cache_layout.h), so
// that both may share one folder.
//
// What holds at any time, whoever is killed: a blob that has its name is whole and was verified; a
// link in a snapshot leads to a blob; a repository that somebody uses is not removed. Several
// processes and threads may use one cache. One that cannot be written is read (read_only_cache.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/cancel.h"
#include "common/base/status.h"
#include "common/hub/cache_layout.h"
#include "common/hub/cache_lock.h"
#include "common/hub/downloads.h"
#include "common/hub/file_state.h"
#include "common/hub/hub_client.h"
#include "common/hub/repository.h"

namespace koeval::hub {

struct CacheOptions {
  std::string dir;
  int64_t bytes_max = 0;              // of all blobs; 0: as much as the disk holds
  bool offline = false;               // the hub is never asked
  int downloads = kDownloadsDefault;  // files of one Fetch at a time, at most kDownloadsMax
};

// A revision on disk. While it lives, its repository is not removed from the cache.
struct Snapshot {
  std::string dir;  // the folder with the files (as links)
  RepositoryInfo info;
  std::unique_ptr<FileLock> use;  // nullptr in a cache that nobody but others can write
};

// Thread-safe.
class HubCache {
 public:
  // The paths that are wanted of a repository.
  using Choose = std::function<std::vector<std::string>(const RepositoryInfo&)>;
  using OnProgress = std::function<void(const CacheProgress&)>;

  // `client` may be nullptr when offline. FAILED_PRECONDITION when the folder cannot be made.
  static Result<std::unique_ptr<HubCache>> Open(CacheOptions options,
                                                std::shared_ptr<const HubClient> client);

  // The files of `revision` that `choose` names, downloaded where they are not here. A commit that
  // was here before needs no hub; a branch or tag is asked of it unless offline. `on_progress` is
  // called as DownloadAll says. FAILED_PRECONDITION, naming the file and the remedy, for what is
  // missing and cannot be had: offline, or in a cache that cannot be written.
  Result<Snapshot> Fetch(RepositoryKind kind, const std::string& id, const std::string& revision,
                         const Choose& choose, const OnProgress& on_progress,
                         const Cancel& cancel) const;

  const CacheLayout& layout() const { return layout_; }

 private:
  HubCache(CacheOptions options, std::shared_ptr<const HubClient> client);
  Result<RepositoryInfo> Resolve(RepositoryKind kind, const std::string& id,
                                 const std::string& revision, const Cancel& cancel) const;
  Result<RepositoryInfo> ResolveOffline(RepositoryKind kind, const std::string& id,
                                        const std::string& revision) const;
  Result<Snapshot> FetchReadOnly(RepositoryKind kind, const std::string& id,
                                 const std::string& revision, const Choose& choose,
                                 const Cancel& cancel) const;
  Status Remember(const std::string& name, const std::string& revision,
                  const RepositoryInfo& info) const;

  const CacheOptions options_;
  const CacheLayout layout_;
  const std::shared_ptr<const HubClient> client_;
  mutable VerifiedFiles verified_;  // of a cache that cannot be written
};

// The files that an evaluation of a model reads: configuration, tokenizer, chat templates, and of
// the safetensors model.safetensors, else the shards (NAME-00001-of-00002.safetensors), else all.
// None of other formats and, but for chat templates, none in sub-folders.
std::vector<std::string> EvaluationFiles(const RepositoryInfo& info);

}  // namespace koeval::hub
