// Placement: which idle slot gets which batches.
#include <algorithm>
#include <iterator>
#include <string>

#include "common/base/check.h"
#include "scheduler/core/machine.h"

namespace koeval::core {
namespace {

// Walks the requests that a class may serve and that fit `memory`, its own and those of any class,
// in order of service.
class Candidates {
 public:
  Candidates(const std::map<std::string, RankTree>& trees, const std::string& hardware_class,
             int64_t memory, int64_t scan_max)
      : any_(Find(trees, "")), own_(Find(trees, hardware_class)), memory_(memory), left_(scan_max) {
    any_at_ = After(any_, nullptr);
    own_at_ = After(own_, nullptr);
  }

  // nullptr at the end, or after `scan_max` requests.
  Request* Next() {
    if (left_-- <= 0 || (any_at_ == nullptr && own_at_ == nullptr)) return nullptr;
    const bool take_any = own_at_ == nullptr || (any_at_ != nullptr && *any_at_ < *own_at_);
    const Rank*& at = take_any ? any_at_ : own_at_;
    Request* request = at->request;
    at = After(take_any ? any_ : own_, at);
    return request;
  }

 private:
  static const RankTree* Find(const std::map<std::string, RankTree>& trees,
                              const std::string& key) {
    const auto it = trees.find(key);
    return it == trees.end() ? nullptr : &it->second;
  }

  const Rank* After(const RankTree* tree, const Rank* at) const {
    return tree == nullptr ? nullptr : tree->FirstFitting(at, memory_);
  }

