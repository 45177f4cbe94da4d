// A thin cover over SQLite's C interface: connections and prepared statements as values.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/base/status.h"

namespace koeval::store {

// The Status for a result code of SQLite: DATA_LOSS for corruption, RESOURCE_EXHAUSTED for a full
// disk, ALREADY_EXISTS for a taken key, UNAVAILABLE for a busy database, PERMISSION_DENIED for a
// file that cannot be opened or written, INTERNAL otherwise. Names `path` and the remedy.
Status SqliteStatus(int code, std::string_view message, const std::string& path);

// A prepared statement in use: bind in order, step, read columns. Resets itself when it goes. An
// error of preparing or binding is kept and returned by the next Step().
class Statement {
 public:
  Statement(sqlite3_stmt* statement, Status error, const std::string& path)
      : statement_(statement), error_(std::move(error)), path_(path) {}
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Bind(int64_t value);
  // Not-a-number becomes NULL, which is what SQLite makes of it.
  Statement& Bind(double value);
  // The text must live until the statement goes.
  Statement& Bind(std::string_view text);
  Statement& BindNull();

  // True: a row is there; false: done.
  Result<bool> Step();
  // Steps a statement that gives no rows.
  Status Run();
  // Steps, resets and forgets what was bound, for the next use.
  Status RunAndReset();

  int64_t Int(int column) const { return sqlite3_column_int64(statement_, column); }
  double Double(int column) const { return sqlite3_column_double(statement_, column); }
  // Valid until the next Step().
  std::string_view View(int column) const;
  std::string Text(int column) const { return std::string(View(column)); }
  bool IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

 private:
  void Keep(int code);

  sqlite3_stmt* statement_;
  Status error_;
  const std::string& path_;
  int bound_ = 0;
};

// One connection; used by one thread at a time.
class Database {
 public:
  // `flags` as sqlite3_open_v2 takes them; `vfs` is the name of a registered one, "" for SQLite's.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, int flags,
                                                const std::string& vfs = "");
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements without results.
  Status Execute(const std::string& sql);
  // The statement for `sql`, prepared once per connection. One user of a text at a time.
  Statement Prepare(const std::string& sql);
  // First column of the first row of `sql`, "" without rows.
  Result<std::string> Query(const std::string& sql);
  // Rows that the last statement changed.
  int64_t Changes() const { return sqlite3_changes64(handle_); }

  sqlite3* handle() { return handle_; }
  const std::string& path() const { return path_; }

 private:
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}

  sqlite3* handle_;
  const std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> statements_;  // bounded by the program's texts
};

}  // namespace koeval::store
