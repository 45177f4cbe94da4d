// Files that hold a secret.
#pragma once

#include <string>

#include "common/base/status.h"

namespace koeval {

// The file's bytes. FAILED_PRECONDITION, with the remedy, when group or others can read it;
// otherwise as ReadFile.
Result<std::string> ReadPrivateFile(const std::string& path, size_t bytes_max);

}  // namespace koeval
