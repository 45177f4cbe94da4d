// Every notifier that the configuration asks for.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/service/config.h"
#include "scheduler/service/metrics.h"
#include "scheduler/service/notifier.h"
#include "scheduler/service/reader_pool.h"

namespace koeval::service {

// Thread-safe.
class Notifiers {
 public:
  // Starts them at `newest`, the newest entry of the feed. Errors of MakeWebhook and
  // Notifier::Start; those that were started before the error run until Stop().
  Status Start(const ServiceConfig& config, ReaderPool& readers, Metrics& metrics,
               const Clock& clock, int64_t newest) EXCLUDES(mutex_);
  // The feed has grown. Never blocks for long.
  void Wake() EXCLUDES(mutex_);
  // Ends what is being sent and joins. Idempotent.
  void Stop() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::vector<std::unique_ptr<Notifier>> all_ GUARDED_BY(mutex_);
};

}  // namespace koeval::service
