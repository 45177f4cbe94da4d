// Folders that hold one of the leaderboard's datasets.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

// Makes folder/path, whose parts CheckBoardPath allows, hold exactly `text`: a file that does so
// already is left alone (false), any other is replaced, whole or not at all. Errors name the path.
Result<bool> WriteBoardFile(const std::string& folder, const std::string& path,
                            const std::string& text);

}  // namespace koeval::board
