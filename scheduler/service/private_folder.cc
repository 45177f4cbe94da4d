// Folders for one user.
#include "scheduler/service/private_folder.h"

#include <fmt/core.h>
#include <sys/stat.h>

namespace koeval::service {

Status MakePrivateFolder(const std::filesystem::path& path) {
  constexpr mode_t kOwnerOnly = 0700;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return PermissionDenied(
        fmt::format("cannot create {}: {}; set state_dir to a folder that this "
                    "user may write",
                    path.string(), error.message()));
  }
  if (::chmod(path.c_str(), kOwnerOnly) != 0) {
    return PermissionDenied(fmt::format("cannot make {} private", path.string()));
  }
  return OkStatus();
}

}  // namespace koeval::service
