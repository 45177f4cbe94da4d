// File access over POSIX calls.
#include "common/base/file.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <utility>

#include "common/base/fd.h"
#include "common/base/posix_file.h"

namespace koeval {
namespace {

// Never waits, as opening a named pipe without a writer would: what is no regular file is refused
// by RegularFileSize.
int OpenToRead(const std::string& path) {
  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

Result<size_t> RegularFileSize(int fd, const std::string& path) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return ErrnoStatus(errno, "examine", path);
  if (!S_ISREG(info.st_mode)) return InvalidArgument(path + " is not a regular file");
  return static_cast<size_t>(info.st_size);
}

}  // namespace

Status SyncFolderOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const std::string folder = parent.empty() ? "." : parent;
  const Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) return ErrnoStatus(errno, "sync folder", folder);
  return OkStatus();
}

Result<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  const Fd fd(OpenToRead(path));
  if (fd.get() < 0) return ErrnoStatus(errno, "open", path);
  ASSIGN_OR_RETURN(const size_t size, RegularFileSize(fd.get(), path));
  if (size > bytes_max) {
    return ResourceExhausted(
        fmt::format("{} has {} bytes, over the limit of {}", path, size, bytes_max));
  }
  std::string out(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd.get(), out.data() + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(errno, "read", path);
    if (n == 0) break;
    done += static_cast<size_t>(n);
  }
  out.resize(done);
  return out;
}

AtomicFile::AtomicFile(std::string path, std::string beside, int fd)
    : path_(std::move(path)), beside_(std::move(beside)), fd_(fd) {}

Result<std::unique_ptr<AtomicFile>> AtomicFile::Create(const std::string& path, uint32_t mode) {
  // A name of its own for every writer: two threads may replace the same file.
  static std::atomic<uint64_t> writes = 0;
  std::string beside = fmt::format("{}.tmp.{}.{}", path, ::getpid(), ++writes);
  ::unlink(beside.c_str());  // of an earlier process with this pid; its mode may be another
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return ErrnoStatus(errno, "create", beside);
  return std::unique_ptr<AtomicFile>(new AtomicFile(path, std::move(beside), fd));
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(beside_.c_str());
}

Status AtomicFile::Append(std::string_view bytes) {
  return WriteAll(fd_, bytes, beside_);
}

Status AtomicFile::Commit() {
  if (::fsync(fd_) != 0) return ErrnoStatus(errno, "sync", beside_);
  if (::rename(beside_.c_str(), path_.c_str()) != 0) return ErrnoStatus(errno, "rename to", path_);
  ::close(std::exchange(fd_, -1));
  return SyncFolderOf(path_);
}

Status WriteFileAtomically(const std::string& path, std::string_view bytes, uint32_t mode) {
  ASSIGN_OR_RETURN(const auto file, AtomicFile::Create(path, mode));
  RETURN_IF_ERROR(file->Append(bytes));
  return file->Commit();
}

Result<std::unique_ptr<MappedFile>> MappedFile::Open(const std::string& path) {
  const Fd fd(OpenToRead(path));
  if (fd.get() < 0) return ErrnoStatus(errno, "open", path);
  ASSIGN_OR_RETURN(const size_t size, RegularFileSize(fd.get(), path));
  if (size == 0) return std::unique_ptr<MappedFile>(new MappedFile(nullptr, 0));
  void* data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (data == MAP_FAILED) return ErrnoStatus(errno, "map", path);
  ::munlock(data, size);  // of a process that locks its memory (private_memory.h)
  return std::unique_ptr<MappedFile>(new MappedFile(static_cast<const char*>(data), size));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<char*>(data_), size_);
}

}  // namespace koeval
