// Queries over a read-only connection.
#pragma once

#include <memory>
#include <string>

#include "common/base/status.h"
#include "scheduler/store/job_store.h"

namespace koeval::store {

// A connection of its own that cannot write or checkpoint. `vfs` as in Database::Open. Any thread.
Result<std::unique_ptr<Reader>> OpenSqliteReader(const std::string& path, const std::string& vfs);

}  // namespace koeval::store
