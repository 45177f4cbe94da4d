// What the POSIX calls about files leave to the caller: errors as a Status, writes to the end.
#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"

namespace koeval {

// "cannot <doing> <path>: <text of errno>". NOT_FOUND, PERMISSION_DENIED (a read-only file system
// too), RESOURCE_EXHAUSTED for a full disk, quota or file-size limit, UNAVAILABLE for the rest.
Status ErrnoStatus(int error, std::string_view doing, const std::string& path);

// Writes all of `bytes` to `fd`, interrupted or not; `path` is for the error.
Status WriteAll(int fd, std::string_view bytes, const std::string& path);

}  // namespace koeval
