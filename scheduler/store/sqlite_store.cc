// The writing side of the SQLite store: one connection that writes and checkpoints, one transaction
// per commit.
//
// SQLite before 3.51.3 can corrupt a WAL when two connections write or checkpoint at the same time;
// here only this connection does either, and the lock file keeps other processes away.
#include "scheduler/store/sqlite_store.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <variant>

#include "common/base/file.h"
#include "common/base/file_lock.h"
#include "scheduler/store/rows.h"
#include "scheduler/store/sqlite.h"
#include "scheduler/store/sqlite_backup.h"
#include "scheduler/store/sqlite_load.h"
#include "scheduler/store/sqlite_reader.h"

namespace koeval::store {
namespace {

class SqliteStore final : public JobStore {
 public:
  SqliteStore(std::unique_ptr<FileLock> lock, std::unique_ptr<Database> database, std::string vfs)
      : lock_(std::move(lock)), database_(std::move(database)), vfs_(std::move(vfs)) {}

  Status Commit(std::span<const core::Mutation> mutations) override {
    if (!poison_.ok()) return poison_.WithContext("an earlier commit failed");
    if (mutations.empty()) return OkStatus();
    Status status = WriteAll(mutations);
    if (status.ok()) return status;
    const Status undone = Rollback();
    if (status.code() != Code::kAlreadyExists) {
      Poison(status);
    } else if (!undone.ok()) {
      Poison(undone);
      return undone;
    }
    return status;
  }

  Result<Snapshot> Load() override {
    ASSIGN_OR_RETURN(Snapshot snapshot, LoadSnapshot(*database_));
    ASSIGN_OR_RETURN(quarantined_, CountQuarantined(*database_));
    return snapshot;
  }

  Result<std::unique_ptr<Reader>> OpenReader() override {
    return OpenSqliteReader(database_->path(), vfs_);
  }

  Status Backup(const std::string& path) override {
    return BackupDatabase(database_->path(), path, vfs_);
  }

  int64_t quarantined() const override { return quarantined_; }

 private:
  Status WriteAll(std::span<const core::Mutation> mutations) {
    RETURN_IF_ERROR(database_->Prepare("BEGIN IMMEDIATE").Run());
    for (const core::Mutation& mutation : mutations) {
      RETURN_IF_ERROR(
          std::visit([this](const auto& row) { return WriteRow(*database_, row); }, mutation));
    }
    return database_->Prepare("COMMIT").Run();
  }

  // Some errors end the transaction themselves.
  Status Rollback() {
    if (sqlite3_get_autocommit(database_->handle()) != 0) return OkStatus();
    return database_->Execute("ROLLBACK");
  }

  // What the disk holds is not known any more: nothing else is written, not even a checkpoint.
  void Poison(const Status& why) {
    poison_ = why;
    sqlite3_db_config(database_->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  }

  const std::unique_ptr<FileLock> lock_;  // released after the connection is closed
  const std::unique_ptr<Database> database_;
  const std::string vfs_;
  Status poison_;
  int64_t quarantined_ = 0;
};

// Creates the file for nobody else to read, where it is not there; SQLite gives its other files the
// same mode. DATA_LOSS for an emptied database, whose log SQLite would delete.
Status PrepareFile(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) {
    return PermissionDenied(
        fmt::format("cannot open {}: {}; it and its folder must be writable by this user", path,
                    std::strerror(errno)));
  }
  struct stat info {};
  struct stat log {};
  const bool examined = ::fstat(fd, &info) == 0;
  ::close(fd);
  if (!examined) return Unavailable("cannot examine " + path);
  if (!S_ISREG(info.st_mode)) return FailedPrecondition(path + " is not a regular file");
  if (info.st_size > 0) return OkStatus();
  if (::stat((path + "-wal").c_str(), &log) == 0 && log.st_size > 0) {
    return SqliteStatus(SQLITE_CORRUPT, "it is empty, but its write-ahead log is not", path);
  }
  return SyncFolderOf(path);
}

// The lock of one scheduler over its database; the file holds its pid.
Result<std::unique_ptr<FileLock>> LockDatabase(const std::string& path) {
  constexpr uint32_t kPrivateFile = 0600;
  auto lock = FileLock::Try(path, FileLock::Mode::kExclusive, kPrivateFile);
  if (!lock.ok()) {
    return PermissionDenied(lock.status().message() +
                            "; the folder must exist and be writable by this user");
  }
  if (*lock == nullptr) {
    constexpr size_t kPidBytesMax = 64;
    const auto owner = ReadFile(path, kPidBytesMax);
    return FailedPrecondition(fmt::format(
        "{} is held by process {}: another scheduler uses this database; stop it, or give this one "
        "a database of its own",
        path, owner.ok() && !owner->empty() ? *owner : "unknown"));
  }
  RETURN_IF_ERROR((*lock)->Write(fmt::format("{}", ::getpid())));
  return lock;
}

Status Configure(Database& database, std::span<const Migration> migrations) {
  RETURN_IF_ERROR(database.Execute("PRAGMA cell_size_check = 1"));
  ASSIGN_OR_RETURN(const std::string check, database.Query("PRAGMA quick_check(1)"));
  if (check != "ok") return SqliteStatus(SQLITE_CORRUPT, check, database.path());
  if (sqlite3_db_readonly(database.handle(), "main") == 1 &&
      ::access(database.path().c_str(), W_OK) == 0) {
    return SqliteStatus(SQLITE_CORRUPT, "its file format is unknown", database.path());
  }
  RETURN_IF_ERROR(database.Execute("PRAGMA synchronous = FULL"));
  // Before the journal mode, which would change the database of another program.
  RETURN_IF_ERROR(EnsureSchema(database, migrations));
  ASSIGN_OR_RETURN(const std::string mode, database.Query("PRAGMA journal_mode = WAL"));
  if (mode == "wal") return OkStatus();
  return FailedPrecondition(
      fmt::format("{} is on a file system without shared memory (journal mode {}); put it on a "
                  "local disk",
                  database.path(), mode));
}

}  // namespace

Result<std::unique_ptr<JobStore>> OpenSqliteStore(const std::string& path,
                                                  const SqliteOptions& options) {
  ASSIGN_OR_RETURN(auto lock, LockDatabase(path + ".lock"));
  RETURN_IF_ERROR(PrepareFile(path));
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
  ASSIGN_OR_RETURN(auto database, Database::Open(path, kFlags, options.vfs));
  RETURN_IF_ERROR(Configure(*database, options.migrations));
  return std::unique_ptr<JobStore>(
      std::make_unique<SqliteStore>(std::move(lock), std::move(database), options.vfs));
}

Result<std::unique_ptr<JobStore>> OpenSqliteStore(const std::string& path) {
  return OpenSqliteStore(path, SqliteOptions{});
}

}  // namespace koeval::store