  const RankTree* any_;
  const RankTree* own_;
  const Rank* any_at_ = nullptr;
  const Rank* own_at_ = nullptr;
  int64_t memory_;
  int64_t left_;
};

}  // namespace

void Machine::Dispatch() {
  if (s_.paused || (s_.help.empty() && s_.wait.empty())) return;
  std::vector<std::string> classes;
  for (const auto& [name, slots] : s_.idle) classes.push_back(name);
  for (const std::string& name : classes) {
    while (PlaceOne(name)) {
    }
  }
}

bool Machine::PlaceOne(const std::string& hardware_class) {
  if (!s_.idle.contains(hardware_class)) return false;
  return PlaceHelp(hardware_class, /*warm_only=*/true) ||
         PlaceHelp(hardware_class, /*warm_only=*/false) || PlaceWaiting(hardware_class);
}

int64_t Machine::LargestIdle(const std::string& hardware_class) const {
  return s_.idle.at(hardware_class).rbegin()->memory;
}

bool Machine::PlaceHelp(const std::string& hardware_class, bool warm_only) {
  Candidates candidates(s_.help, hardware_class, LargestIdle(hardware_class),
                        s_.limits.place_scan_max);
  while (Request* request = candidates.Next()) {
    if (TryPlace(*request, hardware_class, warm_only)) return true;
  }
  return false;
}

bool Machine::PlaceWaiting(const std::string& hardware_class) {
  Candidates candidates(s_.wait, hardware_class, LargestIdle(hardware_class),
                        s_.limits.place_scan_max);
  while (Request* request = candidates.Next()) {
    if (TryPlace(*request, hardware_class, /*warm_only=*/false)) return true;
  }
  return false;
}

bool Machine::TryPlace(Request& request, const std::string& hardware_class, bool warm_only) {
  const auto warm = s_.idle_warm.find({hardware_class, ModelKey(request.row.spec)});
  if (warm != s_.idle_warm.end() && TryPlaceIn(request, warm->second)) return true;
  if (warm_only) return false;
  const auto idle = s_.idle.find(hardware_class);
  return idle != s_.idle.end() && TryPlaceIn(request, idle->second);
}

bool Machine::TryPlaceIn(Request& request, const std::set<IdleSlot>& slots) {
  int64_t left = s_.limits.place_scan_max;
  for (auto it = slots.lower_bound({request.live->memory_bytes, {}}); it != slots.end(); ++it) {
    if (left-- <= 0) return false;
    if (const auto range = RangeFor(request, it->key.worker)) {
      Grant(request, SlotKey(it->key), range->first, range->second);
      return true;
    }
  }
  return false;
}

// The first free batches that `worker` may run; [0, 0) to plan; nothing when all are avoided.
std::optional<std::pair<int64_t, int64_t>> Machine::RangeFor(const Request& request,
                                                             const WorkerId& worker) const {
  if (IsWrongFor(worker, request)) return std::nullopt;
  if (IsAvoided(request, kWholeRequest, worker)) return std::nullopt;
  if (!request.row.plan) {
    if (IsAvoided(request, kPlanning, worker)) return std::nullopt;
    return std::pair<int64_t, int64_t>(0, 0);
  }
  for (const auto& [free_begin, free_end] : request.live->free) {
    int64_t begin = free_begin;
    while (begin < free_end && IsAvoided(request, begin, worker)) ++begin;
    if (begin == free_end) continue;
    const int64_t end_max = std::min(free_end, begin + s_.limits.lease_batches_max);
    int64_t end = begin + 1;
    while (end < end_max && !IsAvoided(request, end, worker)) ++end;
    return std::pair(begin, end);
  }
  return std::nullopt;
}

bool Machine::IsWrongFor(const WorkerId& worker, const Request& request) const {
  const auto it = s_.workers.find(worker);
  return it != s_.workers.end() &&
         it->second.wrong_for.contains({request.row.id, request.row.round});
}

bool Machine::IsAvoided(const Request& request, int64_t batch, const WorkerId& worker) const {
  const auto& faults = request.live->faults;
  if (faults.empty()) return false;
  const auto has_failed = [&](const WorkerId& id) {
    if (IsWrongFor(id, request)) return true;
    for (const int64_t key : {batch, kWholeRequest}) {
      const auto it = faults.find(key);
      if (it != faults.end() && std::count(it->second.begin(), it->second.end(), id) > 0) {
        return true;
      }
    }
    return false;
  };
  if (!has_failed(worker)) return false;
  // Few workers have failed it, so the search for one that has not is short.
  const auto ready = s_.ready.find(request.live->bound_class);
  return ready != s_.ready.end() &&
         !std::all_of(ready->second.begin(), ready->second.end(),
                      [&](const WorkerId& id) { return has_failed(id) || !CanHold(id, request); });
}

void Machine::Grant(Request& request, const SlotKey& key, int64_t begin, int64_t end) {
  Worker& worker = s_.workers.at(key.worker);
  Slot& slot = worker.slots.at(key.slot);
  Live& live = *request.live;
  if (request.row.phase == Phase::kQueued) {
    Move(request, request.row.plan ? Phase::kBatches : Phase::kPlanning);
    OpenAttempt(request, worker.id);
  }
  const LeaseId id{s_.next_lease++};
  Lease lease;
  lease.row = LeaseRow{
      id, request.row.id, request.row.round, request.row.attempt, worker.id, key.slot, begin, end};
  lease.hardware_class = slot.info.hardware_class;
  if (begin < end) {
    const auto free = std::prev(live.free.upper_bound(begin));
    const auto [free_begin, free_end] = *free;
    KOEVAL_CHECK(free_begin <= begin && end <= free_end, "a lease over batches that are not free");
    live.free.erase(free);
    if (free_begin < begin) live.free.emplace(free_begin, begin);
    if (end < free_end) live.free.emplace(end, free_end);
    if (live.bound_class.empty()) live.bound_class = slot.info.hardware_class;
  }
  live.leases.insert(id);
  worker.leases.insert(id);
  slot.lease = id;
  Renew(lease);
  Write(lease.row);
  SendLease send{worker.session, lease.row, request.row.spec,
                 begin < end ? request.row.plan->digest : "", s_.limits.lease_ms};
  if (!send.spec.chat.empty()) {
    send.facts_json = request.row.facts_json;
    send.submitted_at = request.row.submitted_at;
  }
  Emit(std::move(send));
  s_.leases.emplace(id, std::move(lease));
  RefreshSlot(worker, slot);
  Requeue(request);
}

}  // namespace koeval::core
