// Why a request is where it is: placement's rules, asked of every slot.
#include <string>

#include "common/base/size_text.h"
#include "scheduler/core/machine.h"

namespace koeval::core {

Explanation Machine::Explain(const Request& request, int64_t slots_max) const {
  Explanation out;
  out.memory_bytes = request.live->memory_bytes;
  out.bound_class = request.live->bound_class == kUnknownClass ? "" : request.live->bound_class;
  for (const auto& [id, worker] : s_.workers) {
    for (const auto& [index, slot] : worker.slots) {
      if (++out.slots_known > slots_max) continue;
      out.slots.push_back(VerdictOn(request, worker, slot));
    }
  }
  return out;
}

// The first rule that keeps the slot from taking the request, the lasting ones first.
SlotVerdict Machine::VerdictOn(const Request& request, const Worker& worker,
                               const Slot& slot) const {
  const Live& live = *request.live;
  const auto closed = [&](std::string text) {
    return SlotVerdict{worker.id, slot.info, false, std::move(text)};
  };
  const auto lease = s_.leases.find(slot.lease);
  if (lease != s_.leases.end() && lease->second.row.request == request.row.id) {
    return closed("runs it");
  }
  if (!Fits(request, slot.info)) {
    return closed("too small: it has " + SizeText(slot.info.memory_bytes) + ", the model needs " +
                  SizeText(live.memory_bytes));
  }
  if (!live.bound_class.empty() && slot.info.hardware_class != live.bound_class) {
    return closed("another hardware class: " + slot.info.hardware_class);
  }
  if (worker.session.value == 0) return closed("its worker is not connected");
  const auto drained = s_.drained.find(worker.id);
  if (drained != s_.drained.end()) return closed("drained: " + drained->second);
  if (IsWrongFor(worker.id, request)) {
    return closed("its runners turned out to be of another hardware class");
  }
  if (lease != s_.leases.end()) return closed("busy with " + lease->second.row.request.text);
  if (slot.resting) return closed("handed a lease back and rests for a moment");
  if (!RangeFor(request, worker.id)) {
    return closed("failed it before, and another worker can take it; or no batches are left");
  }
  if (s_.paused) return closed("free, but dispatch is paused");
  return {worker.id, slot.info, true, "free"};
}

}  // namespace koeval::core
