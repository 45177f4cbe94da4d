// One safetensors file: header checked as strictly as the reference implementation checks it, data
// memory-mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/file.h"
#include "common/base/status.h"

namespace koeval::model {

struct TensorInfo {
  std::string name;
  std::string dtype;  // as the file writes it: "F32", "BF16", ...
  std::vector<int64_t> shape;
  uint64_t begin = 0;  // byte offsets from the start of the file
  uint64_t end = 0;
};

// Tensors in the order of their data. `file_size` is that of the whole file, `start` its first
// bytes, at least up to the end of the header. `where` names the file in messages.
// INVALID_ARGUMENT "BAD_CHECKPOINT: ..." for a header over its bound or longer than the file, that
// is no JSON object of the format or has duplicate keys; for an unknown dtype, sizes that overflow
// or disagree with the shape; for holes, overlaps or bytes after the last tensor.
Result<std::vector<TensorInfo>> ParseSafetensorsHeader(std::string_view start, uint64_t file_size,
                                                       const std::string& where);

// Bits of one element, 0 for an unknown name.
int DtypeBits(std::string_view dtype);

// Immutable after Open; the mapped bytes live as long as the object.
class SafetensorsFile {
 public:
  // Errors of MappedFile::Open and of ParseSafetensorsHeader.
  static Result<std::shared_ptr<const SafetensorsFile>> Open(const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }
  // The bytes of `info`, a tensor of this file; aligned to nothing.
  std::string_view Bytes(const TensorInfo& info) const {
    return map_->bytes().substr(info.begin, info.end - info.begin);
  }

 private:
  SafetensorsFile() = default;
  std::string path_;
  std::unique_ptr<MappedFile> map_;
  std::vector<TensorInfo> tensors_;
};

}  // namespace koeval::model
