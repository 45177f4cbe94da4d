// A world of one scheduler, some workers, some clients, and chaos.
#include "tests/sim/sim.h"

#include <memory>
#include <vector>

#include "tests/sim/sim_clients.h"
#include "tests/sim/sim_scheduler.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_worker.h"
#include "tests/sim/truth.h"
#include "tests/sim/world.h"

namespace koeval::sim {
namespace {

constexpr int64_t kFaultsMs = 90'000;      // length of the first phase
constexpr int64_t kHealingMs = 3'600'000;  // by then the second phase must be over
constexpr int64_t kChaosKinds = 10;

class Run {
 public:
  explicit Run(const SimOptions& options)
      : world_(options.seed, options.verbose),
        store_(world_),
        scheduler_(world_, store_, MakeOptions(options)) {}

  SimReport Go();

 private:
  static SchedulerOptions MakeOptions(const SimOptions& options) {
    SchedulerOptions out;
    out.mutants = options.mutants;
    out.acknowledge_early = options.acknowledge_early;
    Rng rng(options.seed ^ 0x5eedULL);
    out.limits.lease_batches_max = rng.Between(1, 5);
    out.limits.checks_running_max = rng.Between(1, 4);
    out.limits.scores_running_max = rng.Between(1, 3);
    out.limits.check_answer_ms = 15'000;
    out.limits.recheck_first_ms = 500;
    out.limits.recheck_last_ms = 4'000;
    out.limits.recheck_tries_max = rng.Between(2, 4);
    out.limits.score_answer_ms = 25'000;
    out.limits.fit_wait_ms = 60'000;
    return out;
  }
  void MakeWorkers();
  void Chaos();
  void InjectFault();
  void Heal();
  void CheckEnd();
  SimReport Report();

