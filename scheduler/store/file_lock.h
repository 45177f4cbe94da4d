// One process at a time: a lock file that holds the pid of its owner.
#pragma once

#include <memory>
#include <string>

#include "common/base/status.h"

namespace koeval::store {

// Held while it lives; the kernel releases it when the process ends, however it ends.
class FileLock {
 public:
  // FAILED_PRECONDITION names the file and the owner's pid when another process holds it.
  static Result<std::unique_ptr<FileLock>> Take(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace koeval::store
