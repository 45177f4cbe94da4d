// flock(2) on a small file.
#include "scheduler/store/file_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/file.h"

namespace koeval::store {

Result<std::unique_ptr<FileLock>> FileLock::Take(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return PermissionDenied(
        fmt::format("cannot open {}: {}; the folder must exist and be writable "
                    "by this user",
                    path, std::strerror(errno)));
  }
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd);
    constexpr size_t kPidBytesMax = 64;
    const auto owner = ReadFile(path, kPidBytesMax);
    return FailedPrecondition(fmt::format(
        "{} is held by process {}: another scheduler uses this database; stop it, or give this one "
        "a database of its own",
        path, owner.ok() && !owner->empty() ? *owner : "unknown"));
  }
  const std::string pid = fmt::format("{}", ::getpid());
  if (::ftruncate(fd, 0) != 0 ||
      ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    ::close(fd);
    return ResourceExhausted("cannot write " + path + ": is the disk full?");
  }
  return std::unique_ptr<FileLock>(new FileLock(fd));
}

FileLock::~FileLock() {
  ::close(fd_);
}

}  // namespace koeval::store
