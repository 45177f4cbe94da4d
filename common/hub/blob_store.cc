// Blobs: verification with memory, reservation, resumed downloads.
#include "common/hub/blob_store.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/clock.h"
#include "common/base/fd.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/hub/cache_lock.h"
#include "common/hub/digest.h"
#include "common/hub/disk_error.h"
#include "common/hub/file_state.h"

namespace koeval::hub {
namespace {

constexpr size_t kMarkBytesMax = 4096;
constexpr int64_t kTurnPollMs = 50;  // how soon a wish to stop is seen
// Longer than a tick of the clock that file systems stamp with: 10 ms at 100 Hz.
constexpr int64_t kTickMs = 20;

// Returns once every later change of the file gets another time than `info` has.
void WaitPastTick(const struct stat& info, const Cancel& cancel) {
  const int64_t changed_ms = int64_t{info.st_ctim.tv_sec} * 1000 + info.st_ctim.tv_nsec / 1'000'000;
  for (int tries = 0; tries < 3 && !cancel.asked(); ++tries) {
    const int64_t age_ms = Clock::Real().Wall().micros / 1000 - changed_ms;
    if (age_ms < 0 || age_ms >= kTickMs) return;  // of a clock that was set: nothing to wait for
    cancel.WaitFor(kTickMs);
  }
}

// The download of one blob as a transfer that goes on where it broke.
class BlobTransfer final : public Transfer {
 public:
  BlobTransfer(const HubClient& client, HttpRequest request, const RepositoryFile& file,
               std::string commit, std::string path, int fd, const BlobStore::OnBytes& on_bytes,
               RetryTurn& turn, const Cancel& cancel)
      : client_(client),
        request_(std::move(request)),
        file_(file),
        commit_(std::move(commit)),
        path_(std::move(path)),
        fd_(fd),
        on_bytes_(on_bytes),
        turn_(turn),
        cancel_(cancel) {}
  ~BlobTransfer() override { GiveTurnBack(); }
  BlobTransfer(const BlobTransfer&) = delete;
  BlobTransfer& operator=(const BlobTransfer&) = delete;

  // Takes what the file has already.
  Status Resume(int64_t have, const Cancel& cancel) {
    RETURN_IF_ERROR(Restart());
    RETURN_IF_ERROR(AddFile(fd_, have, path_, *digest_, cancel));
    have_ = have;
    on_bytes_(have);
    return OkStatus();
  }
  Status Restart() {
    if (have_ > 0) on_bytes_(-have_);
    have_ = 0;
    digest_.emplace(file_.is_lfs, file_.size);
    return OkStatus();
  }

  HttpRequest Next() override {
    if (is_repeated_ && !has_turn_) has_turn_ = turn_.Take(cancel_);
    is_repeated_ = true;
    HttpRequest request = request_;
    request.bytes_max = static_cast<uint64_t>(std::max<int64_t>(1, file_.size));
    if (have_ > 0) {
      request.from = static_cast<uint64_t>(have_);
      request.if_range = etag_;
    }
    return request;
  }

  Status Begin(const HttpAnswer& answer) override {
    RETURN_IF_ERROR(client_.CheckFileAnswer(answer, file_.path, commit_));
    const auto etag = answer.headers.find("etag");
    // A weak ETag makes no range valid.
    const bool strong = etag != answer.headers.end() && !etag->second.starts_with("W/");
    etag_ = strong ? etag->second : "";
    if (answer.status != 206) {
      if (have_ == 0) return OkStatus();
      if (::ftruncate(fd_, 0) != 0) return DiskError(errno, "truncate", path_);
      return Restart();
    }
    const auto range = answer.headers.find("content-range");
    const std::string wanted = fmt::format("bytes {}-", have_);
    if (range != answer.headers.end() && range->second.starts_with(wanted)) return OkStatus();
    return DataLoss(
        fmt::format("{}: the hub answers with another range than was asked", file_.path));
  }

