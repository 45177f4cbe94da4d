// A plain directory as a repository.
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/hub/model_card.h"
#include "common/hub/repository.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;

constexpr int kDepthMax = 16;

class Directory final : public Repository {
 public:
  Directory(std::string root, RepositoryInfo info)
      : root_(std::move(root)), info_(std::move(info)) {}

  const RepositoryInfo& info() const override { return info_; }

  Result<std::string> ReadFile(const std::string& path, size_t bytes_max) const override {
    ASSIGN_OR_RETURN(const RepositoryFile* file, FindFor(path));
    if (static_cast<uint64_t>(file->size) > bytes_max) {
      return OutOfRange(fmt::format("{}/{} has {} bytes, at most {} are read", root_, path,
                                    file->size, bytes_max));
    }
    return koeval::ReadFile(root_ + "/" + path, bytes_max);
  }

  Result<std::string> ReadRange(const std::string& path, uint64_t offset,
                                uint64_t length) const override {
    RETURN_IF_ERROR(FindRange(path, offset, length).status());
    const std::string full = root_ + "/" + path;
    const int fd = ::open(full.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return Unavailable(fmt::format("cannot open {}: {}", full, std::strerror(errno)));
    std::string out(length, '\0');
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n =
          ::pread(fd, out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) break;
      done += static_cast<size_t>(n);
    }
    ::close(fd);
    if (done == out.size()) return out;
    return Aborted(fmt::format("{} became shorter while it was read", full));
  }

 private:
  const std::string root_;
  const RepositoryInfo info_;
};

// Adds `path` to the listing if it is a regular file; `newest` is the latest change of any.
void AddFile(const fs::path& path, const std::string& relative, RepositoryInfo& info,
             int64_t& newest) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  info.files.push_back({relative, static_cast<int64_t>(status.st_size), "", false});
  newest = std::max(newest, static_cast<int64_t>(status.st_mtim.tv_sec));
}

Status List(const std::string& root, RepositoryInfo& info, int64_t& newest) {
  std::error_code error;
  fs::recursive_directory_iterator at(root, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const fs::path& path = at->path();
    std::error_code ignored;
    if (at->is_directory(ignored)) {
      const bool hidden = path.filename().string().starts_with(".");
      if (hidden || at.depth() + 1 >= kDepthMax) at.disable_recursion_pending();
      continue;
    }
    const std::string relative = path.lexically_relative(root).string();
    if (!CheckFilePath(relative).ok()) continue;
    AddFile(path, relative, info, newest);
    if (info.files.size() > kRepositoryFilesMax) {
      return OutOfRange(fmt::format("{} has more than {} files; name the model's own directory",
                                    root, kRepositoryFilesMax));
    }
  }
  if (error) return Unavailable(fmt::format("cannot list {}: {}", root, error.message()));
  std::sort(info.files.begin(), info.files.end(),
            [](const RepositoryFile& a, const RepositoryFile& b) { return a.path < b.path; });
  return OkStatus();
}

void AddCard(ModelCard card, RepositoryInfo& info) {
  info.license = std::move(card.license);
  info.license_name = std::move(card.license_name);
  info.license_link = std::move(card.license_link);
  info.base_models = std::move(card.base_models);
  info.tags = std::move(card.tags);
}

}  // namespace

Result<std::unique_ptr<Repository>> OpenDirectory(const std::string& dir) {
  struct stat status {};
  if (::stat(dir.c_str(), &status) != 0) return NotFound("there is no directory " + dir);
  if (!S_ISDIR(status.st_mode)) return NotFound(dir + " is not a directory");
  RepositoryInfo info;
  info.id = dir;
  int64_t newest = 0;
  RETURN_IF_ERROR(List(dir, info, newest));
  if (newest > 0) info.last_modified = FormatUtc({newest * 1'000'000});
  const auto card = koeval::ReadFile(dir + "/README.md", kCardBytesMax);
  if (card.ok()) AddCard(ParseModelCard(*card), info);
  return std::unique_ptr<Repository>(std::make_unique<Directory>(dir, std::move(info)));
}

}  // namespace koeval::hub
