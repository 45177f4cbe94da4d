// Eviction: whole repositories, by rename, so that a crash leaves none in halves.
#include "common/hub/cache_room.h"

#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "common/base/log.h"
#include "common/base/random.h"
#include "common/base/size_text.h"
#include "common/hub/cache_lock.h"
#include "common/hub/disk_error.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kBlock = 512;  // the unit of st_blocks

int64_t BlobBytes(const std::string& blobs) {
  int64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator at(blobs, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    struct stat info {};
    if (::lstat(at->path().c_str(), &info) == 0 && S_ISREG(info.st_mode)) {
      bytes += int64_t{info.st_blocks} * kBlock;
    }
  }
  return bytes;
}

struct Candidate {
  std::string name;
  timespec last_use{};
};

// Repositories that this project used, the longest unused first.
std::vector<Candidate> Candidates(const CacheLayout& layout) {
  std::vector<Candidate> out;
  std::error_code error;
  for (fs::directory_iterator at(layout.UseFolder(), error);
       !error && at != fs::directory_iterator(); at.increment(error)) {
    struct stat info {};
    const std::string name = at->path().filename().string();
    if (!CacheLayout::IsFolderName(name) || ::stat(at->path().c_str(), &info) != 0) continue;
    if (fs::exists(layout.Folder(name))) out.push_back({name, info.st_mtim});
  }
  std::sort(out.begin(), out.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.last_use.tv_sec, a.last_use.tv_nsec) <
           std::pair(b.last_use.tv_sec, b.last_use.tv_nsec);
  });
  return out;
}

// Bytes that became free; 0 when somebody uses it.
Result<int64_t> Evict(const CacheLayout& layout, const std::string& name) {
  ASSIGN_OR_RETURN(const auto lock, TryLock(layout.Use(name), FileLock::Mode::kExclusive));
  if (lock == nullptr) return 0;
  const int64_t bytes = BlobBytes(layout.Blobs(name));
  RETURN_IF_ERROR(MakeFolders(layout.Trash()));
  const std::string away = layout.Trash() + "/" + name + "-" + RandomHex(8);
  if (::rename(layout.Folder(name).c_str(), away.c_str()) != 0) {
    return DiskError(errno, "move away", layout.Folder(name));
  }
  std::error_code ignored;
  fs::remove_all(layout.Infos(name), ignored);
  fs::remove_all(layout.AllVerified(name), ignored);
  fs::remove_all(away, ignored);  // what stays is removed with the next eviction
  spdlog::info("cache: {} is removed, {} become free", name, SizeText(bytes));
  return bytes;
}

}  // namespace

int64_t UsedBytes(const CacheLayout& layout) {
  int64_t bytes = 0;
  std::error_code error;
  for (fs::directory_iterator at(layout.root(), error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (CacheLayout::IsFolderName(name)) bytes += BlobBytes(layout.Blobs(name));
  }
  return bytes;
}

Status MakeRoom(const CacheLayout& layout, int64_t need, int64_t bytes_max) {
  std::error_code ignored;
  fs::remove_all(layout.Trash(), ignored);
  if (bytes_max <= 0 || need <= 0) return OkStatus();
  int64_t over = UsedBytes(layout) + need - bytes_max;
  if (over <= 0) return OkStatus();
  for (const Candidate& candidate : Candidates(layout)) {
    if (over <= 0) break;
    ASSIGN_OR_RETURN(const int64_t freed, Evict(layout, candidate.name));
    over -= freed;
  }
  if (over <= 0) return OkStatus();
  return ResourceExhausted(fmt::format(
      "the model cache {} may hold {}, and {} more are needed than what is in use leaves; raise "
      "its bound or wait until other models are done",
      layout.root(), SizeText(bytes_max), SizeText(over)));
}

}  // namespace koeval::hub
