// Commits of the simulated store, each checked against the promises.
#include "tests/sim/sim_store.h"

#include <algorithm>
#include <variant>

#include "common/base/endings.h"
#include "scheduler/core/event_kinds.h"
#include "tests/sim/truth.h"

namespace koeval::sim {

using core::Phase;
using core::RequestState;

Status SimStore::Commit(std::span<const core::Mutation> mutations) {
  const CommitCrash crash = std::exchange(crash_, CommitCrash::kNone);
  if (crash == CommitCrash::kLost) return Unavailable("the process died before the commit");
  retried_.clear();
  finished_.clear();
  scored_.clear();
  for (const core::Mutation& mutation : mutations) {
    const auto* audit = std::get_if<core::AuditRow>(&mutation);
    if (audit != nullptr && audit->action == "retry") retried_.insert(audit->target);
    const auto* event = std::get_if<core::EventRow>(&mutation);
    if (event != nullptr && event->kind == core::kind::kRestarted) {
      if (requests.at(event->request).phase == Phase::kDone) {
        world_.Violation("request " + event->request.text + " was terminal and starts anew");
      }
      retried_.insert(event->request.text);
    }
  }
  for (const core::Mutation& mutation : mutations) {
    std::visit([this](const auto& row) { Put(row); }, mutation);
  }
  if (finished_ != scored_) world_.Violation("a score and its FINISHED are in different commits");
  ++commits;
  if (crash == CommitCrash::kLanded) return Unavailable("the process died after the commit");
  return OkStatus();
}

void SimStore::CheckTerminalChange(const core::RequestRow& before, const core::RequestRow& after) {
  const std::string name = "request " + after.id.text;
  if (before.number != after.number || !DifferingFields(before.spec, after.spec).empty()) {
    world_.Violation(name + " changed its number or spec");
  }
  if (after.round < before.round || after.attempt < before.attempt) {
    world_.Violation(name + " went back to an earlier round or attempt");
  }
  const bool was_terminal = before.phase == Phase::kDone;
  const bool is_retry = after.round > before.round && retried_.contains(after.id.text) &&
                        before.state != RequestState::kFinished;
  if (after.round != before.round && !is_retry) {
    world_.Violation(name + " has a new round without a retry");
  }
  if (was_terminal && !is_retry && after.state != before.state) {
    world_.Violation(name + " was terminal and changed without a retry");
  }
  if (was_terminal && !is_retry && after.ending != before.ending) {
    world_.Violation(name + " changed its ending");
  }
  if (before.round == after.round && before.plan && after.plan &&
      before.plan->digest != after.plan->digest) {
    world_.Violation(name + " changed its plan");
  }
  if (before.round == after.round && !before.hardware_class.empty() &&
      before.hardware_class != after.hardware_class) {
    world_.Violation(name + " changed its hardware class");
  }
}

bool SimStore::HasAllBatches(const core::RequestRow& row) const {
  if (!row.plan) return false;
  for (int64_t batch = 0; batch < row.plan->BatchCount(); ++batch) {
    if (!batches.contains({row.id, row.round, batch})) return false;
  }
  return true;
}

void SimStore::Put(const core::RequestRow& row) {
  const auto before = requests.find(row.id);
  if (before != requests.end()) CheckTerminalChange(before->second, row);
  const bool newly_finished =
      row.state == RequestState::kFinished &&
      (before == requests.end() || before->second.state != RequestState::kFinished);
  if (newly_finished) finished_.insert(row.id);
  requests[row.id] = row;
}

void SimStore::Put(const core::AttemptRow& row) {
  attempts[{row.request, row.attempt}] = row;
}

void SimStore::Put(const core::LeaseRow& row) {
  const std::string name = "lease " + std::to_string(row.id.value);
  if (!ever_leased.insert(row.id).second || *ever_leased.rbegin() != row.id) {
    world_.Violation(name + " is no new, larger number");
  }
  for (const auto& [id, other] : leases) {
    const bool overlaps = row.begin < other.end && other.begin < row.end;
    const bool both_plan = row.begin == row.end && other.begin == other.end;
    if (other.request == row.request && (overlaps || both_plan)) {
      world_.Violation(name + " covers what lease " + std::to_string(id.value) + " covers");
    }
    if (other.worker == row.worker && other.slot == row.slot) {
      world_.Violation(name + " is on the slot of lease " + std::to_string(id.value));
    }
  }
  leases[row.id] = row;
}

void SimStore::Put(const core::RemoveLease& row) {
  if (leases.erase(row.id) == 0) world_.Violation("a lease was removed twice");
}

void SimStore::Put(const core::BatchRow& row) {
  const std::string name = "batch " + std::to_string(row.batch) + " of request " + row.request.text;
  if (!batches.emplace(BatchKey{row.request, row.round, row.batch}, row).second) {
    world_.Violation(name + " was stored twice");
  }
  const auto lease = leases.find(row.lease);
  if (lease == leases.end()) {
    world_.Violation(name + " came from lease " + std::to_string(row.lease.value) +
                     ", which had ended");
    return;
  }
  const core::LeaseRow& by = lease->second;
  if (by.request != row.request || by.round != row.round || by.worker != row.worker ||
      row.batch < by.begin || row.batch >= by.end) {
    world_.Violation(name + " does not fit its lease");
  }
  if (row.results_json != TrueResults(row.request, row.batch)) {
    world_.Violation(name + " has wrong results");
  }
}

void SimStore::Put(const core::ScoreRow& row) {
  scored_.insert(row.request);
  const auto request = requests.find(row.request);
  if (request == requests.end() || !HasAllBatches(request->second)) {
    world_.Violation("request " + row.request.text + " was scored without all batches");
  }
  if (row.average != TrueAverage(row.request)) {
    world_.Violation("request " + row.request.text + " has a wrong score");
  }
  if (!scores.emplace(std::pair(row.request, row.round), row).second) {
    world_.Violation("request " + row.request.text + " was scored twice");
  }
}

void SimStore::Put(const core::EventRow& row) {
  if (row.seq != last_seq + 1) {
    world_.Violation("event " + std::to_string(row.seq) + " follows event " +
                     std::to_string(last_seq));
  }
  last_seq = row.seq;
}

void SimStore::Put(const core::AuditRow& /*row*/) {
  ++audits;
}

void SimStore::Put(const core::MetaRow& row) {
  if (row.value.empty()) {
    meta.erase(row.key);
  } else {
    meta[row.key] = row.value;
  }
}

core::Snapshot SimStore::Load() const {
  core::Snapshot snapshot;
  for (const auto& [id, row] : requests) snapshot.requests.push_back(row);
  std::sort(snapshot.requests.begin(), snapshot.requests.end(),
            [](const auto& a, const auto& b) { return a.number < b.number; });
  for (const auto& [id, row] : leases) snapshot.leases.push_back(row);
  for (const auto& [key, row] : attempts) {
    if (row.ending.empty()) snapshot.open_attempts.push_back(row);
  }
  for (const auto& [key, value] : meta) snapshot.meta.push_back({key, value});
  for (const auto& [key, row] : batches) {
    if (requests.at(row.request).phase != Phase::kDone) {
      snapshot.batches.push_back({row.request, row.round, row.batch});
    }
  }
  return snapshot;
}

}  // namespace koeval::sim
