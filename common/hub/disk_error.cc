// errno -> Status.
#include "common/hub/disk_error.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

namespace koeval::hub {

Status DiskError(int error, std::string_view doing, const std::string& path) {
  std::string text = fmt::format("cannot {} {}: {}", doing, path, std::strerror(error));
  if (error == ENOSPC || error == EDQUOT || error == EFBIG) {
    return ResourceExhausted(text + "; make room for the model cache");
  }
  if (error == ENOENT || error == ENOTDIR || error == EACCES || error == EPERM || error == EROFS) {
    return FailedPrecondition(text + "; check the model cache and its permissions");
  }
  return Unavailable(std::move(text));
}

Status OfCache(const Status& status) {
  if (status.code() != Code::kNotFound && status.code() != Code::kPermissionDenied) return status;
  return FailedPrecondition(status.message() + "; check the model cache and its permissions");
}

Status MakeFolders(const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? DiskError(error.value(), "create", folder) : OkStatus();
}

}  // namespace koeval::hub
