// The exporter's thread.
#include "scheduler/service/board_exporter.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/log.h"
#include "scheduler/board/board_folder.h"
#include "scheduler/core/event_kinds.h"
#include "scheduler/service/limits.h"

namespace koeval::service {

BoardExporter::BoardExporter(ReaderPool& readers, Metrics& metrics, const Redact& redact,
                             Options options)
    : readers_(readers), metrics_(metrics), options_(std::move(options)) {
  const auto add = [this, &redact](const std::string& path, board::FileKind kind) {
    if (path.empty()) return;
    folders_.push_back({path, BoardFiles(readers_, kind, options_.suite, redact), {}});
  };
  add(options_.requests_dir, board::FileKind::kRequests);
  add(options_.results_dir, board::FileKind::kResults);
}

BoardExporter::~BoardExporter() {
  Stop();
}

void BoardExporter::Start(std::function<int64_t()> committed) {
  committed_ = std::move(committed);
  if (!folders_.empty()) thread_ = std::thread([this] { Loop(); });
}

void BoardExporter::Stop() {
  stopping_.store(true);
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyAll();
  }
  if (!thread_.joinable()) return;
  thread_.join();
  (void)RunOnce(committed_());
}

void BoardExporter::Wake() {
  MutexLock lock(mutex_);
  if (woken_) return;
  woken_ = true;
  changed_.NotifyAll();
}

void BoardExporter::Rescan() {
  MutexLock lock(mutex_);
  rescan_ = true;
  woken_ = true;
  changed_.NotifyAll();
}

void BoardExporter::Loop() {
  bool failed = false;
  for (;;) {
    {
      MutexLock lock(mutex_);
      if (!woken_ && !stop_ && failed) changed_.WaitFor(mutex_, options_.retry_ms);
      while (!woken_ && !stop_ && !failed) changed_.Wait(mutex_);
      if (!stop_) changed_.WaitFor(mutex_, options_.debounce_ms);
      if (stop_) return;
      woken_ = false;
    }
    failed = !RunOnce(committed_()).ok();
  }
}

Status BoardExporter::RunOnce(int64_t committed) {
  Status first = Collect(committed);
  for (Folder& folder : folders_) {
    const Status status = Write(folder);
    if (first.ok()) first = status;
  }
  Report(first);
  return first;
}

Status BoardExporter::Collect(int64_t committed) {
  {
    MutexLock lock(mutex_);
    if (rescan_) scanned_ = false;
    rescan_ = false;
  }
  if (scanned_) return CollectChanges(committed);
  for (Folder& folder : folders_) {
    RETURN_IF_ERROR(folder.files.Scan());
    folder.pending.insert(folder.files.paths().begin(), folder.files.paths().end());
  }
  scanned_ = true;
  seen_seq_ = committed;
  return OkStatus();
}

Status BoardExporter::CollectChanges(int64_t committed) {
  std::set<std::string> ids;
  while (seen_seq_ < committed) {
    ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
    ASSIGN_OR_RETURN(const auto events, reader->Events(seen_seq_, {}, kPageMax));
    if (events.empty()) break;
    for (const core::EventRow& event : events) {
      if (event.kind != core::kind::kBatch && !event.request.text.empty()) {
        ids.insert(event.request.text);
      }
    }
    seen_seq_ = events.back().seq;
  }
  for (const std::string& id : ids) {
    for (Folder& folder : folders_) {
      ASSIGN_OR_RETURN(auto path, folder.files.Update(RequestId{id}));
      if (path) folder.pending.insert(*std::move(path));
    }
  }
  return OkStatus();
}

// One pass over the pending paths of one folder: what is durable is pending no more.
class BoardExporter::Pass {
 public:
  Pass(Folder& folder, Metrics& metrics) : folder_(folder), metrics_(metrics) {}

  void Add(const std::string& path) {
    const auto text = folder_.files.Text(path);
    const auto added = text.ok() ? writer_.Add(path, *text)
                                 : Result<bool>(text.status().WithContext(LogSafe(path)));
    if (!added.ok()) return Fail(added.status());
    if (*added) {
      added_.push_back(path);
    } else {
      folder_.pending.erase(path);
    }
    if (writer_.full()) Flush();
  }

  void Flush() {
    const auto refused = writer_.Flush();
    if (!refused.ok()) {
      added_.clear();
      return Fail(refused.status());
    }
    std::set<std::string> left;
    for (const FileBatch::Refused& file : *refused) {
      left.insert(file.path);
      Fail(file.why);
    }
    for (const std::string& path : added_) {
      if (left.contains(path)) continue;
      metrics_.CountExport(true);
      folder_.pending.erase(path);
    }
    added_.clear();
  }

  void Fail(const Status& status) {
    metrics_.CountExport(false);
    ++failures_;
    if (first_.ok()) first_ = status;
  }

  // Whatever comes next fares no better.
  bool gives_up() const { return failures_ >= kExportFailuresMax; }
  const Status& first_error() const { return first_; }

 private:
  Folder& folder_;
  Metrics& metrics_;
  board::BoardWriter writer_{folder_.path};
  std::vector<std::string> added_;
  size_t failures_ = 0;
  Status first_;
};

Status BoardExporter::Write(Folder& folder) {
  Pass pass(folder, metrics_);
  const std::vector<std::string> paths(folder.pending.begin(), folder.pending.end());
  size_t at_the_end = 0;
  bool cut = false;
  for (const std::string& path : paths) {
    cut = stopping_.load() && ++at_the_end > kExportStopFilesMax;
    if (cut || pass.gives_up()) break;
    pass.Add(path);
  }
  pass.Flush();
  if (cut) return Unavailable("the scheduler stops; the rest is written after the next start");
  return pass.first_error();
}

// One line for each new state, so that a full disk does not fill the log too.
void BoardExporter::Report(const Status& status) {
  const std::string error = status.ok() ? "" : LogSafe(status.message());
  if (error == last_error_) return;
  last_error_ = error;
  if (status.ok()) {
    spdlog::info("the export folders are in step with the queue again");
  } else {
    spdlog::error("the export folders are behind the queue, and will be tried again: {}", error);
  }
}

}  // namespace koeval::service
