// Folders and errors of the cache around FileLock.
#include "common/hub/cache_lock.h"

#include <filesystem>
#include <utility>

#include "common/hub/disk_error.h"

namespace koeval::hub {
namespace {

Status MakeFolderOf(const std::string& path) {
  return MakeFolders(std::filesystem::path(path).parent_path().string());
}

Result<std::unique_ptr<FileLock>> LockOfCache(Result<std::unique_ptr<FileLock>> lock) {
  if (lock.ok()) return lock;
  return OfCache(lock.status());
}

}  // namespace

Result<std::unique_ptr<FileLock>> TakeLock(const std::string& path, FileLock::Mode mode,
                                           const Cancel& cancel) {
  RETURN_IF_ERROR(MakeFolderOf(path));
  return LockOfCache(FileLock::Take(path, mode, cancel));
}

Result<std::unique_ptr<FileLock>> TryLock(const std::string& path, FileLock::Mode mode) {
  RETURN_IF_ERROR(MakeFolderOf(path));
  return LockOfCache(FileLock::Try(path, mode));
}

}  // namespace koeval::hub
