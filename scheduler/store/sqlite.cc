// Calls into SQLite and their result codes.
#include "scheduler/store/sqlite.h"

#include <fmt/core.h>

namespace koeval::store {

Status SqliteStatus(int code, std::string_view message, const std::string& path) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss(fmt::format(
          "{} is damaged ({}); keep the file for examination and start with a backup of it", path,
          message));
    case SQLITE_FULL:
      return ResourceExhausted(
          fmt::format("the disk of {} is full; free space and start again", path));
    case SQLITE_CONSTRAINT:
      return AlreadyExists(fmt::format("{}: {}", path, message));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return PermissionDenied(fmt::format(
          "cannot use {} ({}); the folder must exist and be writable by this user", path, message));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Unavailable(fmt::format("{} is busy ({})", path, message));
    default:
      return Internal(fmt::format("{}: {} (SQLite code {})", path, message, code));
  }
}

Statement::~Statement() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Statement& Statement::Bind(int64_t value) {
  KOEVAL_CHECK(sqlite3_bind_int64(statement_, ++bound_, value) == SQLITE_OK, "bind");
  return *this;
}

Statement& Statement::Bind(double value) {
  KOEVAL_CHECK(sqlite3_bind_double(statement_, ++bound_, value) == SQLITE_OK, "bind");
  return *this;
}

Statement& Statement::Bind(std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  KOEVAL_CHECK(sqlite3_bind_text64(statement_, ++bound_, data, text.size(), SQLITE_STATIC,
                                   SQLITE_UTF8) == SQLITE_OK,
               "bind");
  return *this;
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteStatus(code, sqlite3_errmsg(sqlite3_db_handle(statement_)), path_);
}

Status Statement::Run() {
  ASSIGN_OR_RETURN(const bool row, Step());
  KOEVAL_CHECK(!row, "a statement without results gave a row");
  return OkStatus();
}

std::string Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const int length = sqlite3_column_bytes(statement_, column);
  return text == nullptr ? "" : std::string(text, static_cast<size_t>(length));
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, int flags) {
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
  std::unique_ptr<Database> database(new Database(handle, path));
  if (code != SQLITE_OK) {
    return SqliteStatus(code, handle == nullptr ? "out of memory" : sqlite3_errmsg(handle), path);
  }
  sqlite3_extended_result_codes(handle, 1);
  constexpr int kBusyMs = 5'000;
  sqlite3_busy_timeout(handle, kBusyMs);
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? OkStatus() : SqliteStatus(code, sqlite3_errmsg(handle_), path_);
}

Statement Database::Prepare(const char* sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr) {
    const int code =
        sqlite3_prepare_v3(handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    KOEVAL_CHECK(code == SQLITE_OK, sqlite3_errmsg(handle_));
  }
  return Statement(statement, path_);
}

Result<std::string> Database::Query(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  const int code = sqlite3_prepare_v2(handle_, sql, -1, &raw, nullptr);
  if (code != SQLITE_OK) return SqliteStatus(code, sqlite3_errmsg(handle_), path_);
  const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> owned(raw, sqlite3_finalize);
  Statement statement(raw, path_);
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Text(0) : "";
}

}  // namespace koeval::store
