// The mode is looked at before the bytes.
#include "common/base/private_file.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include "common/base/file.h"

namespace koeval {

Result<std::string> ReadPrivateFile(const std::string& path, size_t bytes_max) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return FailedPrecondition(
        fmt::format("{} can be read by group or others; run chmod 600 {}", path, path));
  }
  return ReadFile(path, bytes_max);
}

}  // namespace koeval
