// The writing side of the SQLite store: one connection that writes and checkpoints, one transaction
// per commit.
//
// SQLite before 3.51.3 can corrupt a WAL when two connections write or checkpoint at the same time;
// here only this connection does either, and the lock file keeps other processes away.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/log.h"
#include "scheduler/store/file_lock.h"
#include "scheduler/store/job_store.h"
#include "scheduler/store/row_json.h"
#include "scheduler/store/schema.h"
#include "scheduler/store/sqlite.h"
#include "scheduler/store/sqlite_reader.h"

namespace koeval::store {
namespace {

constexpr int64_t kQuarantinedMax = 1000;  // more than that is a damaged database, not a bad row

// Writes one mutation inside the open transaction.
class RowWriter {
 public:
  explicit RowWriter(Database& database) : database_(database) {}

  Status operator()(const core::RequestRow& row) {
    const std::string data = EncodeRequest(row);
    return database_
        .Prepare(
            "INSERT INTO requests (number, id, state, suite, model, submitter, round, data)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (number) DO UPDATE SET"
            " id = excluded.id, state = excluded.state, round = excluded.round,"
            " data = excluded.data")
        .Bind(row.number)
        .Bind(row.id.text)
        .Bind(core::StateName(row.state))
        .Bind(row.spec.suite)
        .Bind(row.spec.model)
        .Bind(row.spec.submitter)
        .Bind(row.round)
        .Bind(data)
        .Run();
  }
  Status operator()(const core::AttemptRow& row) {
    const std::string data = EncodeAttempt(row);
    return database_
        .Prepare(
            "INSERT OR REPLACE INTO attempts (request, round, attempt, open, data)"
            " VALUES (?, ?, ?, ?, ?)")
        .Bind(row.request.text)
        .Bind(row.round)
        .Bind(row.attempt)
        .Bind(static_cast<int64_t>(row.ending.empty()))
        .Bind(data)
        .Run();
  }
  Status operator()(const core::LeaseRow& row) {
    const std::string data = EncodeLease(row);
    return database_.Prepare("INSERT OR REPLACE INTO leases (id, data) VALUES (?, ?)")
        .Bind(row.id.value)
        .Bind(data)
        .Run();
  }
  Status operator()(const core::RemoveLease& row) {
    return database_.Prepare("DELETE FROM leases WHERE id = ?").Bind(row.id.value).Run();
  }
  Status operator()(const core::BatchRow& row) {
    return database_
        .Prepare(
            "INSERT INTO batches (request, round, batch, worker, lease, run_ms, stored_at, results)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .Bind(row.request.text)
        .Bind(row.round)
        .Bind(row.batch)
        .Bind(row.worker.text)
        .Bind(row.lease.value)
        .Bind(row.run_ms)
        .Bind(row.stored_at.micros)
        .Bind(row.results_json)
        .Run();
  }
  Status operator()(const core::ScoreRow& row) {
    return database_
        .Prepare(
            "INSERT OR REPLACE INTO scores (request, round, average, finished_at, scores)"
            " VALUES (?, ?, ?, ?, ?)")
        .Bind(row.request.text)
        .Bind(row.round)
        .Bind(row.average)
        .Bind(row.finished_at.micros)
        .Bind(row.scores_json)
        .Run();
  }
  Status operator()(const core::EventRow& row) {
    return database_
        .Prepare("INSERT INTO events (seq, at, request, kind, text) VALUES (?, ?, ?, ?, ?)")
        .Bind(row.seq)
        .Bind(row.at.micros)
        .Bind(row.request.text)
        .Bind(row.kind)
        .Bind(row.text)
        .Run();
  }
  Status operator()(const core::AuditRow& row) {
    return database_
        .Prepare(
            "INSERT INTO audit (at, who, role, action, target, detail) VALUES (?, ?, ?, ?, ?, ?)")
        .Bind(row.at.micros)
        .Bind(row.who)
        .Bind(row.role)
        .Bind(row.action)
        .Bind(row.target)
        .Bind(row.detail)
        .Run();
  }
  Status operator()(const core::MetaRow& row) {
    if (row.value.empty()) {
      return database_.Prepare("DELETE FROM meta WHERE key = ?").Bind(row.key).Run();
    }
    return database_.Prepare("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)")
        .Bind(row.key)
        .Bind(row.value)
        .Run();
  }

 private:
  Database& database_;
};

class SqliteStore final : public JobStore {
 public:
  SqliteStore(std::unique_ptr<FileLock> lock, std::unique_ptr<Database> database)
      : lock_(std::move(lock)), database_(std::move(database)) {}

