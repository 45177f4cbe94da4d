// What the core needs after a restart, read from the database.
#pragma once

#include <cstdint>

#include "common/base/status.h"
#include "scheduler/core/records.h"
#include "scheduler/store/sqlite.h"

namespace koeval::store {

// A database with more unreadable rows is damaged, and not to be worked on.
inline constexpr int64_t kQuarantinedMax = 1000;

// Reads the live state. A request, lease or open attempt that cannot be decoded is moved to the
// table quarantine, with its reason and everything that belongs to it, so that the scheduler starts
// without it. DATA_LOSS for damage beyond that: a named value, whose loss could hand out a fence
// twice, or more than kQuarantinedMax rows. Writer thread only.
Result<core::Snapshot> LoadSnapshot(Database& database);

// Rows in the table quarantine.
Result<int64_t> CountQuarantined(Database& database);

}  // namespace koeval::store
