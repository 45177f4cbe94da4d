// Locks between processes, by flock(2): held by an open file, gone with the process.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/base/cancel.h"
#include "common/base/fd.h"
#include "common/base/status.h"

namespace koeval {

// Held until destroyed; two objects of one process exclude each other like two processes. The file
// stays. Errors name the path, with the codes of posix_file.h.
class FileLock {
 public:
  enum class Mode { kShared, kExclusive };

  // The lock on `path`, a file that is made with `file_mode` where there is none; nullptr when
  // somebody holds it. Never waits.
  static Result<std::unique_ptr<FileLock>> Try(const std::string& path, Mode mode,
                                               uint32_t file_mode = 0644);
  // Waits for it, polling. CANCELLED.
  static Result<std::unique_ptr<FileLock>> Take(const std::string& path, Mode mode,
                                                const Cancel& cancel);
  // Waits for a shared lock on the file `path`, which is there and is not written. CANCELLED.
  static Result<std::unique_ptr<FileLock>> TakeThere(const std::string& path, const Cancel& cancel);

  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Sets the file's time of change to now.
  void Touch() const;
  // Makes the file hold `text`, for people who wonder who has the lock. Not synced.
  Status Write(std::string_view text) const;

 private:
  static Result<std::unique_ptr<FileLock>> TryOpen(const std::string& path, int flags, Mode mode,
                                                   uint32_t file_mode);
  FileLock(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  const Fd fd_;
  const std::string path_;
};

}  // namespace koeval
