// Files: bounded reads, mapped reads, and writes that are whole or not there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/status.h"

namespace koeval {

// The whole file. NOT_FOUND, PERMISSION_DENIED, RESOURCE_EXHAUSTED over `bytes_max`, or UNAVAILABLE
// for other errors; each names the path.
Result<std::string> ReadFile(const std::string& path, size_t bytes_max = size_t{1} << 30);

// Replaces `path` with `bytes`: written beside it, synced, renamed, folder synced. A crash leaves
// the old file or the new one. RESOURCE_EXHAUSTED when the disk is full.
Status WriteFileAtomically(const std::string& path, std::string_view bytes, uint32_t mode = 0644);

// A file that is written piece by piece and is there whole or not at all, as above. Without a
// Commit() that succeeded nothing is left. One thread.
class AtomicFile {
 public:
  static Result<std::unique_ptr<AtomicFile>> Create(const std::string& path, uint32_t mode = 0644);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status Append(std::string_view bytes);
  // Synced, renamed to its path, folder synced. Once, after the last Append.
  Status Commit();

 private:
  AtomicFile(std::string path, std::string beside, int fd);

  const std::string path_, beside_;
  int fd_;
};

// Makes the entries of the folder that holds `path` durable.
Status SyncFolderOf(const std::string& path);

// A read-only memory map of a whole file; unmapped when destroyed. Movable by pointer only.
class MappedFile {
 public:
  static Result<std::unique_ptr<MappedFile>> Open(const std::string& path);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  std::string_view bytes() const { return {data_, size_}; }

 private:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}
  const char* data_;
  size_t size_;
};

}  // namespace koeval
