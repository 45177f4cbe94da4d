// Folders that hold one of the leaderboard's datasets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/file_batch.h"
#include "common/base/status.h"

namespace koeval::board {

inline constexpr size_t kFolderFilesMax = 1'000'000;

struct BoardFolder {
  std::vector<std::string> paths;    // of *.json below the folder, with "/", in order of bytes
  std::vector<std::string> skipped;  // paths that CheckBoardPath refuses, and links: why, too
  int64_t others = 0;                // files of other kinds, and what lies in folders of a dot
};

// Lists `folder` to any depth that CheckBoardPath allows; links are never followed. NOT_FOUND,
// PERMISSION_DENIED, RESOURCE_EXHAUSTED over kFolderFilesMax; each names the path.
Result<BoardFolder> ListBoardFolder(const std::string& folder);

// What one batch of a BoardWriter holds at most.
inline constexpr size_t kWriteBatchFilesMax = 1'000;
inline constexpr uint64_t kWriteBatchBytesMax = 64'000'000;

// Writes files of such a folder a batch at a time, each whole or not at all, and durable once its
// batch is flushed (common/base/file_batch.h). One thread. Errors name the path.
class BoardWriter {
 public:
  explicit BoardWriter(std::string folder) : folder_(std::move(folder)) {}

  // folder/path, whose parts CheckBoardPath allows, shall hold exactly `text`: a file that does so
  // already is left alone (false), any other is replaced by the next Flush() (true).
  Result<bool> Add(const std::string& path, const std::string& text);
  // The batch is as large as one may be: Flush() it.
  bool full() const;
  // Writes what was added. An error: any of it may be written or not. Otherwise all is but what is
  // returned.
  Result<std::vector<FileBatch::Refused>> Flush();

 private:
  const std::string folder_;
  std::unique_ptr<FileBatch> batch_;  // none while nothing is added
};

}  // namespace koeval::board