  Status Commit(std::span<const core::Mutation> mutations) override {
    if (!poison_.ok()) return poison_;
    const Status status = WriteAll(mutations);
    if (status.ok()) return status;
    (void)database_->Execute("ROLLBACK");
    if (status.code() != Code::kAlreadyExists) poison_ = status;
    return status;
  }

  Result<Snapshot> Load() override {
    Snapshot snapshot;
    RETURN_IF_ERROR(LoadRequests(snapshot));
    RETURN_IF_ERROR(LoadLeases(snapshot));
    RETURN_IF_ERROR(LoadAttempts(snapshot));
    Statement meta = database_->Prepare("SELECT key, value FROM meta ORDER BY key");
    while (true) {
      ASSIGN_OR_RETURN(const bool more, meta.Step());
      if (!more) break;
      snapshot.meta.push_back({meta.Text(0), meta.Text(1)});
    }
    Statement batches = database_->Prepare(
        "SELECT b.request, b.round, b.batch FROM requests r JOIN batches b"
        " ON b.request = r.id AND b.round = r.round WHERE r.state IN ('PENDING', 'RUNNING')"
        " ORDER BY r.number, b.batch");
    while (true) {
      ASSIGN_OR_RETURN(const bool more, batches.Step());
      if (!more) return snapshot;
      snapshot.batches.push_back({{batches.Text(0)}, batches.Int(1), batches.Int(2)});
    }
  }

  Result<std::unique_ptr<Reader>> OpenReader() override {
    return OpenSqliteReader(database_->path());
  }

