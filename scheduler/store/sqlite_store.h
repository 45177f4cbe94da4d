// The SQLite store with what tests vary.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "common/base/status.h"
#include "scheduler/store/job_store.h"
#include "scheduler/store/schema.h"

namespace koeval::store {

struct SqliteOptions {
  std::string vfs;  // name of a registered VFS, "" for SQLite's own
  std::span<const Migration> migrations = Migrations();
};

// As OpenSqliteStore(path).
Result<std::unique_ptr<JobStore>> OpenSqliteStore(const std::string& path,
                                                  const SqliteOptions& options);

}  // namespace koeval::store
