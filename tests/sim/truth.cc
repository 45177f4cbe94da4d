// The deterministic evaluation of the simulated world.
#include "tests/sim/truth.h"

#include "tests/sim/world.h"

namespace koeval::sim {

core::PlanInfo TruePlan(const RequestId& id) {
  const auto first = static_cast<int64_t>(HashText(id.text + "/a") % 9);
  const auto second = static_cast<int64_t>(1 + HashText(id.text + "/b") % 6);
  return {"plan-of-" + id.text,
          {{"task_a", first, first * 4, first, 0}, {"task_b", second, second * 2, second, 1}}};
}

int64_t MemoryNeedOf(const std::string& model) {
  if (model == kHugeModel) return kLargeSlot + 1;
  if (model == kLargeModel) return kSmallSlot + 1;
  return model == kSlowModel ? 0 : kSmallSlot;  // 0: the checks did not find out
}

int64_t PoisonBatch(const RequestId& id) {
  return static_cast<int64_t>(HashText(id.text + "/poison") %
                              static_cast<uint64_t>(TruePlan(id).BatchCount()));
}

std::string TrueResults(const RequestId& id, int64_t batch) {
  return "{\"task\":\"t\",\"results\":[[" + std::to_string(batch) + "," +
         std::to_string(HashText(id.text + "#" + std::to_string(batch)) % 100000) + ",1]]}";
}

double TrueAverage(const RequestId& id) {
  uint64_t sum = 0;
  for (int64_t batch = 0; batch < TruePlan(id).BatchCount(); ++batch) {
    sum += HashText(TrueResults(id, batch)) % 1000;
  }
  return static_cast<double>(sum);
}

Ending NaturalEnding(const core::RequestSpec& spec) {
  if (spec.model == kRefusedModel) return Ending::kNoSafetensors;
  if (spec.model == kBrokenModel) return Ending::kBadCheckpoint;
  if (spec.model == kPoisonModel || spec.model == kUnplannableModel) return Ending::kRunnerCrashed;
  if (spec.model == kSlowModel) return Ending::kTimedOut;
  if (spec.model == kHugeModel) return Ending::kInfeasible;
  return Ending::kFinished;
}

}  // namespace koeval::sim
