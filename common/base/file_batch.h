// Many files of one folder that are made durable together, for exports of thousands.
//
// Atomic per file, durable per batch: contents go to temporary files in a folder of the batch's own
// (".koeval-batch-N" inside of the root); Commit() syncs them all with one syncfs(2), then renames
// each to its place, then syncs the renames and new folders with another. So no place ever holds a
// file of which only a part reached the disk, whenever the process or the machine stops. A small
// batch syncs each file by itself, since syncfs waits for what others have written on the same file
// system too. Errors of writing back are reported by syncfs since Linux 5.8.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/fd.h"
#include "common/base/status.h"

namespace koeval {

// Up to so many files, a batch syncs each by itself.
inline constexpr size_t kBatchSyncEachMax = 8;

// One thread. Several batches, of this or other processes, may work in the same root.
class FileBatch {
 public:
  // What Commit() does, step by step; a test may stop the process before any of them.
  enum class Step { kSyncContents, kRename, kSyncNames };

  struct Refused {
    std::string path;
    Status why;
  };

  // `root` is made where it is not there, and what batches of dead processes have left in it is
  // removed.
  static Result<std::unique_ptr<FileBatch>> Open(const std::string& root);
  // Discards what was added and not committed.
  ~FileBatch();
  FileBatch(const FileBatch&) = delete;
  FileBatch& operator=(const FileBatch&) = delete;

  // root/path (relative, on the file system of the root) shall hold `bytes` after Commit(). Of two
  // with one path the later one counts. RESOURCE_EXHAUSTED when the disk is full.
  Status Add(const std::string& path, std::string_view bytes, uint32_t mode = 0644);
  size_t size() const { return files_.size(); }
  uint64_t bytes() const { return bytes_; }

  // Puts everything that was added into its place, replacing what is there, and makes it durable;
  // the batch is empty afterwards and may be filled again. What cannot be placed (a folder has its
  // name) is returned, the others are done. An error: any of them may be in its place or not, each
  // whole; add them again.
  Result<std::vector<Refused>> Commit();

  void BeforeEachStep(std::function<void(Step)> call) { before_ = std::move(call); }

 private:
  struct Staged {
    std::string path;  // below the root
    std::string beside;
  };

  FileBatch(std::string root, std::string folder, Fd lock)
      : root_(std::move(root)), folder_(std::move(folder)), lock_(std::move(lock)) {}

  Status SyncContents();
  Status Rename(const Staged& file);
  Status SyncNames();
  void Discard();
  void Before(Step step) const {
    if (before_) before_(step);
  }

  const std::string root_;
  const std::string folder_;  // of temporary files, inside of the root
  const Fd lock_;             // of the folder: it lives as long as this batch does
  std::vector<Staged> files_;
  uint64_t bytes_ = 0;
  std::function<void(Step)> before_;
};

}  // namespace koeval
