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

  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

  // Sets the file's time of change to now.
  void Touch() const;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace koeval::hub
