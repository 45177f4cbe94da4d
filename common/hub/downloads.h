// The downloads of one Fetch: several files at a time, one report of their progress.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "common/base/cancel.h"
#include "common/base/status.h"
#include "common/hub/blob_store.h"
#include "common/hub/repository.h"

namespace koeval::hub {

inline constexpr int kDownloadsDefault = 4;
inline constexpr int kDownloadsMax = 32;  // files of one Fetch at a time

// How often DownloadAll looks whether it was asked to stop.
inline constexpr int64_t kDownloadPollMs = 50;

struct CacheProgress {
  std::string file;  // whose download began last
  int64_t done_bytes = 0, total_bytes = 0;
};

inline constexpr int64_t kProgressBytes = int64_t{16} << 20;

// Downloads `files`, at most `at_once` (1 to kDownloadsMax) at a time, each with the tries that the
// client makes for any file, but no two of them try again at once. The first that fails ends the
// others; its status is returned, and what the others have stays for the next time. `on_progress`
// (may be empty) is called from the calling thread at the beginning of each file, each
// kProgressBytes, and at the end. CANCELLED.
Status DownloadAll(std::span<const RepositoryFile* const> files, int at_once,
                   const BlobStore& blobs,
                   const std::function<void(const CacheProgress&)>& on_progress,
                   const Cancel& cancel);

}  // namespace koeval::hub
