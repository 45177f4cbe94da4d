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
