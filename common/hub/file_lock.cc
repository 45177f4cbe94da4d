// flock, polled, so that a wait can be given up.
#include "common/hub/file_lock.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/hub/disk_error.h"

namespace koeval::hub {
namespace {

constexpr int64_t kPollMs = 100;

}  // namespace

Result<std::unique_ptr<FileLock>> FileLock::Try(const std::string& path, Mode mode) {
  RETURN_IF_ERROR(MakeFolders(std::filesystem::path(path).parent_path().string()));
  return TryOpen(path, O_RDWR | O_CREAT, mode);
}

Result<std::unique_ptr<FileLock>> FileLock::TryOpen(const std::string& path, int flags, Mode mode) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) return DiskError(errno, "open", path);
  const int kind = mode == Mode::kShared ? LOCK_SH : LOCK_EX;
  int done = 0;
  do {
    done = ::flock(fd, kind | LOCK_NB);
  } while (done != 0 && errno == EINTR);
  if (done == 0) return std::unique_ptr<FileLock>(new FileLock(fd));
  const int error = errno;
  ::close(fd);
  if (error == EWOULDBLOCK) return std::unique_ptr<FileLock>();
  return DiskError(error, "lock", path);
}

Result<std::unique_ptr<FileLock>> FileLock::Take(const std::string& path, Mode mode,
                                                 const Cancel& cancel) {
  for (;;) {
    RETURN_IF_ERROR(cancel.status());
    ASSIGN_OR_RETURN(auto lock, Try(path, mode));
    if (lock != nullptr) return lock;
    cancel.WaitFor(kPollMs);
  }
}

Result<std::unique_ptr<FileLock>> FileLock::TakeThere(const std::string& path,
                                                      const Cancel& cancel) {
  for (;;) {
    RETURN_IF_ERROR(cancel.status());
    ASSIGN_OR_RETURN(auto lock, TryOpen(path, O_RDONLY, Mode::kShared));
    if (lock != nullptr) return lock;
    cancel.WaitFor(kPollMs);
  }
}

FileLock::~FileLock() {
  ::close(fd_);
}

void FileLock::Touch() const {
  ::futimens(fd_, nullptr);
}

}  // namespace koeval::hub