  Status Write(std::string_view bytes) override {
    GiveTurnBack();
    if (static_cast<int64_t>(bytes.size()) > file_.size - have_) {
      return DataLoss(fmt::format("{}: the hub sends more than the {} bytes that it states",
                                  file_.path, file_.size));
    }
    digest_->Add(bytes);
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_, bytes.data(), bytes.size(), have_);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return DiskError(errno, "write", path_);
      bytes.remove_prefix(static_cast<size_t>(n));
      have_ += n;
      on_bytes_(n);
    }
    return OkStatus();
  }

  int64_t have() const { return have_; }
  std::string FinishHex() { return digest_->FinishHex(); }

 private:
  void GiveTurnBack() {
    if (has_turn_) turn_.GiveBack();
    has_turn_ = false;
  }

  const HubClient& client_;
  const HttpRequest request_;
  const RepositoryFile& file_;
  const std::string commit_, path_;
  const int fd_;
  const BlobStore::OnBytes& on_bytes_;
  RetryTurn& turn_;
  const Cancel& cancel_;
  bool is_repeated_ = false, has_turn_ = false;
  std::optional<FileDigest> digest_;
  int64_t have_ = 0;
  std::string etag_;
};

}  // namespace

bool RetryTurn::Take(const Cancel& cancel) {
  MutexLock lock(mutex_);
  while (is_taken_ && !cancel.asked()) changed_.WaitFor(mutex_, kTurnPollMs);
  if (cancel.asked()) return false;
  is_taken_ = true;
  return true;
}

void RetryTurn::GiveBack() {
  MutexLock lock(mutex_);
  is_taken_ = false;
  changed_.NotifyAll();
}

bool IsMarkedVerified(const CacheLayout& layout, const std::string& name,
                      const RepositoryFile& file, const struct stat& info) {
  const auto remembered = ReadFile(layout.Verified(name, file.digest), kMarkBytesMax);
  return remembered.ok() && *remembered == StateOf(info);
}

BlobStore::BlobStore(const CacheLayout& layout, const HubClient* client, Place place)
    : layout_(layout),
      client_(client),
      place_(std::move(place)),
      name_(CacheLayout::FolderName(place_.kind, place_.id)) {}

Result<bool> BlobStore::Has(const RepositoryFile& file, const Cancel& cancel) const {
  const std::string path = layout_.Blob(name_, file.digest);
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0 && errno == ENOENT) return false;
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return DiskError(errno, "open", path);
  const std::string mark = layout_.Verified(name_, file.digest);
  if (info.st_size == file.size) {
    if (IsMarkedVerified(layout_, name_, file, info)) return true;
    WaitPastTick(info, cancel);
    if (::fstat(fd.get(), &info) != 0) return DiskError(errno, "examine", path);
    FileDigest digest(file.is_lfs, file.size);
    RETURN_IF_ERROR(AddFile(fd.get(), file.size, path, digest, cancel));
    if (digest.FinishHex() == file.digest) {
      RETURN_IF_ERROR(MakeFolders(layout_.AllVerified(name_)));
      (void)WriteFileAtomically(mark, StateOf(info));  // without it the bytes are read again
      return true;
    }
  }
  spdlog::warn("cache: {} of {} is damaged and is removed", file.path, place_.id);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return DiskError(errno, "remove", path);
  return false;
}

int64_t BlobStore::Need(const RepositoryFile& file) const {
  struct stat info {};
  if (::stat(layout_.Incomplete(name_, file.digest).c_str(), &info) != 0) return file.size;
  constexpr int64_t kBlock = 512;  // the unit of st_blocks, whatever the file system's
  return std::max<int64_t>(0, file.size - int64_t{info.st_blocks} * kBlock);
}

Status BlobStore::Reserve(const RepositoryFile& file) const {
  if (file.size == 0) return OkStatus();
  RETURN_IF_ERROR(MakeFolders(layout_.Blobs(name_)));
  const std::string path = layout_.Incomplete(name_, file.digest);
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (fd.get() < 0) return DiskError(errno, "create", path);
  if (::fallocate(fd.get(), FALLOC_FL_KEEP_SIZE, 0, file.size) == 0) return OkStatus();
  if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG) {
    return DiskError(errno, fmt::format("reserve {} bytes for", file.size), path);
  }
  return OkStatus();
}