  World world_;
  SimStore store_;
  SimScheduler scheduler_;
  std::vector<std::unique_ptr<SimWorker>> workers_;
  std::vector<std::string> names_;
  bool has_large_slot_ = false;
  std::unique_ptr<SimClients> clients_;
  std::vector<int64_t> chaos_kinds_;  // that this seed uses
  int64_t chaos_every_ms_ = 0;
};

void Run::MakeWorkers() {
  const int64_t count = world_.rng.Between(1, 4);
  const int64_t classes = world_.rng.Between(1, 2);
  for (int64_t i = 0; i < count; ++i) {
    WorkerOptions options;
    options.name = "w" + std::to_string(i);
    options.hardware_class = "class-" + std::to_string(i % classes);
    options.slots = world_.rng.Between(1, 3);
    options.memory = world_.rng.Chance(400) ? kLargeSlot : kSmallSlot;
    has_large_slot_ = has_large_slot_ || options.memory == kLargeSlot;
    options.slowness = world_.rng.Chance(200) ? 6 : 1;
    options.hostile_links = world_.rng.Chance(350);
    options.zombie = world_.rng.Chance(150);
    names_.push_back(options.name);
    workers_.push_back(std::make_unique<SimWorker>(world_, scheduler_, store_, options));
  }
}

void Run::Chaos() {
  world_.After(world_.rng.Between(chaos_every_ms_ / 4, chaos_every_ms_ * 2), [this] {
    if (!world_.faults_on) return;
    InjectFault();
    Chaos();
  });
}

void Run::InjectFault() {
  if (chaos_kinds_.empty()) return;
  Rng& rng = world_.rng;
  const auto pick = [&rng](size_t size) {
    return static_cast<size_t>(rng.Between(0, static_cast<int64_t>(size) - 1));
  };
  SimWorker& worker = *workers_[pick(workers_.size())];
  const int64_t down_ms = rng.Between(10, 20'000);
  switch (chaos_kinds_[pick(chaos_kinds_.size())]) {
    case 0:
      world_.CountFault("worker crashed");
      return worker.Crash(down_ms);
    case 1:
      world_.CountFault("worker hung");
      return worker.Hang(rng.Between(500, 25'000));
    case 2:
      world_.CountFault("link broken");
      return worker.BreakLink();
    case 3:
      world_.CountFault("worker stopped in order");
      return worker.StopInOrder(down_ms);
    case 4:
      world_.CountFault("scheduler killed between turns");
      return scheduler_.Kill(down_ms);
    case 5:
      world_.CountFault("scheduler killed, commit lost");
      return scheduler_.KillAtCommit(CommitCrash::kLost, down_ms);
    case 6:
      world_.CountFault("scheduler killed, commit landed");
      return scheduler_.KillAtCommit(CommitCrash::kLanded, down_ms);
    case 7:
      world_.CountFault("scheduler killed while it told");
      return scheduler_.KillAfterEffects(rng.Between(0, 3), down_ms);
    case 8:
      world_.CountFault("runners of another build");
      return worker.Misbuild();
    default:
      world_.CountFault("scheduler stalled");
      return scheduler_.Stall(rng.Between(500, 60'000));
  }
}

void Run::Heal() {
  world_.Trace("---- faults off");
  world_.faults_on = false;
  store_.CrashAtNextCommit(CommitCrash::kNone);
  scheduler_.Calm();
  for (const auto& worker : workers_) worker->Heal();
  clients_->Settle();
}

SimReport Run::Go() {
  MakeWorkers();
  for (int64_t kind = 0; kind < kChaosKinds; ++kind) {
    if (world_.rng.Chance(600)) chaos_kinds_.push_back(kind);
  }
  chaos_every_ms_ = world_.rng.Between(1'000, 15'000);
  clients_ =
      std::make_unique<SimClients>(world_, scheduler_, store_, world_.rng.Between(3, 9), names_);
  scheduler_.Start();
  for (const auto& worker : workers_) worker->Start();
  clients_->Start(kFaultsMs / 2);
  Chaos();
  world_.After(kFaultsMs, [this] { Heal(); });
  while (world_.now_ms < kFaultsMs + kHealingMs && world_.Step()) {
    if (!world_.faults_on && clients_->IsContent()) break;
  }
  CheckEnd();
  return Report();
}

void Run::CheckEnd() {
  if (!world_.violation.empty()) return;
  const std::string waiting = clients_->Waiting();
  if (!waiting.empty()) world_.Violation("with faults off for an hour, " + waiting);
  clients_->CheckPromises(has_large_slot_);
  for (const auto& worker : workers_) {
    for (const auto& key : worker->acknowledged) {
      if (!store_.batches.contains(key)) {
        world_.Violation("a batch of request " + std::get<0>(key).text +
                         " was acknowledged and is lost");
      }
    }
  }
  if (!world_.violation.empty() || !scheduler_.is_up()) return;
  core::Core again(scheduler_.core().limits());
  const auto output = again.Restore(store_.Load(), {WallTime{1}, MonoTime{1}});
  if (!output.ok()) return world_.Violation("restore failed: " + output.status().ToString());
  if (Dump(again.state()) != Dump(scheduler_.core().state())) {
    world_.Violation("the store and the queue differ at the end");
  }
}

SimReport Run::Report() {
  SimReport report;
  report.violation = world_.violation;
  report.coverage = scheduler_.coverage;
  report.faults = world_.faults;
  report.commits = store_.commits;
  report.batches = static_cast<int64_t>(store_.batches.size());
  report.restarts = scheduler_.restarts;
  report.simulated_ms = world_.now_ms;
  for (const auto& [id, row] : store_.requests) {
    ++report.endings[row.ending.empty() ? "(none)" : row.ending];
  }
  return report;
}

}  // namespace

SimReport RunSimulation(const SimOptions& options) {
  return Run(options).Go();
}

void Add(SimReport& total, const SimReport& one) {
  total.coverage.Add(one.coverage);
  for (const auto& [kind, count] : one.faults) total.faults[kind] += count;
  for (const auto& [ending, count] : one.endings) total.endings[ending] += count;
  total.commits += one.commits;
  total.batches += one.batches;
  total.restarts += one.restarts;
  total.simulated_ms += one.simulated_ms;
}

std::string Describe(const SimReport& report) {
  std::string out = std::to_string(report.coverage.events) + " events, " +
                    std::to_string(report.commits) + " commits, " + std::to_string(report.batches) +
                    " batches stored, " + std::to_string(report.restarts) +
                    " starts of the scheduler, " + std::to_string(report.simulated_ms / 1000) +
                    " s simulated\nfaults:\n";
  for (const auto& [kind, count] : report.faults) {
    out += "  " + kind + ": " + std::to_string(count) + "\n";
  }
  out += "endings:\n";
  for (const auto& [ending, count] : report.endings) {
    out += "  " + ending + ": " + std::to_string(count) + "\n";
  }
  return out + report.coverage.Table();
}

}  // namespace koeval::sim
