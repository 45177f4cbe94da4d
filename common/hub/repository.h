// One revision of a model or dataset repository: what it is, its files, and their bytes. The same
// for a plain directory, for the hub and for the node's cache.
//
// Codes of all calls here and of the hub (EndingOf says what they mean for an attempt):
//   NOT_FOUND            no such repository, revision or file
//   PERMISSION_DENIED    gated or private: the token (or its absence) does not open it
//   UNAUTHENTICATED      the hub does not know the token
//   INVALID_ARGUMENT     a name, revision or path that cannot be one
//   OUT_OF_RANGE         a file longer than the caller's bound, or a range that the file lacks
//   UNAVAILABLE          the hub cannot be reached, is slow, limits the rate, or answers nonsense
//   ABORTED              the repository changed between two requests
//   DATA_LOSS            bytes that do not have the digest that the repository states
//   RESOURCE_EXHAUSTED   the disk or the cache's bound is full
//   FAILED_PRECONDITION  offline, and the cache does not have it
//   CANCELLED            the caller gave up
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endings.h"
#include "common/base/status.h"
#include "common/hub/repository_name.h"

namespace koeval::hub {

inline constexpr size_t kRepositoryFilesMax = 100'000;
inline constexpr uint64_t kRangeBytesMax = uint64_t{128} << 20;  // a safetensors header fits

struct RepositoryFile {
  std::string path;  // sound by CheckFilePath
  int64_t size = 0;  // bytes
  // Lower-case hexadecimal: SHA-256 of the bytes for an LFS file, else git's blob SHA-1; "" where
  // nobody computed it (a plain directory).
  std::string digest;
  bool is_lfs = false;
};

struct RepositoryInfo {
  std::string id;      // ORG/NAME; of a plain directory its path
  std::string commit;  // 40 hexadecimal digits; "" for a plain directory
  bool gated = false, is_private = false, disabled = false;
  int64_t likes = 0;
  // Of the model card's head.
  std::string license, license_name, license_link;
  std::vector<std::string> base_models;
  std::vector<std::string> tags;
  std::string last_modified;          // "2024-08-12T09:30:00.000Z" as the hub writes it, or ""
  std::vector<RepositoryFile> files;  // by path
};

// Immutable; every call from any thread.
class Repository {
 public:
  virtual ~Repository() = default;
  virtual const RepositoryInfo& info() const = 0;
  // The whole of a small file.
  virtual Result<std::string> ReadFile(const std::string& path, size_t bytes_max) const = 0;
  // Exactly `length` bytes from byte `offset`, at most kRangeBytesMax of them.
  virtual Result<std::string> ReadRange(const std::string& path, uint64_t offset,
                                        uint64_t length) const = 0;

  // The entry of `path`, or nullptr.
  const RepositoryFile* Find(std::string_view path) const;

 protected:
  // The entry of `path`; NOT_FOUND, INVALID_ARGUMENT. OUT_OF_RANGE when it lacks the range.
  Result<const RepositoryFile*> FindFor(const std::string& path) const;
  Result<const RepositoryFile*> FindRange(const std::string& path, uint64_t offset,
                                          uint64_t length) const;
};

// A directory as a repository: regular files and links to such below it, but nothing in folders
// whose names begin with '.'. Its model card gives licence, base models and tags (a card that
// cannot be read gives none). Files are listed once; what changes later is an error of the read.
Result<std::unique_ptr<Repository>> OpenDirectory(const std::string& dir);

// What a failed call means for an attempt at a request.
Ending EndingOf(const Status& status);

}  // namespace koeval::hub
