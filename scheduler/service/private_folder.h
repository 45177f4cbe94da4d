// Folders of the state directory that only the scheduler's own user may enter.
#pragma once

#include <filesystem>

#include "common/base/status.h"

namespace koeval::service {

// Makes `path`, and the folders above it that are missing; then its mode is 0700, whatever it was.
// PERMISSION_DENIED names the path and the remedy.
Status MakePrivateFolder(const std::filesystem::path& path);

}  // namespace koeval::service
