// Threads that take file after file, and the caller that watches them.
#include "common/hub/downloads.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <utility>
#include <vector>

#include "common/base/mutex.h"

namespace koeval::hub {
namespace {

class Downloads {
 public:
  Downloads(std::span<const RepositoryFile* const> files, const BlobStore& blobs)
      : files_(files), blobs_(blobs) {}

  // One thread: files until none is left or one has failed.
  void Work() {
    while (const RepositoryFile* file = Take()) {
      const Status status = blobs_.Download(
          *file, [this](int64_t bytes) { Add(bytes); }, turn_, stop_);
      if (!status.ok()) Fail(status);
    }
    MutexLock lock(mutex_);
    ++ended_;
    changed_.NotifyAll();
  }

  // The caller's thread, until the `threads` others are done.
  Status Watch(int threads, const std::function<void(const CacheProgress&)>& on_progress,
               const Cancel& cancel) {
    CacheProgress shown;
    for (const RepositoryFile* file : files_) shown.total_bytes += file->size;
    for (bool going = true; going;) {
      std::deque<std::string> begun;
      int64_t done_bytes = 0;
      {
        MutexLock lock(mutex_);
        const bool news = !begun_.empty() || done_bytes_ - shown.done_bytes >= kProgressBytes;
        if (!news && ended_ < threads) changed_.WaitFor(mutex_, kDownloadPollMs);
        begun.swap(begun_);
        done_bytes = done_bytes_;
        going = ended_ < threads;
      }
      if (cancel.asked()) stop_.Ask();
      Report(begun, done_bytes, going, shown, on_progress);
    }
    RETURN_IF_ERROR(cancel.status());
    MutexLock lock(mutex_);
    return failure_;
  }

 private:
  const RepositoryFile* Take() {
    MutexLock lock(mutex_);
    if (next_ == files_.size() || !failure_.ok() || stop_.asked()) return nullptr;
    const RepositoryFile* file = files_[next_++];
    begun_.push_back(file->path);
    changed_.NotifyAll();
    return file;
  }

  void Add(int64_t bytes) {
    MutexLock lock(mutex_);
    const int64_t before = done_bytes_ / kProgressBytes;
    done_bytes_ += bytes;
    if (done_bytes_ / kProgressBytes != before) changed_.NotifyAll();
  }

  void Fail(const Status& status) {
    stop_.Ask();
    MutexLock lock(mutex_);
    if (failure_.ok()) failure_ = status;
  }

  static void Report(const std::deque<std::string>& begun, int64_t done_bytes, bool going,
                     CacheProgress& shown,
                     const std::function<void(const CacheProgress&)>& on_progress) {
    const bool moved = done_bytes - shown.done_bytes >= kProgressBytes ||
                       (!going && done_bytes != shown.done_bytes);
    if (begun.empty() && !moved) return;
    shown.done_bytes = done_bytes;
    if (!on_progress) return;
    for (const std::string& file : begun) {
      shown.file = file;
      on_progress(shown);
    }
    if (begun.empty()) on_progress(shown);
  }

  const std::span<const RepositoryFile* const> files_;
  const BlobStore& blobs_;
  Cancel stop_;
  RetryTurn turn_;
  Mutex mutex_;
  CondVar changed_;
  size_t next_ GUARDED_BY(mutex_) = 0;
  int ended_ GUARDED_BY(mutex_) = 0;  // threads
  int64_t done_bytes_ GUARDED_BY(mutex_) = 0;
  std::deque<std::string> begun_ GUARDED_BY(mutex_);
  Status failure_ GUARDED_BY(mutex_);
};

}  // namespace

Status DownloadAll(std::span<const RepositoryFile* const> files, int at_once,
                   const BlobStore& blobs,
                   const std::function<void(const CacheProgress&)>& on_progress,
                   const Cancel& cancel) {
  if (files.empty()) return OkStatus();
  Downloads downloads(files, blobs);
  const int wanted =
      std::min(std::clamp(at_once, 1, kDownloadsMax), static_cast<int>(files.size()));
  std::vector<std::thread> threads;
  for (int i = 0; i < wanted; ++i) threads.emplace_back([&downloads] { downloads.Work(); });
  Status status = downloads.Watch(wanted, on_progress, cancel);
  for (std::thread& thread : threads) thread.join();
  return status;
}

}  // namespace koeval::hub
