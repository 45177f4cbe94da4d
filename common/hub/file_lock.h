// Locks between processes, by flock: held by an open file, gone with the process.
#pragma once

#include <memory>
#include <string>

#include "common/base/cancel.h"
#include "common/base/status.h"

namespace koeval::hub {

// Held until destroyed; two objects of one process exclude each other like two processes. The file
// stays, empty.
class FileLock {
 public:
  enum class Mode { kShared, kExclusive };

  // Waits for the lock on `path`, whose folder is made when it is not there. CANCELLED.
  static Result<std::unique_ptr<FileLock>> Take(const std::string& path, Mode mode,
                                                const Cancel& cancel);
  // nullptr when somebody holds it.
  static Result<std::unique_ptr<FileLock>> Try(const std::string& path, Mode mode);

  // Waits for a shared lock on the file `path`, which is there and is not written. CANCELLED.
  static Result<std::unique_ptr<FileLock>> TakeThere(const std::string& path, const Cancel& cancel);

  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Sets the file's time of change to now.
  void Touch() const;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  static Result<std::unique_ptr<FileLock>> TryOpen(const std::string& path, int flags, Mode mode);
  const int fd_;
};

}  // namespace koeval::hub