void BlobStore::Drop(const RepositoryFile& file) const {
  const auto lock = TryLock(layout_.BlobLock(name_, file.digest), FileLock::Mode::kExclusive);
  if (lock.ok() && *lock != nullptr) ::unlink(layout_.Incomplete(name_, file.digest).c_str());
}

Status BlobStore::Download(const RepositoryFile& file, const OnBytes& on_bytes, RetryTurn& turn,
                           const Cancel& cancel) const {
  RETURN_IF_ERROR(MakeFolders(layout_.Blobs(name_)));
  ASSIGN_OR_RETURN(const auto lock, TakeLock(layout_.BlobLock(name_, file.digest),
                                             FileLock::Mode::kExclusive, cancel));
  ASSIGN_OR_RETURN(const bool has, Has(file, cancel));
  if (has) {
    on_bytes(file.size);
    return OkStatus();
  }
  if (client_ == nullptr) {
    return FailedPrecondition(
        fmt::format("{}: {} is not in the cache {}, and the hub may not be asked (offline)",
                    place_.id, file.path, layout_.root()));
  }
  // Bytes that an earlier process left may be damaged: they get one chance, then all are asked.
  struct stat info {};
  const bool leftover =
      ::stat(layout_.Incomplete(name_, file.digest).c_str(), &info) == 0 && info.st_size > 0;
  const Status status = DownloadOnce(file, /*fresh=*/false, on_bytes, turn, cancel);
  if (status.code() != Code::kDataLoss || !leftover) return status;
  return DownloadOnce(file, /*fresh=*/true, on_bytes, turn, cancel);
}

Status BlobStore::DownloadOnce(const RepositoryFile& file, bool fresh, const OnBytes& on_bytes,
                               RetryTurn& turn, const Cancel& cancel) const {
  const std::string path = layout_.Incomplete(name_, file.digest);
  const Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  struct stat info {};
  if (fd.get() < 0 || ::fstat(fd.get(), &info) != 0) return DiskError(errno, "create", path);
  const bool usable = !fresh && info.st_size <= file.size;
  if (!usable && ::ftruncate(fd.get(), 0) != 0) return DiskError(errno, "truncate", path);
  BlobTransfer transfer(*client_,
                        client_->FileRequest(place_.kind, place_.id, place_.commit, file.path),
                        file, place_.commit, path, fd.get(), on_bytes, turn, cancel);
  RETURN_IF_ERROR(transfer.Resume(usable ? info.st_size : 0, cancel));
  const std::string what = place_.id + "/" + file.path;
  if (transfer.have() < file.size) {
    ASSIGN_OR_RETURN(const HttpAnswer answer, client_->http().Get(transfer, cancel));
    RETURN_IF_ERROR(client_->CheckFileAnswer(answer, what, place_.commit));
  }
  const std::string found = transfer.FinishHex();
  if (transfer.have() != file.size || found != file.digest) {
    on_bytes(-transfer.have());
    ::unlink(path.c_str());
    return DataLoss(fmt::format("{}: {} bytes with digest {} arrived, the hub states {} and {}",
                                what, transfer.have(), found, file.size, file.digest));
  }
  if (::fsync(fd.get()) != 0) return DiskError(errno, "sync", path);
  return Publish(file, cancel);
}

Status BlobStore::Publish(const RepositoryFile& file, const Cancel& cancel) const {
  const std::string path = layout_.Blob(name_, file.digest);
  if (::rename(layout_.Incomplete(name_, file.digest).c_str(), path.c_str()) != 0) {
    return DiskError(errno, "rename to", path);
  }
  RETURN_IF_ERROR(OfCache(SyncFolderOf(path)));
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return DiskError(errno, "examine", path);
  WaitPastTick(info, cancel);
  RETURN_IF_ERROR(MakeFolders(layout_.AllVerified(name_)));
  (void)WriteFileAtomically(layout_.Verified(name_, file.digest), StateOf(info));
  return OkStatus();
}

}  // namespace koeval::hub
