// Connections that last for one statement.
#include "tests/scheduler/store/raw_sql.h"

#include "scheduler/store/sqlite.h"

namespace koeval::store {
namespace {

std::unique_ptr<Database> OpenRaw(const std::string& path) {
  auto database = Database::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  KOEVAL_CHECK(database.ok(), database.status().message().c_str());
  return *std::move(database);
}

}  // namespace

void RunSql(const std::string& path, const std::string& sql) {
  const Status status = OpenRaw(path)->Execute(sql);
  KOEVAL_CHECK(status.ok(), status.message().c_str());
}

std::string AskSql(const std::string& path, const std::string& sql) {
  const auto value = OpenRaw(path)->Query(sql);
  KOEVAL_CHECK(value.ok(), value.status().message().c_str());
  return *value;
}

}  // namespace koeval::store
