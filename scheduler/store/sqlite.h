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
// disk, ALREADY_EXISTS for a taken key, UNAVAILABLE for a busy database, INTERNAL otherwise.
Status SqliteStatus(int code, std::string_view message, const std::string& path);

// A prepared statement in use: bind in order, step, read columns. Resets itself when it goes.
class Statement {
 public:
  Statement(sqlite3_stmt* statement, const std::string& path)
      : statement_(statement), path_(path) {}
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Bind(int64_t value);
  Statement& Bind(double value);
  // The text must live until the statement goes.
  Statement& Bind(std::string_view text);

  // True: a row is there; false: done.
  Result<bool> Step();
  // Steps a statement that gives no rows.
  Status Run();

  int64_t Int(int column) const { return sqlite3_column_int64(statement_, column); }
  double Double(int column) const { return sqlite3_column_double(statement_, column); }
  std::string Text(int column) const;

 private:
  sqlite3_stmt* statement_;
  const std::string& path_;
  int bound_ = 0;
};

// One connection; used by one thread at a time.
class Database {
 public:
  // `flags` as sqlite3_open_v2 takes them.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, int flags);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs statements without results.
  Status Execute(const char* sql);
  // The statement for `sql`, prepared once per connection. KOEVAL_CHECK fails for wrong SQL.
  Statement Prepare(const char* sql);
  // First column of the first row of `sql`.
  Result<std::string> Query(const char* sql);

  sqlite3* handle() { return handle_; }
  const std::string& path() const { return path_; }

 private:
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  sqlite3* handle_;
  std::string path_;
  std::unordered_map<const char*, sqlite3_stmt*> statements_;  // by address of the literal
};

}  // namespace koeval::store
