// Changes to a database behind the store's back, for tests of damage.
#pragma once

#include <string>

namespace koeval::store {

// Runs `sql` on the closed database at `path`; aborts when it fails.
void RunSql(const std::string& path, const std::string& sql);
// The first value of `sql`.
std::string AskSql(const std::string& path, const std::string& sql);

}  // namespace koeval::store
