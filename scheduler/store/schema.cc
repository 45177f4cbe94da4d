// The versions, and the walk from version to version.
#include "scheduler/store/schema.h"

#include <fmt/core.h>

#include <array>
#include <cstdlib>
#include <string>

#include "common/base/log.h"

namespace koeval::store {
namespace {

// "koev": tells our database from any other SQLite file.
constexpr std::string_view kApplicationId = "1802462582";

constexpr Migration kVersion1 = R"sql(
CREATE TABLE requests (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL,
  phase TEXT NOT NULL,
  model TEXT NOT NULL,
  revision TEXT NOT NULL,
  precision TEXT NOT NULL,
  weight_type TEXT NOT NULL,
  model_type TEXT NOT NULL,
  suite TEXT NOT NULL,
  suite_version TEXT NOT NULL,
  profile TEXT NOT NULL,
  bundle_digest TEXT NOT NULL,
  sample_limit INTEGER,
  priority INTEGER NOT NULL,
  time_limit_ms INTEGER NOT NULL,
  submitter TEXT NOT NULL,
  round INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  plan TEXT,
  hardware_class TEXT NOT NULL,
  ending TEXT NOT NULL,
  reason TEXT NOT NULL,
  remedy TEXT NOT NULL,
  facts TEXT NOT NULL,
  submitted_at INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  finished_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  updated_seq INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX requests_by_state ON requests (state, number);
CREATE TABLE attempts (
  request TEXT NOT NULL,
  round INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  worker TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER NOT NULL,
  ending TEXT NOT NULL,
  reason TEXT NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (request, round, attempt)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempts_open ON attempts (request) WHERE ending = '';
CREATE TABLE leases (
  id INTEGER PRIMARY KEY,
  request TEXT NOT NULL,
  round INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  worker TEXT NOT NULL,
  slot INTEGER NOT NULL,
  first_batch INTEGER NOT NULL,
  end_batch INTEGER NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE batches (
  request TEXT NOT NULL,
  round INTEGER NOT NULL,
  batch INTEGER NOT NULL,
  worker TEXT NOT NULL,
  lease INTEGER NOT NULL,
  results TEXT NOT NULL,
  run_ms INTEGER NOT NULL,
  stored_at INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  UNIQUE (request, round, batch)
) STRICT;
CREATE TABLE scores (
  request TEXT NOT NULL,
  round INTEGER NOT NULL,
  scores TEXT NOT NULL,
  average REAL,
  finished_at INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  UNIQUE (request, round)
) STRICT;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  request TEXT NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_request ON events (request, seq);
CREATE TABLE audit (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  role TEXT NOT NULL,
  action TEXT NOT NULL,
  target TEXT NOT NULL,
  detail TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT;
CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  reason TEXT NOT NULL,
  row TEXT NOT NULL
) STRICT;
)sql";

// Requests may ask for a chat template. Empty columns count in no checksum.
constexpr Migration kVersion2 = "ALTER TABLE requests ADD COLUMN chat TEXT NOT NULL DEFAULT '';";

// What is known about models, flags, and imported files of the leaderboard's datasets.
constexpr Migration kVersion3 = R"sql(
CREATE TABLE models (
  model TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  license TEXT NOT NULL,
  likes INTEGER,
  parameters INTEGER,
  precision TEXT NOT NULL,
  architecture TEXT NOT NULL,
  base_model TEXT NOT NULL,
  deleted_at INTEGER NOT NULL,
  refreshed_at INTEGER NOT NULL,
  source TEXT NOT NULL,
  checksum INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE flags (
  model TEXT NOT NULL,
  reason TEXT NOT NULL,
  url TEXT NOT NULL,
  set_by TEXT NOT NULL,
  set_at INTEGER NOT NULL,
  lifted_by TEXT NOT NULL,
  lifted_at INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (model, set_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX flags_in_force ON flags (model) WHERE lifted_at = 0;
CREATE TABLE imports (
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  model TEXT NOT NULL,
  revision TEXT NOT NULL,
  precision TEXT NOT NULL,
  status TEXT NOT NULL,
  facts TEXT NOT NULL,
  imported_by TEXT NOT NULL,
  imported_at INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  PRIMARY KEY (kind, path)
) STRICT, WITHOUT ROWID;
CREATE TABLE import_texts (
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  text TEXT NOT NULL,
  checksum INTEGER NOT NULL,
  UNIQUE (kind, path)
) STRICT;
)sql";

// The branch or tag as it was submitted, beside the commit that it led to.
constexpr Migration kVersion4 =
    "ALTER TABLE requests ADD COLUMN wanted_revision TEXT NOT NULL DEFAULT '';";

constexpr std::array<Migration, 4> kMigrations = {kVersion1, kVersion2, kVersion3, kVersion4};

Status Upgrade(Database& database, size_t from, std::span<const Migration> migrations) {
  std::string script = "BEGIN IMMEDIATE;";
  for (const Migration migration : migrations.subspan(from)) script += migration;
  script += fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}; COMMIT;",
                        kApplicationId, migrations.size());
  Status status = database.Execute(script);
  // Fails when the error ended the transaction already; it is not there any more either way.
  if (!status.ok()) (void)database.Execute("ROLLBACK");
  return status;
}

}  // namespace

std::span<const Migration> Migrations() {
  return kMigrations;
}

Status EnsureSchema(Database& database, std::span<const Migration> migrations) {
  ASSIGN_OR_RETURN(const std::string tables, database.Query("SELECT count(*) FROM sqlite_schema"));
  ASSIGN_OR_RETURN(const std::string application, database.Query("PRAGMA application_id"));
  if (tables == "0" && application == "0") return Upgrade(database, 0, migrations);
  if (application != kApplicationId) {
    return FailedPrecondition(database.path() +
                              " is a database of another program; choose another path");
  }
  ASSIGN_OR_RETURN(const std::string text, database.Query("PRAGMA user_version"));
  const int64_t version = std::atoll(text.c_str());
  const auto newest = static_cast<int64_t>(migrations.size());
  if (version > newest) {
    return FailedPrecondition(fmt::format(
        "{} has schema version {}, this program knows {} at most: a newer koeval wrote it; install "
        "that version again, or start with a backup from before the upgrade",
        database.path(), version, newest));
  }
  if (version < 1) return SqliteStatus(SQLITE_CORRUPT, "schema version " + text, database.path());
  if (version == newest) return OkStatus();
  spdlog::info("{}: schema version {} becomes {}", database.path(), version, newest);
  return Upgrade(database, static_cast<size_t>(version), migrations);
}

}  // namespace koeval::store
