// Follows the change feed and tells one sender of every request that ends.
//
// The feed is the outbox: it is on disk, so what ended is told at least once, also when the
// scheduler ends in between. A file holds the number of the newest entry that was dealt with. What
// cannot be delivered is tried again with growing pauses, in order, until it is older than
// `retry_for_ms`; then it is dropped with a line in the log. A request that was retried before its
// end could be told is told when it ends again.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/service/metrics.h"
#include "scheduler/service/notification.h"
#include "scheduler/service/reader_pool.h"

namespace koeval::service {

// Has a thread of its own, which alone sends, and a reader of the store: never in the way of the
// dispatcher.
class Notifier {
 public:
  struct Options {
    std::string cursor_file;
    int64_t retry_for_ms = 24 * 3'600'000LL;
    int64_t first_pause_ms = 1'000;
    int64_t longest_pause_ms = 300'000;
  };
  // `newest` is the newest entry of the feed: where a notifier without a file begins, and the most
  // that the file may say (a database may have been restored). DATA_LOSS for a file that holds no
  // number, naming it.
  static Result<std::unique_ptr<Notifier>> Start(std::unique_ptr<NotificationSender> sender,
                                                 Options options, ReaderPool& readers,
                                                 Metrics& metrics, const Clock& clock,
                                                 int64_t newest);
  ~Notifier();  // Stop()

  // The feed has grown. Any thread; never blocks for long.
  void Wake() EXCLUDES(mutex_);
  // Ends what is being sent and joins. Idempotent.
  void Stop() EXCLUDES(mutex_);

 private:
  Notifier(std::unique_ptr<NotificationSender> sender, Options options, ReaderPool& readers,
           Metrics& metrics, const Clock& clock, int64_t cursor);

  void Loop();
  // Deals with entries in order until none is left (true) or one must wait (false).
  Result<bool> Pass();
  Result<bool> Deal(const core::EventRow& event);
  void WaitForMore();
  void Pause();
  bool stopping() EXCLUDES(mutex_);

  const std::unique_ptr<NotificationSender> sender_;
  const Options options_;
  ReaderPool& readers_;
  Metrics& metrics_;
  const Clock& clock_;
  int64_t cursor_;    // the thread's
  int64_t pause_ms_;  // the thread's
  Mutex mutex_;
  CondVar changed_;
  bool woken_ GUARDED_BY(mutex_) = true;
  bool stop_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace koeval::service
