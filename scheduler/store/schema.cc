// Version 1 and the steps between versions.
#include "scheduler/store/schema.h"

#include <fmt/core.h>

#include <string>

namespace koeval::store {
namespace {

// "koev": tells our database from any other SQLite file.
constexpr const char* kApplicationId = "1802462582";

constexpr const char* kVersion1 = R"sql(
CREATE TABLE requests (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  suite TEXT NOT NULL,
  model TEXT NOT NULL,
  submitter TEXT NOT NULL,
  round INTEGER NOT NULL,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX requests_by_state ON requests (state, number);
CREATE TABLE attempts (
  request TEXT NOT NULL,
  round INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  open INTEGER NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (request, round, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE leases (
  id INTEGER PRIMARY KEY,
  data TEXT NOT NULL
) STRICT;
CREATE TABLE batches (
  request TEXT NOT NULL,
  round INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  worker TEXT NOT NULL,
  lease INTEGER NOT NULL,
  run_ms INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  results TEXT NOT NULL,
  PRIMARY KEY (request, round, batch)
) STRICT, WITHOUT ROWID;
CREATE TABLE scores (
  request TEXT NOT NULL,
  round INTEGER NOT NULL,
  average REAL NOT NULL,
  finished_at INTEGER NOT NULL,
  scores TEXT NOT NULL,
  PRIMARY KEY (request, round)
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  request TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_request ON events (request, seq);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL
) STRICT;
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  key TEXT NOT NULL,
  data TEXT NOT NULL,
  reason TEXT NOT NULL
) STRICT;
)sql";

Status Create(Database& database) {
  const std::string script = fmt::format(
      "BEGIN IMMEDIATE; {} PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT;",
      kVersion1, kApplicationId, kSchemaVersion);
  Status status = database.Execute(script.c_str());
  if (!status.ok()) (void)database.Execute("ROLLBACK");
  return status;
}

}  // namespace

Status EnsureSchema(Database& database) {
  ASSIGN_OR_RETURN(const std::string tables, database.Query("SELECT count(*) FROM sqlite_master"));
  if (tables == "0") return Create(database);
  ASSIGN_OR_RETURN(const std::string application, database.Query("PRAGMA application_id"));
  if (application != kApplicationId) {
    return FailedPrecondition(database.path() +
                              " is a database of another program; choose another path");
  }
  ASSIGN_OR_RETURN(const std::string version, database.Query("PRAGMA user_version"));
  const int found = std::atoi(version.c_str());
  if (found > kSchemaVersion) {
    return FailedPrecondition(
        fmt::format("{} has schema version {}, this program knows {} at most: it was written by a "
                    "newer koeval; "
                    "install that version again, or start with a backup from before the upgrade",
                    database.path(), found, kSchemaVersion));
  }
  if (found < kSchemaVersion) {
    return DataLoss(fmt::format("{} has the unknown schema version {}; start with a backup of it",
                                database.path(), found));
  }
  return OkStatus();
}

}  // namespace koeval::store
