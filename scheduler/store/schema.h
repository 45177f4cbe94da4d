// The tables of the queue, their version, and the way from older versions.
#pragma once

#include <span>
#include <string_view>

#include "common/base/status.h"
#include "scheduler/store/sqlite.h"

namespace koeval::store {

// The SQL that makes version n of version n - 1; the first makes the tables of a new database.
using Migration = std::string_view;

// Entry i makes version i + 1. Entries are never changed after a release, only added.
std::span<const Migration> Migrations();

// Creates the tables of a new database, or upgrades an older one, in one transaction.
// FAILED_PRECONDITION for a newer version or a database of another program. Writer thread only.
Status EnsureSchema(Database& database, std::span<const Migration> migrations);

}  // namespace koeval::store
