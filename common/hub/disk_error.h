// Errors of the file system as a Status: a full disk is told from the rest.
#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"

namespace koeval::hub {

// RESOURCE_EXHAUSTED for a full disk, quota or file-size limit; NOT_FOUND and PERMISSION_DENIED
// become FAILED_PRECONDITION, since here they speak of the cache and not of the repository.
Status DiskError(int error, std::string_view doing, const std::string& path);

// The same for a Status of common/base/file.h about a file of the cache.
Status OfCache(const Status& status);

// `folder` and those above it are there.
Status MakeFolders(const std::string& folder);

}  // namespace koeval::hub
