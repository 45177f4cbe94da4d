// Prometheus metrics.
#include "scheduler/service/metrics.h"

#include <prometheus/text_serializer.h>

#include "scheduler/service/version.h"

namespace koeval::service {
namespace {

prometheus::Gauge* MakeGauge(prometheus::Registry& registry, const char* name, const char* help) {
  return &prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Counter* MakeCounter(prometheus::Registry& registry, const char* name,
                                 const char* help) {
  return &prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

// Counters {outcome="ok"} and {outcome="failed"}.
std::array<prometheus::Counter*, 2> MakeOutcomes(prometheus::Registry& registry, const char* name,
                                                 const char* help) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(registry);
  return {&family.Add({{"outcome", "failed"}}), &family.Add({{"outcome", "ok"}})};
}

prometheus::Histogram* MakeHistogram(prometheus::Registry& registry, const char* name,
                                     const char* help,
                                     prometheus::Histogram::BucketBoundaries bounds) {
  return &prometheus::BuildHistogram().Name(name).Help(help).Register(registry).Add({}, bounds);
}

const prometheus::Histogram::BucketBoundaries kSeconds = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05,
                                                          0.1,   0.2,   0.5,   1.0,  2.0,  5.0};

}  // namespace

Metrics::Metrics(WallTime started) {
  auto& states = prometheus::BuildGauge()
                     .Name("koeval_requests")
                     .Help("Requests by state")
                     .Register(registry_);
  requests_ = {&states.Add({{"state", "PENDING"}}), &states.Add({{"state", "RUNNING"}}),
               &states.Add({{"state", "FINISHED"}}), &states.Add({{"state", "FAILED"}})};
  workers_ = MakeGauge(registry_, "koeval_workers", "Workers that are connected");
  slots_ = MakeGauge(registry_, "koeval_slots", "Slots of connected workers");
  slots_busy_ = MakeGauge(registry_, "koeval_slots_busy", "Slots that hold a lease");
  leases_ = MakeGauge(registry_, "koeval_leases", "Leases that are out");
  paused_ = MakeGauge(registry_, "koeval_dispatch_paused", "1 while dispatch is paused");
  inbox_ = MakeGauge(registry_, "koeval_inbox_events", "Events that wait for the dispatcher");
  watchers_ = MakeGauge(registry_, "koeval_watchers", "Open Watch streams");
  commit_seconds_ = MakeHistogram(registry_, "koeval_commit_seconds",
                                  "Time of one commit of the store", kSeconds);
  commit_events_ = MakeHistogram(registry_, "koeval_commit_events", "Events in one commit",
                                 {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000});
  turn_seconds_ = MakeHistogram(registry_, "koeval_dispatch_seconds",
                                "From an event's arrival to its answers leaving", kSeconds);
  batches_ = MakeCounter(registry_, "koeval_batches_total", "Batch results stored");
  leases_total_ = MakeCounter(registry_, "koeval_leases_total", "Leases given out");
  inbox_refused_ = MakeCounter(registry_, "koeval_inbox_refused_total",
                               "Events refused because the inbox was full");
  checks_ = MakeOutcomes(registry_, "koeval_checks_total", "Submission checks by outcome");
  scores_ = MakeOutcomes(registry_, "koeval_scores_total", "Score computations by outcome");
  exports_ = MakeOutcomes(registry_, "koeval_export_files_total",
                          "Files written to the export folders by outcome");
  notifications_ = MakeOutcomes(registry_, "koeval_notifications_total",
                                "Notifications of ended requests, delivered or dropped");
  prometheus::BuildGauge()
      .Name("koeval_build_info")
      .Help("Version of this scheduler")
      .Register(registry_)
      .Add({{"version", kVersion}})
      .Set(1);
  MakeGauge(registry_, "koeval_start_timestamp_seconds", "When this scheduler started")
      ->Set(static_cast<double>(started.micros) / 1e6);
}

void Metrics::SetQueue(const core::Counts& now) {
  const std::array<int64_t, 4> counts = {now.pending, now.running, now.finished, now.failed};
  for (size_t i = 0; i < counts.size(); ++i) requests_[i]->Set(static_cast<double>(counts[i]));
  workers_->Set(static_cast<double>(now.workers));
  slots_->Set(static_cast<double>(now.slots));
  slots_busy_->Set(static_cast<double>(now.slots_busy));
  leases_->Set(static_cast<double>(now.leases));
  paused_->Set(now.paused ? 1 : 0);
}

void Metrics::SetInboxDepth(size_t events) {
  inbox_->Set(static_cast<double>(events));
}

void Metrics::SetWatchers(size_t watchers) {
  watchers_->Set(static_cast<double>(watchers));
}

void Metrics::ObserveCommit(double seconds, size_t events) {
  commit_seconds_->Observe(seconds);
  commit_events_->Observe(static_cast<double>(events));
}

void Metrics::ObserveTurn(double seconds) {
  turn_seconds_->Observe(seconds);
}

void Metrics::CountBatches(int64_t stored) {
  batches_->Increment(static_cast<double>(stored));
}

void Metrics::CountLease() {
  leases_total_->Increment();
}

void Metrics::CountInboxRefusal() {
  inbox_refused_->Increment();
}

void Metrics::CountCheck(bool ok) {
  checks_[ok ? 1 : 0]->Increment();
}

void Metrics::CountScore(bool ok) {
  scores_[ok ? 1 : 0]->Increment();
}

void Metrics::CountExport(bool ok) {
  exports_[ok ? 1 : 0]->Increment();
}

void Metrics::CountNotification(bool ok) {
  notifications_[ok ? 1 : 0]->Increment();
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(registry_.Collect());
}

}  // namespace koeval::service
