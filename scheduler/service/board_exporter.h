// Keeps folders in step with the queue: the leaderboard's datasets `requests` and `results`,
// written as states change.
//
// THREADS: one of its own, which reads through read-only connections and writes the files. The
// dispatcher only wakes it. What cannot be written is logged, counted, and tried again; nothing
// else waits for it.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/service/board_files.h"
#include "scheduler/service/metrics.h"
#include "scheduler/service/reader_pool.h"

namespace koeval::service {

class BoardExporter {
 public:
  struct Options {
    std::string requests_dir;     // "": none
    std::string results_dir;      // "": none
    std::string suite;            // whose requests and scores
    int64_t debounce_ms = 2'000;  // changes that come sooner are written together
    int64_t retry_ms = 30'000;    // until what failed is tried again
  };
  BoardExporter(ReaderPool& readers, Metrics& metrics, const Redact& redact, Options options);
  ~BoardExporter();  // Stop()

  // `committed` is the newest event on disk; called by the exporter's thread.
  void Start(std::function<int64_t()> committed);
  // Joins, and writes what has changed until now: at most kExportStopFilesMax files, the others
  // after the next start. Idempotent.
  void Stop() EXCLUDES(mutex_);
  // Events were committed. Any thread; never blocks for long.
  void Wake() EXCLUDES(mutex_);
  // Something else than requests has changed: everything is compared again. Any thread.
  void Rescan() EXCLUDES(mutex_);

  // One pass, to event `committed`: OK, or the first of its errors. Only while not started.
  Status RunOnce(int64_t committed);

 private:
  struct Folder {
    std::string path;
    BoardFiles files;
    std::set<std::string> pending;  // paths that may differ from what is on disk
  };

  class Pass;

  void Loop();
  Status Collect(int64_t committed);
  Status CollectChanges(int64_t committed);
  Status Write(Folder& folder);
  void Report(const Status& status);

  ReaderPool& readers_;
  Metrics& metrics_;
  const Options options_;
  std::function<int64_t()> committed_;
  std::vector<Folder> folders_;
  bool scanned_ = false;  // the exporter's thread, as are the next two
  int64_t seen_seq_ = 0;
  std::string last_error_;
  std::atomic<bool> stopping_{false};
  Mutex mutex_;
  CondVar changed_;
  bool woken_ GUARDED_BY(mutex_) = true;
  bool rescan_ GUARDED_BY(mutex_) = false;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace koeval::service
