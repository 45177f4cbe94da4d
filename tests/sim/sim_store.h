// A store that models crashes: what was committed survives, nothing else does. Every commit is
// compared with the promises of the queue before it lands.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "common/base/status.h"
#include "scheduler/core/records.h"
#include "tests/sim/world.h"

namespace koeval::sim {

// How the process dies at its next commit.
enum class CommitCrash { kNone, kLost, kLanded };

class SimStore {
 public:
  explicit SimStore(World& world) : world_(world) {}

  // UNAVAILABLE when the process dies here, with or without the commit on disk.
  Status Commit(std::span<const core::Mutation> mutations);
  core::Snapshot Load() const;
  void CrashAtNextCommit(CommitCrash how) { crash_ = how; }

  using BatchKey = std::tuple<RequestId, int64_t, int64_t>;
  std::map<RequestId, core::RequestRow> requests;
  std::map<LeaseId, core::LeaseRow> leases;
  std::map<std::pair<RequestId, int64_t>, core::AttemptRow> attempts;
  std::map<BatchKey, core::BatchRow> batches;
  std::map<std::pair<RequestId, int64_t>, core::ScoreRow> scores;
  std::map<std::string, std::string> meta;
  std::set<LeaseId> ever_leased;
  int64_t last_seq = 0;
  int64_t commits = 0;
  int64_t audits = 0;

 private:
  void Put(const core::RequestRow& row);
  void Put(const core::AttemptRow& row);
  void Put(const core::LeaseRow& row);
  void Put(const core::RemoveLease& row);
  void Put(const core::BatchRow& row);
  void Put(const core::ScoreRow& row);
  void Put(const core::EventRow& row);
  void Put(const core::AuditRow& row);
  void Put(const core::MetaRow& row);
  // Rows of other parts of the scheduler.
  template <typename Other>
  void Put(const Other&) {
    world_.Violation("the core wrote a row that is not its own");
  }
  void CheckTerminalChange(const core::RequestRow& before, const core::RequestRow& after);
  bool HasAllBatches(const core::RequestRow& row) const;

  World& world_;
  CommitCrash crash_ = CommitCrash::kNone;
  std::set<std::string> retried_;  // requests that this commit may give a new round
  std::set<RequestId> finished_;   // requests that this commit finishes
  std::set<RequestId> scored_;     // requests that this commit scores
};

}  // namespace koeval::sim
