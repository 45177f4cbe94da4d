// Locks of the model cache.
#pragma once

#include <memory>
#include <string>

#include "common/base/cancel.h"
#include "common/base/file_lock.h"
#include "common/base/status.h"

namespace koeval::hub {

// FileLock::Take and FileLock::Try on a file of the cache whose folder is made where there is none;
// errors speak of the cache (disk_error.h).
Result<std::unique_ptr<FileLock>> TakeLock(const std::string& path, FileLock::Mode mode,
                                           const Cancel& cancel);
Result<std::unique_ptr<FileLock>> TryLock(const std::string& path, FileLock::Mode mode);

}  // namespace koeval::hub
