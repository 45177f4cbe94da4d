// SQLite's online backup, over a reading connection so that the writer never waits for it.
#include "scheduler/store/sqlite_backup.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "common/base/file.h"
#include "scheduler/store/sqlite.h"

namespace koeval::store {
namespace {

Status Copy(Database& source, Database& copy) {
  sqlite3_backup* backup = sqlite3_backup_init(copy.handle(), "main", source.handle(), "main");
  if (backup == nullptr) {
    return SqliteStatus(sqlite3_errcode(copy.handle()), sqlite3_errmsg(copy.handle()), copy.path());
  }
  const int step = sqlite3_backup_step(backup, -1);
  const int finish = sqlite3_backup_finish(backup);
  if (step == SQLITE_DONE && finish == SQLITE_OK) return OkStatus();
  return SqliteStatus(step == SQLITE_DONE ? finish : step, sqlite3_errmsg(copy.handle()),
                      copy.path());
}

}  // namespace

Status BackupDatabase(const std::string& from, const std::string& to, const std::string& vfs) {
  if (::access(to.c_str(), F_OK) == 0) {
    return AlreadyExists(to + " is there already; choose another name");
  }
  const std::string partial = to + ".partial";
  ::unlink(partial.c_str());
  const int fd = ::open(partial.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return PermissionDenied(
        fmt::format("cannot create {}: {}; the folder must exist and be writable by this user",
                    partial, std::strerror(errno)));
  }
  ::close(fd);
  const auto fill = [&]() -> Status {
    constexpr int kFlags = SQLITE_OPEN_NOMUTEX;
    ASSIGN_OR_RETURN(const auto source, Database::Open(from, SQLITE_OPEN_READONLY | kFlags, vfs));
    ASSIGN_OR_RETURN(const auto copy, Database::Open(partial, SQLITE_OPEN_READWRITE | kFlags));
    sqlite3_db_config(source->handle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    return Copy(*source, *copy);
  };
  Status status = fill();
  if (status.ok() && std::rename(partial.c_str(), to.c_str()) != 0) {
    status = Unavailable(fmt::format("cannot rename {}: {}", partial, std::strerror(errno)));
  }
  if (!status.ok()) {
    ::unlink(partial.c_str());
    return status;
  }
  return SyncFolderOf(to);
}

}  // namespace koeval::store
