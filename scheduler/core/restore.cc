// From committed rows back to a live state, refusing rows that contradict each other.
#include <algorithm>
#include <charconv>
#include <iterator>
#include <set>
#include <string>

#include "common/base/check.h"
#include "scheduler/core/machine.h"

namespace koeval::core {
namespace {

std::optional<int64_t> ParseInt(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string> Split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  size_t begin = 0;
  while (true) {
    const size_t end = text.find(separator, begin);
    parts.emplace_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

Status Contradiction(const std::string& what) {
  return DataLoss("the database contradicts itself: " + what +
                  "; restore the newest backup and keep this file for an analysis");
}

}  // namespace

Result<Output> Machine::Restore(const Snapshot& snapshot, Now now) {
  KOEVAL_CHECK(s_.requests.empty() && !s_.last_mono, "Restore comes before everything else");
  Advance(now);
  RETURN_IF_ERROR(RestoreRequests(snapshot));
  for (const MetaRow& row : snapshot.meta) RETURN_IF_ERROR(RestoreMeta(row));
  RETURN_IF_ERROR(RestoreBatches(snapshot));
  for (const LeaseRow& row : snapshot.leases) RETURN_IF_ERROR(RestoreLease(row));
  for (const AttemptRow& row : snapshot.open_attempts) {
    Request* request = FindRequest(row.request);
    if (request == nullptr || request->row.state != RequestState::kRunning) {
      return Contradiction("an open attempt of request '" + row.request.text +
                           "', which does not run");
    }
    request->live->attempt = row;
  }
  for (auto& [id, request] : s_.requests) {
    if (request.live) RETURN_IF_ERROR(RestoreFree(request));
  }
  seq_before_ = s_.next_seq;
  lease_before_ = s_.next_lease;
  Pump();
  return TakeOutput();
}

Status Machine::RestoreRequests(const Snapshot& snapshot) {
  std::set<int64_t> numbers;
  for (const RequestRow& row : snapshot.requests) {
    const auto [it, is_new] = s_.requests.try_emplace(row.id);
    if (!is_new || !numbers.insert(row.number).second) {
      return Contradiction("request '" + row.id.text + "' or its number is there twice");
    }
    Request& request = it->second;
    request.row = row;
    ++s_.state_counts[static_cast<size_t>(row.state)];
    s_.next_number = std::max(s_.next_number, row.number + 1);
    CountSubmit(row.spec.submitter, row.submitted_at);
    if (row.phase == Phase::kDone) continue;
    request.live = std::make_unique<Live>();
    const int64_t batches = row.plan ? row.plan->BatchCount() : 0;
    if (batches < 0 || batches > s_.limits.batches_max) {
      return Contradiction("request '" + row.id.text + "' has " + std::to_string(batches) +
                           " batches");
    }
    request.live->stored.assign(static_cast<size_t>(batches), false);
  }
  return OkStatus();
}

Status Machine::RestoreMeta(const MetaRow& row) {
  const size_t colon = row.key.find(':');
  const std::string name = row.key.substr(0, colon);
  const std::string rest = colon == std::string::npos ? "" : row.key.substr(colon + 1);
  const Status bad = Contradiction("the value '" + row.key + "' = '" + row.value + "'");
  if (name == "paused") {
    s_.paused = row.value == "1";
  } else if (name == "drained") {
    s_.drained[WorkerId{rest}] = row.value;
  } else if (name == "next_lease" || name == "next_seq") {
    const auto value = ParseInt(row.value);
    if (!value || *value < 1) return bad;
    (name == "next_lease" ? s_.next_lease : s_.next_seq) = *value;
  } else if (name == "active" || name == "class" || name == "memory" || name == "recheck") {
    Request* request = FindRequest(RequestId{rest});
    if (request == nullptr || !request->live) return bad;
    return RestoreLiveValue(name, row.value, *request).ok() ? OkStatus() : bad;
  } else if (name == "retry") {
    return RestoreRetry(row, rest.substr(0, rest.find(':'))).ok() ? OkStatus() : bad;
  } else if (name == "identity") {
    if (FindRequest(RequestId{row.value}) == nullptr) return bad;
    s_.identities[rest] = RequestId{row.value};
  } else if (name == "faults") {
    const std::vector<std::string> parts = Split(rest, ':');
    const auto batch = parts.size() == 3 ? ParseInt(parts[2]) : std::nullopt;
    Request* request = FindRequest(RequestId{parts[0]});
    if (request == nullptr || !request->live || !batch) return bad;
    if (ParseInt(parts[1]) != request->row.round) return bad;
    for (std::string& worker : Split(row.value, ' ')) {
      request->live->faults[*batch].push_back(WorkerId{std::move(worker)});
    }
  }
  // Other names are of other parts of the scheduler.
  return OkStatus();
}

Status Machine::RestoreLiveValue(const std::string& name, const std::string& value,
                                 Request& request) {
  Live& live = *request.live;
  if (name == "class") {
    live.bound_class = value;
    return OkStatus();
  }
  std::vector<int64_t> numbers;
  for (const std::string& part : Split(value, ' ')) {
    const auto number = ParseInt(part);
    if (!number || *number < 0) return InvalidArgument("no number");
    numbers.push_back(*number);
  }
  if (numbers.size() != (name == "recheck" ? 2U : 1U)) return InvalidArgument("other numbers");
  if (name == "active") live.active_ms = numbers[0];
  if (name == "memory") live.memory_bytes = numbers[0];
  if (name != "recheck") return OkStatus();
  if (request.row.phase != Phase::kChecking || numbers[0] < 1) return InvalidArgument("no checks");
  live.recheck_tries = numbers[0];
  live.recheck_ms = numbers[1];
  live.recheck_at_ms = s_.time_ms;
  return OkStatus();
}

// One that counts no more is removed.
Status Machine::RestoreRetry(const MetaRow& row, const std::string& id) {
  const Request* request = FindRequest(RequestId{id});
  const auto micros = ParseInt(row.value);
  if (request == nullptr || !micros) return InvalidArgument("no retry");
  if (*micros + s_.limits.submits_window_ms * 1'000 <= s_.wall.micros) {
    SetMeta(row.key, "");
  } else {
    CountSubmit(request->row.spec.submitter, WallTime{*micros});
  }
  return OkStatus();
}

Status Machine::RestoreBatches(const Snapshot& snapshot) {
  for (const Snapshot::StoredBatch& row : snapshot.batches) {
    Request* request = FindRequest(row.request);
    if (request == nullptr || !request->live) {
      return Contradiction("a batch of request '" + row.request.text + "', which is not live");
    }
    if (row.round != request->row.round) continue;  // an earlier round keeps its batches
    Live& live = *request->live;
    const bool fits = row.batch >= 0 && row.batch < static_cast<int64_t>(live.stored.size());
    if (!fits || live.stored[static_cast<size_t>(row.batch)]) {
      return Contradiction("batch " + std::to_string(row.batch) + " of request '" +
                           row.request.text + "' is not of its plan or there twice");
    }
    live.stored[static_cast<size_t>(row.batch)] = true;
    ++live.stored_count;
  }
  return OkStatus();
}

Status Machine::RestoreLease(const LeaseRow& row) {
  Request* request = FindRequest(row.request);
  const std::string what = "lease " + std::to_string(row.id.value);
  if (request == nullptr || !request->live || row.round != request->row.round ||
      row.id.value >= s_.next_lease || row.id.value < 1 || s_.leases.contains(row.id)) {
    return Contradiction(what + " of request '" + row.request.text + "' is not of a live round");
  }
  const bool is_planning = row.begin == row.end;
  Live& live = *request->live;
  const Phase phase = is_planning ? Phase::kPlanning : Phase::kBatches;
  const bool is_range =
      0 <= row.begin && row.begin <= row.end && row.end <= static_cast<int64_t>(live.stored.size());
  if (request->row.phase != phase || !is_range) {
    return Contradiction(what + " does not fit request '" + row.request.text + "'");
  }
  if (!is_planning && live.bound_class.empty()) live.bound_class = kUnknownClass;
  Lease lease;
  lease.row = row;
  lease.reattaching = true;
  s_.leases.emplace(row.id, lease);
  s_.lease_deadlines.Set(row.id, s_.time_ms + s_.limits.reattach_grace_ms);
  live.leases.insert(row.id);
  Worker& worker = s_.workers[row.worker];
  worker.id = row.worker;
  worker.leases.insert(row.id);
  s_.forget_deadlines.Set(worker.id, s_.time_ms + s_.limits.worker_forget_ms);
  return OkStatus();
}

Status Machine::RestoreFree(Request& request) {
  Live& live = *request.live;
  LeaseRow all;
  all.end = static_cast<int64_t>(live.stored.size());
  std::vector<bool> taken = live.stored;
  for (const LeaseId id : live.leases) {
    const LeaseRow& lease = s_.leases.at(id).row;
    for (int64_t batch = lease.begin; batch < lease.end; ++batch) {
      const auto at = static_cast<size_t>(batch);
      if (taken[at] && !live.stored[at]) {
        return Contradiction("batch " + std::to_string(batch) + " of request '" +
                             request.row.id.text + "' is in two leases");
      }
      taken[at] = true;
    }
  }
  taken.swap(live.stored);
  FreeBatches(request, all);
  taken.swap(live.stored);
  const Phase phase = request.row.phase;
  const bool is_complete = live.stored_count == static_cast<int64_t>(live.stored.size());
  if (phase == Phase::kBatches && is_complete) {
    return Contradiction("request '" + request.row.id.text + "' has every batch and still runs");
  }
  if (live.stored_count > 0 && live.bound_class.empty()) {
    return Contradiction("request '" + request.row.id.text + "' has batches without a class");
  }
  if (phase == Phase::kPlanning || phase == Phase::kBatches) {
    live.active_since_ms = s_.time_ms;
    s_.limit_deadlines.Set(
        request.row.id, s_.time_ms + std::max<int64_t>(0, TimeLimitMs(request) - live.active_ms));
    unsettled_.push_back(&request);
  }
  if (phase == Phase::kQueued && live.stored_count > 0) {
    s_.strand_deadlines.Set(request.row.id, s_.time_ms + s_.limits.class_wait_ms);
  }
  if (live.recheck_tries > 0) {
    s_.recheck_deadlines.Set(request.row.id, s_.time_ms + RecheckPauseMs(live));
  }
  Requeue(request);
  return OkStatus();
}

}  // namespace koeval::core
