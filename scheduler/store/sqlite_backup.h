// A copy of a database in use.
#pragma once

#include <string>

#include "common/base/status.h"

namespace koeval::store {

// Copies the database `from` to the new file `to` as of one moment; what is committed meanwhile is
// not in it. The copy is on disk, private to its owner, and complete or not there. ALREADY_EXISTS
// when `to` is there. `vfs` as in Database::Open. Any thread.
Status BackupDatabase(const std::string& from, const std::string& to, const std::string& vfs);

}  // namespace koeval::store
