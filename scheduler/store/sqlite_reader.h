// Reads of the SQLite store over a connection of their own, which can change nothing.
#pragma once

#include <memory>
#include <string>

#include "common/base/status.h"
#include "scheduler/store/job_store.h"

namespace koeval::store {

// A reader of the database at `path`, which must be in use by a writer of this program.
Result<std::unique_ptr<Reader>> OpenSqliteReader(const std::string& path);

}  // namespace koeval::store
