// The digests by which a hub names the bytes of a file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/hub/repository.h"

namespace koeval::hub {

// Piece by piece: SHA-256 for an LFS file, else SHA-1 over "blob SIZE\0" and the bytes, as git
// names a blob.
class FileDigest {
 public:
  FileDigest(bool is_lfs, int64_t size);
  ~FileDigest();
  FileDigest(const FileDigest&) = delete;
  FileDigest& operator=(const FileDigest&) = delete;

  void Add(std::string_view bytes);
  // Lower-case hexadecimal; once.
  std::string FinishHex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string DigestOf(bool is_lfs, std::string_view bytes);
// DATA_LOSS, naming `where`, unless `bytes` have size and digest of `file`.
Status CheckBytes(const RepositoryFile& file, std::string_view bytes, std::string_view where);

}  // namespace koeval::hub