  Status Backup(const std::string& path) override {
    if (::access(path.c_str(), F_OK) == 0) {
      return AlreadyExists(path + " is there already; choose another name");
    }
    ASSIGN_OR_RETURN(auto copy, Database::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
    ::chmod(path.c_str(), 0600);
    sqlite3_backup* backup =
        sqlite3_backup_init(copy->handle(), "main", database_->handle(), "main");
    if (backup == nullptr) {
      return SqliteStatus(sqlite3_errcode(copy->handle()), sqlite3_errmsg(copy->handle()), path);
    }
    const int step = sqlite3_backup_step(backup, -1);
    const int end = sqlite3_backup_finish(backup);
    if (step == SQLITE_DONE && end == SQLITE_OK) return OkStatus();
    ::unlink(path.c_str());
    return SqliteStatus(step == SQLITE_DONE ? end : step, sqlite3_errmsg(copy->handle()), path);
  }

 private:
  Status WriteAll(std::span<const core::Mutation> mutations) {
    RETURN_IF_ERROR(database_->Execute("BEGIN IMMEDIATE"));
    RowWriter writer(*database_);
    for (const core::Mutation& mutation : mutations) {
      RETURN_IF_ERROR(std::visit(writer, mutation));
    }
    return database_->Execute("COMMIT");
  }

  // Calls `take(data)` for each row of `sql` (key, data); a row that cannot be read is moved to the
  // quarantine of `source`, and the start goes on.
  template <typename Take>
  Status ForEachRow(const char* sql, const std::string& source, const Take& take) {
    struct Bad {
      std::string key, data, reason;
    };
    std::vector<Bad> bad;
    {
      Statement statement = database_->Prepare(sql);
      while (true) {
        ASSIGN_OR_RETURN(const bool more, statement.Step());
        if (!more) break;
        const Status status = take(statement.Text(1));
        if (!status.ok()) bad.push_back({statement.Text(0), statement.Text(1), status.message()});
      }
    }
    if (static_cast<int64_t>(bad.size()) > kQuarantinedMax) {
      return DataLoss(fmt::format("{}: {} rows of {} cannot be read; start with a backup of it",
                                  database_->path(), bad.size(), source));
    }
    for (const Bad& row : bad) RETURN_IF_ERROR(Quarantine(source, row.key, row.data, row.reason));
    return OkStatus();
  }

  Status Quarantine(const std::string& source, const std::string& key, const std::string& data,
                    const std::string& reason) {
    spdlog::error("{}: row {} of {} cannot be read ({}); moved to the table quarantine",
                  database_->path(), LogSafe(key), source, LogSafe(reason));
    RETURN_IF_ERROR(database_->Execute("BEGIN IMMEDIATE"));
    RETURN_IF_ERROR(
        database_->Prepare("INSERT INTO quarantine (source, key, data, reason) VALUES (?, ?, ?, ?)")
            .Bind(source)
            .Bind(key)
            .Bind(data)
            .Bind(reason)
            .Run());
    RETURN_IF_ERROR(source == "requests"
                        ? database_->Prepare("DELETE FROM requests WHERE id = ?").Bind(key).Run()
                        : database_->Prepare("DELETE FROM leases WHERE id = CAST(? AS INTEGER)")
                              .Bind(key)
                              .Run());
    return database_->Execute("COMMIT");
  }

  Status LoadRequests(Snapshot& snapshot) {
    return ForEachRow("SELECT id, data FROM requests ORDER BY number", "requests",
                      [&](const std::string& data) -> Status {
                        ASSIGN_OR_RETURN(core::RequestRow row, DecodeRequest(data));
                        snapshot.requests.push_back(std::move(row));
                        return OkStatus();
                      });
  }

  Status LoadLeases(Snapshot& snapshot) {
    return ForEachRow("SELECT id, data FROM leases ORDER BY id", "leases",
                      [&](const std::string& data) -> Status {
                        ASSIGN_OR_RETURN(core::LeaseRow row, DecodeLease(data));
                        snapshot.leases.push_back(std::move(row));
                        return OkStatus();
                      });
  }

  Status LoadAttempts(Snapshot& snapshot) {
    Statement statement = database_->Prepare(
        "SELECT data FROM attempts WHERE open = 1 ORDER BY request, round, attempt");
    while (true) {
      ASSIGN_OR_RETURN(const bool more, statement.Step());
      if (!more) return OkStatus();
      auto row = DecodeAttempt(statement.Text(0));
      if (row.ok()) snapshot.open_attempts.push_back(*std::move(row));
    }
  }

  const std::unique_ptr<FileLock> lock_;
  const std::unique_ptr<Database> database_;
  Status poison_;
};

// The file is made by us first, so that nobody else can ever read it.
Status MakePrivateFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return PermissionDenied(
        fmt::format("cannot open {}: {}; the folder must exist and be writable "
                    "by this user",
                    path, std::strerror(errno)));
  }
  ::close(fd);
  return OkStatus();
}

}  // namespace

Result<std::unique_ptr<JobStore>> OpenSqliteStore(const std::string& path) {
  ASSIGN_OR_RETURN(auto lock, FileLock::Take(path + ".lock"));
  RETURN_IF_ERROR(MakePrivateFile(path));
  ASSIGN_OR_RETURN(auto database,
                   Database::Open(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX));
  RETURN_IF_ERROR(database->Execute("PRAGMA journal_mode = WAL"));
  RETURN_IF_ERROR(database->Execute("PRAGMA synchronous = FULL"));
  RETURN_IF_ERROR(EnsureSchema(*database));
  ASSIGN_OR_RETURN(const std::string check, database->Query("PRAGMA quick_check(1)"));
  if (check != "ok") return SqliteStatus(SQLITE_CORRUPT, check, path);
  return std::unique_ptr<JobStore>(
      std::make_unique<SqliteStore>(std::move(lock), std::move(database)));
}

}  // namespace koeval::store
