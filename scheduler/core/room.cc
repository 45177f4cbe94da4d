// Memory: which slots can hold a request's model, and what becomes of one that none can.
#include <algorithm>
#include <iterator>
#include <limits>
#include <string>

#include "common/base/check.h"
#include "common/base/size_text.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/sentences.h"

namespace koeval::core {

int64_t SlotMemory(const SlotInfo& slot) {
  return slot.memory_bytes > 0 ? slot.memory_bytes : std::numeric_limits<int64_t>::max();
}

std::string Machine::MemoryKey(const RequestId& id) {
  return "memory:" + id.text;
}

void Machine::SetMemoryNeed(Request& request, int64_t bytes) {
  KOEVAL_CHECK(request.live->queue != Queue::kWait, "the need of a request that waits already");
  request.live->memory_bytes = bytes;
  SetMeta(MemoryKey(request.row.id), std::to_string(bytes));
}

bool Machine::Fits(const Request& request, const SlotInfo& slot) {
  return request.live->memory_bytes <= SlotMemory(slot);
}

bool Machine::CanHold(const WorkerId& worker, const Request& request) const {
  const auto it = s_.workers.find(worker);
  return it != s_.workers.end() &&
         std::any_of(it->second.slots.begin(), it->second.slots.end(),
                     [&](const auto& slot) { return Fits(request, slot.second.info); });
}

void Machine::CountMemory(const Worker& worker) {
  for (const auto& [index, slot] : worker.slots) s_.slot_memory.insert(SlotMemory(slot.info));
}

void Machine::UncountMemory(const Worker& worker) {
  for (const auto& [index, slot] : worker.slots) {
    const auto it = s_.slot_memory.find(SlotMemory(slot.info));
    KOEVAL_CHECK(it != s_.slot_memory.end(), "the memory of a slot was never counted");
    s_.slot_memory.erase(it);
  }
}

// Workers that are gone count until they are forgotten: they may come back.
void Machine::LookForRoom() {
  if (s_.slot_memory.empty()) return;
  const int64_t largest = *s_.slot_memory.rbegin();
  while (const auto id = s_.unfit_deadlines.TakeDue(s_.time_ms)) {
    Request& request = *FindRequest(*id);
    const int64_t need = request.live->memory_bytes;
    s_.needs.emplace(need, *id);
    if (need > largest && !s_.paused && s_.ready.contains("")) {
      FailRequest(request, NoRoom(request));
    }
  }
  while (!s_.needs.empty() && s_.needs.rbegin()->first > largest) {
    const auto last = std::prev(s_.needs.end());
    s_.unfit_deadlines.Set(last->second, s_.time_ms + s_.limits.fit_wait_ms);
    s_.needs.erase(last);
  }
}

// Names the nearest change that would fit.
Finding Machine::NoRoom(const Request& request) const {
  const RequestSpec& spec = request.row.spec;
  const int64_t need = request.live->memory_bytes;
  const int64_t largest = *s_.slot_memory.rbegin();
  std::optional<SlotKey> where;
  for (const auto& [id, worker] : s_.workers) {
    for (const auto& [index, slot] : worker.slots) {
      if (!where && SlotMemory(slot.info) == largest) where = SlotKey{id, index};
    }
  }
  KOEVAL_CHECK(where, "the largest slot is nobody's");
  const int64_t half = need / 2 + need % 2;
  const bool halves = spec.precision == "float32" && half <= largest;
  return {Ending::kInfeasible,
          Say(Sentence::kLargestSlot, {SizeText(need), spec.precision, SizeText(largest),
                                       where->worker.text, Number(where->slot)}),
          halves ? Say(Sentence::kUseBfloat16, {SizeText(half)})
                 : Say(Sentence::kUseSmallerModel, {SizeText(need)})};
}

}  // namespace koeval::core
