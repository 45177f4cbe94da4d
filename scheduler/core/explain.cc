// Why a request is where it is: placement's rules, asked of every slot.
#include <algorithm>
#include <memory>
#include <string>

#include "common/base/size_text.h"
#include "scheduler/core/machine.h"
#include "scheduler/core/sentences.h"

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

Preview Machine::PreviewOf(const RequestSpec& spec, int64_t memory_bytes, int64_t slots_max) const {
  Request probe;
  probe.row.spec = spec;
  probe.row.number = s_.next_number;
  probe.row.phase = Phase::kQueued;
  probe.live = std::make_unique<Live>();
  probe.live->memory_bytes = memory_bytes;
  Preview out;
  out.explanation = Explain(probe, slots_max);
  const Rank rank{spec.priority, probe.row.number};
  for (const auto& [hardware_class, waiting] : s_.wait) {
    out.ahead += static_cast<int64_t>(waiting.PositionOf(rank));
  }
  out.ahead += static_cast<int64_t>(s_.checks.PositionOf(rank));
  out.fits = s_.slot_memory.empty() || memory_bytes <= *s_.slot_memory.rbegin();
  if (!out.fits) {
    const Finding none = NoRoom(probe);
    out.explanation.answer = none.reason;
    out.remedy = none.remedy;
    return out;
  }
  const auto& slots = out.explanation.slots;
  const bool is_open =
      std::any_of(slots.begin(), slots.end(), [](const SlotVerdict& slot) { return slot.is_open; });
  if (is_open && out.ahead == 0) out.start_ms = 0;
  if (s_.paused) {
    out.explanation.answer = Say(Sentence::kWouldWaitPaused);
  } else if (!s_.ready.contains("")) {
    out.explanation.answer = Say(Sentence::kWouldWaitForWorker);
  } else if (out.start_ms) {
    out.explanation.answer = Say(Sentence::kWouldStart);
  } else {
    out.explanation.answer =
        Say(Sentence::kWouldWaitForSlot, {Number(out.ahead), VerbFor(out.ahead)});
  }
  return out;
}

}  // namespace koeval::core
