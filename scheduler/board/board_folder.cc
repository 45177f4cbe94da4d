// Listing and writing folders.
#include "scheduler/board/board_folder.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "common/base/file.h"
#include "common/base/log.h"
#include "scheduler/board/board_path.h"

namespace koeval::board {
namespace {

namespace fs = std::filesystem;

Status FileStatus(const std::string& what, const std::error_code& error) {
  const std::string text = fmt::format("{}: {}", what, error.message());
  if (error == std::errc::no_such_file_or_directory || error == std::errc::not_a_directory) {
    return NotFound(text + "; name a folder that is there");
  }
  if (error == std::errc::permission_denied || error == std::errc::read_only_file_system) {
    return PermissionDenied(text + "; give this user access to it");
  }
  if (error == std::errc::no_space_on_device) return ResourceExhausted(text + "; make room");
  return Unavailable(text);
}

class Lister {
 public:
  Status Walk(const fs::path& folder, const std::string& prefix, size_t depth) {
    std::error_code error;
    fs::directory_iterator it(folder, error);
    for (; !error && it != fs::directory_iterator(); it.increment(error)) {
      RETURN_IF_ERROR(Take(*it, prefix + it->path().filename().string(), depth));
    }
    if (error) return FileStatus("cannot list " + folder.string(), error);
    return OkStatus();
  }
  BoardFolder Done() {
    std::sort(out_.paths.begin(), out_.paths.end());
    std::sort(out_.skipped.begin(), out_.skipped.end());
    return std::move(out_);
  }

 private:
  Status Take(const fs::directory_entry& entry, const std::string& path, size_t depth) {
    std::error_code error;
    const fs::file_status status = entry.symlink_status(error);
    if (error) return FileStatus("cannot look at " + entry.path().string(), error);
    const bool dotted = entry.path().filename().string().starts_with(".");
    if (fs::is_directory(status) && !dotted && depth < kPathFoldersMax) {
      return Walk(entry.path(), path + "/", depth + 1);
    }
    if (dotted || !path.ends_with(".json")) {
      ++out_.others;
      return OkStatus();
    }
    const Status fits = CheckBoardPath(path);
    if (!fs::is_regular_file(status)) {
      out_.skipped.push_back(LogSafe(path) + ": it is no regular file; put the file itself there");
    } else if (!fits.ok()) {
      out_.skipped.push_back(LogSafe(path) + ": " + fits.message());
    } else {
      out_.paths.push_back(path);
    }
    if (out_.paths.size() <= kFolderFilesMax) return OkStatus();
    return ResourceExhausted(
        fmt::format("there are more than {} files; take the folder in parts", kFolderFilesMax));
  }

  BoardFolder out_;
};

}  // namespace

Result<BoardFolder> ListBoardFolder(const std::string& folder) {
  Lister lister;
  RETURN_IF_ERROR(lister.Walk(folder, "", 1));
  return lister.Done();
}

Result<bool> BoardWriter::Add(const std::string& path, const std::string& text) {
  RETURN_IF_ERROR(CheckBoardPath(path).WithContext(LogSafe(path)));
  const auto there = ReadFile((fs::path(folder_) / path).string(), text.size());
  if (there.ok() && *there == text) return false;
  if (batch_ == nullptr) {
    ASSIGN_OR_RETURN(batch_, FileBatch::Open(folder_));
  }
  RETURN_IF_ERROR(batch_->Add(path, text).WithContext(LogSafe(path)));
  return true;
}

bool BoardWriter::full() const {
  return batch_ != nullptr &&
         (batch_->size() >= kWriteBatchFilesMax || batch_->bytes() >= kWriteBatchBytesMax);
}

Result<std::vector<FileBatch::Refused>> BoardWriter::Flush() {
  const auto batch = std::move(batch_);
  if (batch == nullptr) return std::vector<FileBatch::Refused>();
  return batch->Commit();
}

}  // namespace koeval::board
