// Where everything lies in the cache: as the hub's own library lays it out, and beside it what this
// project adds.
//
//   models--ORG--NAME/blobs/DIGEST              bytes, by the digest that names them
//   models--ORG--NAME/blobs/DIGEST.incomplete   a download that broke or goes on
//   models--ORG--NAME/snapshots/COMMIT/PATH     symbolic links to ../../blobs/DIGEST
//   models--ORG--NAME/refs/REVISION             the commit of a branch or tag
//   .locks/models--ORG--NAME/DIGEST.lock        held while a blob is made (the library's too)
//   .locks/koeval/cache.lock                    held while room is made
//   .locks/koeval/use/models--ORG--NAME         held (shared) by users; its time is the last use
//   .locks/koeval/info/models--ORG--NAME/COMMIT what the hub said about a commit
//   .locks/koeval/verified/models--ORG--NAME/DIGEST   which state of a blob had its digest
//   .locks/koeval/trash/...                     repositories on their way out
// Datasets lie under datasets--ORG--NAME.
#pragma once

#include <string>

#include "common/hub/repository.h"

namespace koeval::hub {

class CacheLayout {
 public:
  explicit CacheLayout(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  // "models--ORG--NAME". REQUIRES: a sound id.
  static std::string FolderName(RepositoryKind kind, const std::string& id);
  static bool IsFolderName(std::string_view name);

  std::string Folder(const std::string& name) const { return root_ + "/" + name; }
  std::string Blobs(const std::string& name) const { return Folder(name) + "/blobs"; }
  std::string Blob(const std::string& name, const std::string& digest) const {
    return Blobs(name) + "/" + digest;
  }
  std::string Incomplete(const std::string& name, const std::string& digest) const {
    return Blob(name, digest) + ".incomplete";
  }
  std::string Snapshot(const std::string& name, const std::string& commit) const {
    return Folder(name) + "/snapshots/" + commit;
  }
  std::string Ref(const std::string& name, const std::string& revision) const {
    return Folder(name) + "/refs/" + revision;
  }
  std::string BlobLock(const std::string& name, const std::string& digest) const {
    return root_ + "/.locks/" + name + "/" + digest + ".lock";
  }
  std::string RoomLock() const { return Own("cache.lock"); }
  std::string UseFolder() const { return Own("use"); }
  std::string Use(const std::string& name) const { return UseFolder() + "/" + name; }
  std::string Infos(const std::string& name) const { return Own("info/") + name; }
  std::string Info(const std::string& name, const std::string& commit) const {
    return Infos(name) + "/" + commit;
  }
  std::string AllVerified(const std::string& name) const { return Own("verified/") + name; }
  std::string Verified(const std::string& name, const std::string& digest) const {
    return AllVerified(name) + "/" + digest;
  }
  std::string Trash() const { return Own("trash"); }

 private:
  std::string Own(const std::string& what) const { return root_ + "/.locks/koeval/" + what; }

  std::string root_;
};

}  // namespace koeval::hub
