// The tables of the queue, their version, and the way from older versions.
#pragma once

#include "common/base/status.h"
#include "scheduler/store/sqlite.h"

namespace koeval::store {

inline constexpr int kSchemaVersion = 1;

// Creates the tables of a new database, or upgrades an older one, in one transaction.
// FAILED_PRECONDITION for a newer version, DATA_LOSS for a database that is not ours.
Status EnsureSchema(Database& database);

}  // namespace koeval::store
