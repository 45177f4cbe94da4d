// A repository in memory, with the digests that a hub would state.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "common/base/sha256.h"
#include "common/hub/repository.h"

namespace koeval::hub {

using RepositoryFiles = std::map<std::string, std::string>;  // path -> bytes

class MemoryRepository final : public Repository {
 public:
  MemoryRepository(std::string id, RepositoryFiles files) : files_(std::move(files)) {
    info_.id = std::move(id);
    Sha256 sum;
    for (const auto& [path, bytes] : files_) {
      info_.files.push_back(
          {path, static_cast<int64_t>(bytes.size()), Sha256Hex(bytes), /*is_lfs=*/true});
      sum.Add(path + info_.files.back().digest);
    }
    info_.commit = sum.FinishHex().substr(0, 40);
  }

  const RepositoryInfo& info() const override { return info_; }
  RepositoryInfo& info() { return info_; }

  Result<std::string> ReadFile(const std::string& path, size_t bytes_max) const override {
    ASSIGN_OR_RETURN(const RepositoryFile* file, FindFor(path));
    if (static_cast<size_t>(file->size) > bytes_max) return OutOfRange(path + " is too long");
    return files_.at(path);
  }
  Result<std::string> ReadRange(const std::string& path, uint64_t offset,
                                uint64_t length) const override {
    RETURN_IF_ERROR(FindRange(path, offset, length).status());
    return files_.at(path).substr(offset, length);
  }

 private:
  RepositoryInfo info_;
  const RepositoryFiles files_;
};

}  // namespace koeval::hub
