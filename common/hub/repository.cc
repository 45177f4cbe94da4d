// Parts that every kind of repository shares.
#include "common/hub/repository.h"

#include <fmt/core.h>

#include <algorithm>

namespace koeval::hub {

const RepositoryFile* Repository::Find(std::string_view path) const {
  const auto& files = info().files;
  const auto at = std::lower_bound(
      files.begin(), files.end(), path,
      [](const RepositoryFile& file, std::string_view wanted) { return file.path < wanted; });
  return at != files.end() && at->path == path ? &*at : nullptr;
}

Result<const RepositoryFile*> Repository::FindFor(const std::string& path) const {
  RETURN_IF_ERROR(CheckFilePath(path));
  const RepositoryFile* file = Find(path);
  if (file == nullptr) return NotFound(fmt::format("{} has no file {}", info().id, path));
  return file;
}

Result<const RepositoryFile*> Repository::FindRange(const std::string& path, uint64_t offset,
                                                    uint64_t length) const {
  ASSIGN_OR_RETURN(const RepositoryFile* file, FindFor(path));
  const auto size = static_cast<uint64_t>(file->size);
  if (length > kRangeBytesMax || offset > size || length > size - offset) {
    return OutOfRange(
        fmt::format("{}: {} bytes from byte {} were asked of {}, which has {} bytes; at most {} "
                    "are read at once",
                    info().id, length, offset, path, size, kRangeBytesMax));
  }
  return file;
}

Ending EndingOf(const Status& status) {
  switch (status.code()) {
    case Code::kOk:
      return Ending::kFinished;
    case Code::kNotFound:
    case Code::kInvalidArgument:
      return Ending::kModelNotFound;
    case Code::kPermissionDenied:
    case Code::kUnauthenticated:
      return Ending::kModelGated;
    case Code::kResourceExhausted:
      return Ending::kDiskFull;
    case Code::kAborted:
    case Code::kUnavailable:
    case Code::kDeadlineExceeded:
    case Code::kDataLoss:
    case Code::kFailedPrecondition:
      return Ending::kHubUnavailable;
    case Code::kCancelled:
      return Ending::kHandedBack;
    case Code::kOutOfRange:
      return Ending::kBadCheckpoint;
    default:
      return Ending::kInternal;
  }
}

}  // namespace koeval::hub
