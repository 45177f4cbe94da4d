// Looking at a cache without touching it.
#include "common/hub/read_only_cache.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include "common/base/fd.h"
#include "common/base/file.h"
#include "common/hub/blob_store.h"
#include "common/hub/disk_error.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;

// `path`, or the nearest folder above it that is there, can be written.
bool CanWrite(fs::path path) {
  for (; path.has_relative_path(); path = path.parent_path()) {
    if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0) return true;
    if (errno != ENOENT) return false;
  }
  return false;
}

Status Unusable(const CacheLayout& layout, const RepositoryInfo& info, const std::string& path,
                const std::string& what) {
  return FailedPrecondition(fmt::format(
      "{}: {} {} the model cache {}, which cannot be written; complete {} there at commit {}, or "
      "name a cache that can be written",
      info.id, path, what, layout.root(), info.id, info.commit));
}

}  // namespace

bool IsWritable(const CacheLayout& layout, const std::string& name) {
  return CanWrite(layout.Use(name));
}

Result<std::unique_ptr<FileLock>> TakeUseIfThere(const CacheLayout& layout, const std::string& name,
                                                 const Cancel& cancel) {
  const std::string path = layout.Use(name);
  if (::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) != 0) {
    return std::unique_ptr<FileLock>();
  }
  auto lock = FileLock::TakeThere(path, cancel);
  RETURN_IF_ERROR(cancel.status());
  if (!lock.ok()) return std::unique_ptr<FileLock>();  // a file system without locks
  return lock;
}

Status CheckSnapshot(const CacheLayout& layout, const std::string& name, const std::string& dir,
                     const RepositoryInfo& info, const std::vector<std::string>& paths,
                     VerifiedFiles& verified, const Cancel& cancel) {
  const std::set<std::string> chosen(paths.begin(), paths.end());
  for (const RepositoryFile& file : info.files) {
    if (!chosen.contains(file.path)) continue;
    const std::string path = dir + "/" + file.path;
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!fd.open() && (errno == ENOENT || errno == ENOTDIR)) {
      return Unusable(layout, info, file.path, "is not in");
    }
    if (!fd.open() || ::fstat(fd.get(), &status) != 0) return DiskError(errno, "open", path);
    if (status.st_size != file.size) return Unusable(layout, info, file.path, "is not whole in");
    const std::string state = StateOf(status);
    if (verified.Has(path, state) || IsMarkedVerified(layout, name, file, status)) continue;
    FileDigest digest(file.is_lfs, file.size);
    RETURN_IF_ERROR(AddFile(fd.get(), file.size, path, digest, cancel));
    if (digest.FinishHex() != file.digest) {
      return Unusable(layout, info, file.path, "is damaged in");
    }
    verified.Add(path, state);
  }
  return OkStatus();
}

}  // namespace koeval::hub
