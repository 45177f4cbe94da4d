// A VFS of SQLite over the real one, whose n-th change of a file fails, kills the process or is the
// last before the power goes.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <string>

namespace koeval::store {

// One at a time in a process; registered under kName while it lives. Counts writes, truncations,
// syncs and deletions. Nothing reaches the disk's own cache: a sync only notes what PowerLoss
// keeps.
class FaultyVfs {
 public:
  static constexpr const char* kName = "koeval-faulty";

  FaultyVfs();
  ~FaultyVfs();
  FaultyVfs(const FaultyVfs&) = delete;
  FaultyVfs& operator=(const FaultyVfs&) = delete;

  // Operation `n` (from 1) gives `code`; later ones too when `forever`. 0: never.
  void FailAt(int64_t n, int code, bool forever);
  // Calls `action` right before operation `n`.
  void CallAt(int64_t n, std::function<void()> action);
  int64_t operations() const { return operations_; }
  int64_t syncs() const { return syncs_; }
  bool failed() const { return failed_; }

  // Rewrites every file as a power failure could have left it: each sector that was written since
  // the file's last sync is as before or as after, and a file that grew may be short. REQUIRES:
  // every connection is closed.
  void PowerLoss(std::mt19937_64& random);

 private:
  friend struct FaultyFile;
  friend struct FaultyMethods;

  // The code that this operation fails with, or SQLITE_OK.
  int Count();

  sqlite3_vfs vfs_{};
  sqlite3_vfs* real_;
  int64_t operations_ = 0;
  int64_t syncs_ = 0;
  int64_t fail_at_ = 0;
  int fail_code_ = SQLITE_OK;
  bool forever_ = false;
  bool failed_ = false;
  int64_t call_at_ = 0;
  std::function<void()> action_;
  std::map<std::string, std::string> durable_;  // path -> bytes of the last sync
};

}  // namespace koeval::store
