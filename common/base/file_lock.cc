// flock, polled, so that a wait can be given up.
#include "common/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/base/posix_file.h"

namespace koeval {
namespace {

constexpr int64_t kPollMs = 100;

// Tries until the lock is had.
template <typename TryOnce>
Result<std::unique_ptr<FileLock>> Wait(const Cancel& cancel, const TryOnce& try_once) {
  for (;;) {
    RETURN_IF_ERROR(cancel.status());
    ASSIGN_OR_RETURN(auto lock, try_once());
    if (lock != nullptr) return lock;
    cancel.WaitFor(kPollMs);
  }
}

}  // namespace

Result<std::unique_ptr<FileLock>> FileLock::Try(const std::string& path, Mode mode,
                                                uint32_t file_mode) {
  return TryOpen(path, O_RDWR | O_CREAT, mode, file_mode);
}

Result<std::unique_ptr<FileLock>> FileLock::TryOpen(const std::string& path, int flags, Mode mode,
                                                    uint32_t file_mode) {
  Fd fd(::open(path.c_str(), flags | O_CLOEXEC, file_mode));
  if (!fd.open()) return ErrnoStatus(errno, "open", path);
  const int kind = mode == Mode::kShared ? LOCK_SH : LOCK_EX;
  int done = 0;
  do {
    done = ::flock(fd.get(), kind | LOCK_NB);
  } while (done != 0 && errno == EINTR);
  if (done == 0) return std::unique_ptr<FileLock>(new FileLock(std::move(fd), path));
  if (errno == EWOULDBLOCK) return std::unique_ptr<FileLock>();
  return ErrnoStatus(errno, "lock", path);
}

Result<std::unique_ptr<FileLock>> FileLock::Take(const std::string& path, Mode mode,
                                                 const Cancel& cancel) {
  return Wait(cancel, [&] { return Try(path, mode); });
}

Result<std::unique_ptr<FileLock>> FileLock::TakeThere(const std::string& path,
                                                      const Cancel& cancel) {
  return Wait(cancel, [&path] { return TryOpen(path, O_RDONLY, Mode::kShared, 0); });
}

void FileLock::Touch() const {
  ::futimens(fd_.get(), nullptr);
}

Status FileLock::Write(std::string_view text) const {
  if (::ftruncate(fd_.get(), 0) != 0) return ErrnoStatus(errno, "empty", path_);
  const ssize_t written = ::pwrite(fd_.get(), text.data(), text.size(), 0);
  if (written < 0) return ErrnoStatus(errno, "write", path_);
  if (static_cast<size_t>(written) == text.size()) return OkStatus();
  return ErrnoStatus(ENOSPC, "write", path_);
}

}  // namespace koeval
