// Reading files for their digests.
#include "common/hub/file_state.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "common/hub/disk_error.h"

namespace koeval::hub {
namespace {

constexpr size_t kReadBytes = 1 << 20;

}  // namespace

std::string StateOf(const struct stat& info) {
  return fmt::format("{} {}.{:09} {}.{:09} {}", info.st_size, info.st_mtim.tv_sec,
                     info.st_mtim.tv_nsec, info.st_ctim.tv_sec, info.st_ctim.tv_nsec, info.st_ino);
}

Status AddFile(int fd, int64_t bytes, const std::string& path, FileDigest& digest,
               const Cancel& cancel) {
  std::string buffer(kReadBytes, '\0');
  for (int64_t at = 0; at < bytes;) {
    RETURN_IF_ERROR(cancel.status());
    const size_t want = std::min(buffer.size(), static_cast<size_t>(bytes - at));
    const ssize_t n = ::pread(fd, buffer.data(), want, at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return DiskError(errno, "read", path);
    if (n == 0) return Aborted(path + " became shorter while it was read");
    digest.Add({buffer.data(), static_cast<size_t>(n)});
    at += n;
  }
  return OkStatus();
}

}  // namespace koeval::hub
