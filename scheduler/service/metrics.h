// What Prometheus reads. No label holds a model, a user or a request.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <cstdint>
#include <string>

#include "common/base/clock.h"
#include "scheduler/core/core.h"

namespace koeval::service {

// Thread-safe.
class Metrics {
 public:
  explicit Metrics(WallTime started);

  void SetQueue(const core::Counts& now);
  void SetInboxDepth(size_t events);
  void SetWatchers(size_t watchers);
  void ObserveCommit(double seconds, size_t events);
  // From an event's arrival in the inbox to its answers leaving.
  void ObserveTurn(double seconds);
  void CountBatches(int64_t stored);
  void CountLease();
  void CountInboxRefusal();
  void CountCheck(bool ok);
  void CountScore(bool ok);
  void CountExport(bool ok);        // a file of the export folders
  void CountNotification(bool ok);  // delivered, or dropped

  // Prometheus text format 0.0.4.
  std::string Text() const;

 private:
  prometheus::Registry registry_;
  std::array<prometheus::Gauge*, 4> requests_{};
  prometheus::Gauge* workers_;
  prometheus::Gauge* slots_;
  prometheus::Gauge* slots_busy_;
  prometheus::Gauge* leases_;
  prometheus::Gauge* paused_;
  prometheus::Gauge* inbox_;
  prometheus::Gauge* watchers_;
  prometheus::Histogram* commit_seconds_;
  prometheus::Histogram* commit_events_;
  prometheus::Histogram* turn_seconds_;
  prometheus::Counter* batches_;
  prometheus::Counter* leases_total_;
  prometheus::Counter* inbox_refused_;
  std::array<prometheus::Counter*, 2> checks_{};
  std::array<prometheus::Counter*, 2> scores_{};
  std::array<prometheus::Counter*, 2> exports_{};
  std::array<prometheus::Counter*, 2> notifications_{};
};

}  // namespace koeval::service
