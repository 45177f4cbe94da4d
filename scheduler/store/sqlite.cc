// Calls into SQLite and their result codes.
#include "scheduler/store/sqlite.h"

#include <fmt/core.h>

namespace koeval::store {

Status SqliteStatus(int code, std::string_view message, const std::string& path) {
  switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return DataLoss(fmt::format(
          "{} is damaged ({}); keep the file for an analysis and start with a backup of it, which "
          "`koeval backup` writes below state_dir/backups",
          path, message));
    case SQLITE_FULL:
      return ResourceExhausted(
          fmt::format("the disk of {} is full; free space and start again", path));
    case SQLITE_CONSTRAINT:
      if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY ||
          code == SQLITE_CONSTRAINT_ROWID) {
        return AlreadyExists(fmt::format("{}: {}", path, message));
      }
      return Internal(fmt::format("{}: {}", path, message));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return PermissionDenied(fmt::format(
          "cannot use {} ({}); it and its folder must be writable by this user", path, message));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Unavailable(fmt::format("{} is busy ({}); another program has it open, close that one",
                                     path, message));
    case SQLITE_IOERR:
      return Unavailable(fmt::format(
          "reading or writing {} failed ({}, SQLite code {}); look at the disk and start again",
          path, message, code));
    default:
      return Internal(fmt::format("{}: {} (SQLite code {})", path, message, code));
  }
}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

void Statement::Keep(int code) {
  if (code == SQLITE_OK || !error_.ok()) return;
  error_ = SqliteStatus(code, sqlite3_errstr(code), path_);
}

Statement& Statement::Bind(int64_t value) {
  ++bound_;
  if (error_.ok()) Keep(sqlite3_bind_int64(statement_, bound_, value));
  return *this;
}

Statement& Statement::Bind(double value) {
  ++bound_;
  if (error_.ok()) Keep(sqlite3_bind_double(statement_, bound_, value));
  return *this;
}

Statement& Statement::Bind(std::string_view text) {
  ++bound_;
  const char* data = text.data() == nullptr ? "" : text.data();
  if (error_.ok()) {
    Keep(sqlite3_bind_text64(statement_, bound_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  }
  return *this;
}

Statement& Statement::BindNull() {
  ++bound_;
  if (error_.ok()) Keep(sqlite3_bind_null(statement_, bound_));
  return *this;
}

Result<bool> Statement::Step() {
  RETURN_IF_ERROR(error_);
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

Status Statement::RunAndReset() {
  Status status = Run();
  if (statement_ != nullptr) sqlite3_reset(statement_);
  bound_ = 0;
  return status;
}

std::string_view Statement::View(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  const int length = sqlite3_column_bytes(statement_, column);
  return text == nullptr ? std::string_view() : std::string_view(text, static_cast<size_t>(length));
}

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, int flags,
                                                 const std::string& vfs) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  std::unique_ptr<Database> database(new Database(handle, path));
  if (code != SQLITE_OK) {
    return SqliteStatus(code, handle == nullptr ? "out of memory" : sqlite3_errmsg(handle), path);
  }
  sqlite3_extended_result_codes(handle, 1);
  constexpr int kBusyMs = 5'000;
  sqlite3_busy_timeout(handle, kBusyMs);
  // A damaged or foreign file must not make SQLite run what it holds.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close_v2(handle_);
}

Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? OkStatus() : SqliteStatus(code, sqlite3_errmsg(handle_), path_);
}

Statement Database::Prepare(const std::string& sql) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement != nullptr) return Statement(statement, OkStatus(), path_);
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code == SQLITE_OK) return Statement(statement, OkStatus(), path_);
  return Statement(nullptr, SqliteStatus(code, sqlite3_errmsg(handle_), path_), path_);
}

Result<std::string> Database::Query(const std::string& sql) {
  Statement statement = Prepare(sql);
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Text(0) : "";
}

}  // namespace koeval::store
