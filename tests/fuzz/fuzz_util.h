// What several fuzz targets need: inputs of several parts, and a folder to write them to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace koeval::fuzz {

// The first `count` parts of `input`, separated by lines "===="; parts that are missing are empty.
std::vector<std::string_view> SplitParts(std::string_view input, size_t count);

// A refusal must say something: aborts when `status` is an error without a message, whose message
// is no UTF-8, or that only a bug gives (INTERNAL, UNKNOWN). An OK status is fine.
void CheckClearStatus(const Status& status);

// A folder of this process under TMPDIR, removed when the object goes.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::string& path() const { return path_; }
  // Not synced: a fuzzer writes thousands a second.
  void Write(std::string_view name, std::string_view bytes) const;

 private:
  std::string path_;
};

}  // namespace koeval::fuzz
