// Temporary files in a locked folder, two syncs, renames.
#include "common/base/file_batch.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/file.h"
#include "common/base/posix_file.h"

namespace koeval {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFolderPrefix = ".koeval-batch-";
constexpr int kFolderTries = 64;

Status MakeFolders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? ErrnoStatus(error.value(), "make", folder.string()) : OkStatus();
}

// The folder opened and locked; not open when another batch has it, or has just removed it.
Fd LockFolder(const std::string& folder) {
  Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd.open() || ::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return {};
  struct stat locked {};
  struct stat named {};
  const bool same = ::fstat(fd.get(), &locked) == 0 && ::stat(folder.c_str(), &named) == 0 &&
                    locked.st_dev == named.st_dev && locked.st_ino == named.st_ino;
  return same ? std::move(fd) : Fd();
}

// Removes the folders of batches whose process is gone: nobody holds their lock.
void RemoveLeftovers(const std::string& root) {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::directory_iterator it(root, error); !error && it != fs::directory_iterator();
       it.increment(error)) {
    if (it->path().filename().string().starts_with(kFolderPrefix)) found.push_back(it->path());
  }
  for (const std::string& folder : found) {
    const Fd lock = LockFolder(folder);
    if (lock.open()) fs::remove_all(folder, error);
  }
}

Status SyncFile(const std::string& path) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.open() || ::fsync(fd.get()) != 0) return ErrnoStatus(errno, "sync", path);
  return OkStatus();
}

}  // namespace

Result<std::unique_ptr<FileBatch>> FileBatch::Open(const std::string& root) {
  RETURN_IF_ERROR(MakeFolders(root));
  RemoveLeftovers(root);
  for (int n = 0; n < kFolderTries; ++n) {
    std::string folder = fmt::format("{}/{}{}", root, kFolderPrefix, n);
    if (::mkdir(folder.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return ErrnoStatus(errno, "make", folder);
    }
    Fd lock = LockFolder(folder);
    if (!lock.open()) continue;
    return std::unique_ptr<FileBatch>(new FileBatch(root, std::move(folder), std::move(lock)));
  }
  return ResourceExhausted(fmt::format(
      "{} processes write into {} at once; try again when they have ended", kFolderTries, root));
}

FileBatch::~FileBatch() {
  Discard();
  ::rmdir(folder_.c_str());
}

void FileBatch::Discard() {
  for (const Staged& file : files_) ::unlink(file.beside.c_str());
  files_.clear();
  bytes_ = 0;
}

Status FileBatch::Add(const std::string& path, std::string_view bytes, uint32_t mode) {
  std::string beside = fmt::format("{}/{}", folder_, files_.size());
  const Fd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!fd.open()) return ErrnoStatus(errno, "create", beside);
  if (const Status written = WriteAll(fd.get(), bytes, beside); !written.ok()) {
    ::unlink(beside.c_str());
    return written;
  }
  files_.push_back({path, std::move(beside)});
  bytes_ += bytes.size();
  return OkStatus();
}

Status FileBatch::SyncContents() {
  Before(Step::kSyncContents);
  if (files_.size() <= kBatchSyncEachMax) {
    for (const Staged& file : files_) RETURN_IF_ERROR(SyncFile(file.beside));
    return OkStatus();
  }
  if (::syncfs(lock_.get()) != 0) return ErrnoStatus(errno, "sync the file system of", root_);
  return OkStatus();
}

Status FileBatch::Rename(const Staged& file) {
  Before(Step::kRename);
  const fs::path place = fs::path(root_) / file.path;
  RETURN_IF_ERROR(MakeFolders(place.parent_path()));
  if (::rename(file.beside.c_str(), place.c_str()) == 0) return OkStatus();
  const Status why = ErrnoStatus(errno, "rename to", place.string());
  ::unlink(file.beside.c_str());
  return why;
}

Status FileBatch::SyncNames() {
  Before(Step::kSyncNames);
  if (files_.size() > kBatchSyncEachMax) {
    if (::syncfs(lock_.get()) != 0) return ErrnoStatus(errno, "sync the file system of", root_);
    return OkStatus();
  }
  for (const Staged& file : files_) {
    // Every folder from that of the file up to the root may be new.
    for (fs::path path = file.path; !path.empty(); path = path.parent_path()) {
      const Status synced = SyncFolderOf((fs::path(root_) / path).string());
      if (!synced.ok() && synced.code() != Code::kNotFound) return synced;
    }
  }
  return OkStatus();
}

Result<std::vector<FileBatch::Refused>> FileBatch::Commit() {
  std::vector<Refused> refused;
  Status status = files_.empty() ? OkStatus() : SyncContents();
  if (status.ok() && !files_.empty()) {
    for (const Staged& file : files_) {
      const Status renamed = Rename(file);
      if (!renamed.ok()) refused.push_back({file.path, renamed});
    }
    status = SyncNames();
  }
  Discard();
  if (!status.ok()) return status;
  return refused;
}

}  // namespace koeval
