// Counting of (phase, event) pairs.
#include "tests/sim/coverage.h"

#include <set>
#include <variant>

#include "scheduler/core/state.h"

namespace koeval::sim {
namespace {

using core::Event;
using core::Phase;

const std::vector<std::string>& AllPhases() {
  static const std::vector<std::string> phases = {"checking", "queued", "planning", "batches",
                                                  "scoring",  "done",   "none",     "stale"};
  return phases;
}

// What kind of subject each event has.
enum class Subject { kRequest, kLease, kNone };

struct EventKind {
  std::string name;
  Subject subject;
};

const std::vector<EventKind>& AllEvents() {
  static const std::vector<EventKind> events = {{"Submit", Subject::kRequest},
                                                {"Cancel", Subject::kRequest},
                                                {"Retry", Subject::kRequest},
                                                {"ChecksDone", Subject::kRequest},
                                                {"ScoreDone", Subject::kRequest},
                                                {"ScoreFailed", Subject::kRequest},
                                                {"PlanReady", Subject::kLease},
                                                {"BatchDone", Subject::kLease},
                                                {"LeaseEnded", Subject::kLease},
                                                {"SetPaused", Subject::kNone},
                                                {"SetDrained", Subject::kNone},
                                                {"WorkerHello", Subject::kNone},
                                                {"WorkerHeartbeat", Subject::kNone},
                                                {"WorkerGone", Subject::kNone},
                                                {"Tick", Subject::kNone}};
  return events;
}

// Whether the world can bring `event` about in `phase` at all.
bool CanHappen(const EventKind& event, const std::string& phase) {
  if (event.subject == Subject::kLease) {
    // A worker reports plans for planning leases and results for the others.
    if (event.name == "PlanReady") return phase == "planning" || phase == "stale";
    if (event.name == "BatchDone") return phase == "batches" || phase == "stale";
    return phase == "planning" || phase == "batches" || phase == "stale";
  }
  if (event.subject == Subject::kNone) return phase != "stale" && phase != "none";
  if (phase == "stale") return false;
  const bool is_check = event.name == "ChecksDone";
  const bool is_score = event.name == "ScoreDone" || event.name == "ScoreFailed";
  // A pool answers for a request that was there when it was asked; a late answer of an earlier
  // round meets any phase of the next one, but rarely.
  if (is_check) return phase == "checking" || phase == "done";
  if (is_score) return phase == "scoring" || phase == "done";
  return true;
}

std::string PhaseOf(const core::Core& core, const RequestId& id) {
  const core::RequestRow* row = core.Find(id);
  return row == nullptr ? "none" : std::string(PhaseName(row->phase));
}

std::string PhaseOf(const core::Core& core, LeaseId id) {
  const auto it = core.state().leases.find(id);
  return it == core.state().leases.end() ? "stale" : PhaseOf(core, it->second.row.request);
}

}  // namespace

void Coverage::Count(const core::Core& core, const Event& event) {
  ++events;
  const std::string name(EventName(event));
  std::set<std::string> phases;
  std::visit(
      [&](const auto& e) {
        if constexpr (requires { e.id; }) {
          phases.insert(PhaseOf(core, e.id));
        } else if constexpr (requires { e.lease; }) {
          phases.insert(PhaseOf(core, e.lease));
        } else {
          for (const auto& [id, request] : core.state().requests) {
            phases.insert(std::string(PhaseName(request.row.phase)));
          }
        }
      },
      event);
  for (const std::string& phase : phases) ++pairs_[{name, phase}];
}

void Coverage::Add(const Coverage& other) {
  events += other.events;
  for (const auto& [pair, count] : other.pairs_) pairs_[pair] += count;
}

std::vector<std::string> Coverage::Missing() const {
  std::vector<std::string> missing;
  for (const EventKind& event : AllEvents()) {
    for (const std::string& phase : AllPhases()) {
      if (CanHappen(event, phase) && !pairs_.contains({event.name, phase})) {
        missing.push_back(event.name + " in " + phase);
      }
    }
  }
  return missing;
}

std::string Coverage::Table() const {
  const auto pad = [](const std::string& text) {
    return std::string(text.size() < 10 ? 10 - text.size() : 1, ' ') + text;
  };
  std::string out = "(event, phase) pairs:\n" + std::string(16, ' ');
  for (const std::string& phase : AllPhases()) out += pad(phase);
  out += "\n";
  for (const EventKind& event : AllEvents()) {
    out += event.name + std::string(16 - event.name.size(), ' ');
    for (const std::string& phase : AllPhases()) {
      const auto it = pairs_.find({event.name, phase});
      const bool can = CanHappen(event, phase);
      out += pad(it != pairs_.end() ? std::to_string(it->second) : can ? "MISSING" : "-");
    }
    out += "\n";
  }
  return out;
}

}  // namespace koeval::sim
