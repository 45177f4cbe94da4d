// SQLite's file methods, passed on to the real VFS.
#include "tests/scheduler/store/faulty_vfs.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "common/base/check.h"
#include "common/base/file.h"

namespace koeval::store {

// What SQLite sees as an open file; the real one lies behind it.
struct FaultyFile {
  sqlite3_file base;
  FaultyVfs* vfs;
  const char* path;  // as SQLite keeps it while the file is open; null for temporary files

  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }

  std::string Bytes() {
    sqlite3_int64 size = 0;
    if (real()->pMethods->xFileSize(real(), &size) != SQLITE_OK) return "";
    std::string bytes(static_cast<size_t>(size), '\0');
    if (size > 0) real()->pMethods->xRead(real(), bytes.data(), static_cast<int>(size), 0);
    return bytes;
  }
};

struct FaultyMethods {
  static FaultyFile* Of(sqlite3_file* file) { return reinterpret_cast<FaultyFile*>(file); }
  static sqlite3_file* Real(sqlite3_file* file) { return Of(file)->real(); }
  static const sqlite3_io_methods* Io(sqlite3_file* file) { return Real(file)->pMethods; }
  static FaultyVfs* OfVfs(sqlite3_vfs* vfs) { return static_cast<FaultyVfs*>(vfs->pAppData); }

  static int Close(sqlite3_file* f) { return Io(f)->xClose(Real(f)); }
  static int Read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
    return Io(f)->xRead(Real(f), to, n, at);
  }
  static int Write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
    if (const int code = Of(f)->vfs->Count(); code != SQLITE_OK) return code;
    return Io(f)->xWrite(Real(f), from, n, at);
  }
  static int Truncate(sqlite3_file* f, sqlite3_int64 size) {
    if (const int code = Of(f)->vfs->Count(); code != SQLITE_OK) return code;
    return Io(f)->xTruncate(Real(f), size);
  }
  static int Sync(sqlite3_file* f, int /*flags*/) {
    FaultyVfs* vfs = Of(f)->vfs;
    if (const int code = vfs->Count(); code != SQLITE_OK) return code;
    ++vfs->syncs_;
    if (Of(f)->path != nullptr) vfs->durable_[Of(f)->path] = Of(f)->Bytes();
    return SQLITE_OK;
  }
  static int FileSize(sqlite3_file* f, sqlite3_int64* size) {
    return Io(f)->xFileSize(Real(f), size);
  }
  static int Lock(sqlite3_file* f, int level) { return Io(f)->xLock(Real(f), level); }
  static int Unlock(sqlite3_file* f, int level) { return Io(f)->xUnlock(Real(f), level); }
  static int CheckReservedLock(sqlite3_file* f, int* out) {
    return Io(f)->xCheckReservedLock(Real(f), out);
  }
  static int FileControl(sqlite3_file* f, int op, void* argument) {
    return Io(f)->xFileControl(Real(f), op, argument);
  }
  static int SectorSize(sqlite3_file* f) { return Io(f)->xSectorSize(Real(f)); }
  // No promise of atomic or ordered writes, so that PowerLoss may break any.
  static int DeviceCharacteristics(sqlite3_file*) { return 0; }
  static int ShmMap(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
    return Io(f)->xShmMap(Real(f), page, size, extend, out);
  }
  static int ShmLock(sqlite3_file* f, int offset, int n, int flags) {
    return Io(f)->xShmLock(Real(f), offset, n, flags);
  }
  static void ShmBarrier(sqlite3_file* f) { Io(f)->xShmBarrier(Real(f)); }
  static int ShmUnmap(sqlite3_file* f, int remove) { return Io(f)->xShmUnmap(Real(f), remove); }

  static int Open(sqlite3_vfs* v, const char* path, sqlite3_file* f, int flags, int* out_flags) {
    static const sqlite3_io_methods methods = {2,
                                               Close,
                                               Read,
                                               Write,
                                               Truncate,
                                               Sync,
                                               FileSize,
                                               Lock,
                                               Unlock,
                                               CheckReservedLock,
                                               FileControl,
                                               SectorSize,
                                               DeviceCharacteristics,
                                               ShmMap,
                                               ShmLock,
                                               ShmBarrier,
                                               ShmUnmap,
                                               nullptr,
                                               nullptr};
    FaultyVfs* vfs = OfVfs(v);
    FaultyFile* file = Of(f);
    file->base.pMethods = nullptr;
    file->vfs = vfs;
    file->path = path;
    const int code = vfs->real_->xOpen(vfs->real_, path, file->real(), flags, out_flags);
    if (code != SQLITE_OK) return code;
    file->base.pMethods = &methods;
    if (path != nullptr) vfs->durable_.try_emplace(path, file->Bytes());
    return SQLITE_OK;
  }
  static int Delete(sqlite3_vfs* v, const char* path, int /*sync_folder*/) {
    FaultyVfs* vfs = OfVfs(v);
    if (const int code = vfs->Count(); code != SQLITE_OK) return code;
    vfs->durable_.erase(path);
    return vfs->real_->xDelete(vfs->real_, path, 0);
  }
};

FaultyVfs::FaultyVfs() : real_(sqlite3_vfs_find(nullptr)) {
  vfs_ = *real_;
  vfs_.iVersion = 2;
  vfs_.szOsFile = static_cast<int>(sizeof(FaultyFile)) + real_->szOsFile;
  vfs_.zName = kName;
  vfs_.pNext = nullptr;
  vfs_.pAppData = this;
  vfs_.xOpen = FaultyMethods::Open;
  vfs_.xDelete = FaultyMethods::Delete;
  KOEVAL_CHECK(sqlite3_vfs_register(&vfs_, 0) == SQLITE_OK, "the VFS of the test");
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(&vfs_);
}

void FaultyVfs::FailAt(int64_t n, int code, bool forever) {
  fail_at_ = n;
  fail_code_ = code;
  forever_ = forever;
}

void FaultyVfs::CallAt(int64_t n, std::function<void()> action) {
  call_at_ = n;
  action_ = std::move(action);
}

int FaultyVfs::Count() {
  ++operations_;
  if (operations_ == call_at_) action_();
  const bool fails =
      fail_at_ > 0 && (operations_ == fail_at_ || (forever_ && operations_ > fail_at_));
  if (!fails) return SQLITE_OK;
  failed_ = true;
  return fail_code_;
}

void FaultyVfs::PowerLoss(std::mt19937_64& random) {
  constexpr size_t kSector = 512;
  for (const auto& [path, before] : durable_) {
    std::filesystem::remove(path + "-shm");
    const auto now = ReadFile(path);
    if (!now.ok()) continue;
    const size_t least = std::min(before.size(), now->size());
    const size_t most = std::max(before.size(), now->size());
    // Any whole number of sectors between the two sizes, or one of them.
    size_t size = least + (most - least) / kSector * kSector;
    if (most > least) size = least + (random() % ((most - least) / kSector + 1)) * kSector;
    if (random() % 2 == 0) size = now->size();
    std::string after(size, '\0');
    for (size_t at = 0; at < size; at += kSector) {
      const std::string& from = random() % 2 == 0 ? before : *now;
      const std::string& source = at < from.size() ? from : (at < now->size() ? *now : before);
      const size_t bytes = std::min(kSector, size - at);
      if (at < source.size())
        after.replace(at, bytes, source.substr(at, bytes).append(bytes, '\0'), 0, bytes);
    }
    std::ofstream(path, std::ios::binary | std::ios::trunc) << after;
  }
  durable_.clear();
}

}  // namespace koeval::store
