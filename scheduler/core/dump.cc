// The durable part of the state as text.
#include <algorithm>
#include <sstream>

#include "scheduler/core/state.h"

namespace koeval::core {
namespace {

void DumpSpec(std::ostream& out, const RequestSpec& s) {
  out << " spec=" << s.model << '|' << s.revision << '|' << s.precision << '|' << s.weight_type
      << '|' << s.model_type << '|' << s.suite << '|' << s.suite_version << '|' << s.profile << '|'
      << s.bundle_digest << '|' << (s.limit ? std::to_string(*s.limit) : "") << '|' << s.priority
      << '|' << s.time_limit_ms << '|' << s.submitter;
  if (!s.chat.empty()) out << '|' << s.chat;
  if (!s.wanted_revision.empty()) out << "|as " << s.wanted_revision;
}

void DumpRow(std::ostream& out, const RequestRow& row) {
  out << "request " << row.number << ' ' << row.id.text << ' ' << StateName(row.state) << ' '
      << PhaseName(row.phase) << " round=" << row.round << " attempt=" << row.attempt
      << " class=" << row.hardware_class << " ending=" << row.ending << " reason=" << row.reason
      << " remedy=" << row.remedy << " facts=" << row.facts_json
      << " times=" << row.submitted_at.micros << ',' << row.started_at.micros << ','
      << row.finished_at.micros << ',' << row.updated_at.micros << " seq=" << row.updated_seq;
  DumpSpec(out, row.spec);
  if (row.plan) {
    out << " plan=" << row.plan->digest;
    for (const PlanTask& t : row.plan->tasks) {
      out << ' ' << t.task << ':' << t.batches << ',' << t.requests << ',' << t.documents << ','
          << t.truncated;
    }
  }
  out << '\n';
}

void DumpLive(std::ostream& out, const Live& live) {
  out << "  free";
  for (const auto& [begin, end] : live.free) out << ' ' << begin << '-' << end;
  out << "\n  stored";
  for (size_t i = 0; i < live.stored.size(); ++i) {
    if (live.stored[i]) out << ' ' << i;
  }
  out << "\n  leases";
  for (const LeaseId id : live.leases) out << ' ' << id.value;
  out << '\n';
  if (live.memory_bytes > 0) out << "  memory " << live.memory_bytes << '\n';
  if (live.recheck_tries > 0) {
    out << "  rechecks " << live.recheck_tries << ' ' << live.recheck_ms << '\n';
  }
  for (const auto& [batch, workers] : live.faults) {
    out << "  faults " << batch;
    for (const WorkerId& worker : workers) out << ' ' << worker.text;
    out << '\n';
  }
  if (live.attempt) {
    const AttemptRow& a = *live.attempt;
    out << "  attempt " << a.round << ' ' << a.attempt << ' ' << a.worker.text << ' '
        << a.started_at.micros << '\n';
  }
}

}  // namespace

std::string Dump(const State& state) {
  std::ostringstream out;
  out << "next lease=" << state.next_lease << " seq=" << state.next_seq
      << " number=" << state.next_number << " paused=" << state.paused << '\n';
  for (const auto& [worker, reason] : state.drained) {
    out << "drained " << worker.text << ": " << reason << '\n';
  }
  const std::map<std::string, RequestId> identities(state.identities.begin(),
                                                    state.identities.end());
  for (const auto& [identity, id] : identities)
    out << "identity " << identity << ' ' << id.text << '\n';
  std::vector<const Request*> requests;
  for (const auto& [id, request] : state.requests) requests.push_back(&request);
  std::sort(requests.begin(), requests.end(),
            [](const Request* a, const Request* b) { return a->row.number < b->row.number; });
  for (const Request* request : requests) {
    DumpRow(out, request->row);
    if (request->live) DumpLive(out, *request->live);
  }
  std::vector<LeaseRow> leases;
  for (const auto& [id, lease] : state.leases) leases.push_back(lease.row);
  std::sort(leases.begin(), leases.end(),
            [](const LeaseRow& a, const LeaseRow& b) { return a.id < b.id; });
  for (const LeaseRow& row : leases) {
    out << "lease " << row.id.value << ' ' << row.request.text << ' ' << row.round << ' '
        << row.attempt << ' ' << row.worker.text << ' ' << row.slot << ' ' << row.begin << '-'
        << row.end << '\n';
  }
  return out.str();
}

}  // namespace koeval::core
