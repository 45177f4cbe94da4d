// What every evaluation must come to: functions of the request alone, whoever runs what, whenever.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "scheduler/core/events.h"

namespace koeval::sim {

// The name of the model decides how a request behaves.
inline constexpr const char* kGoodModel = "org/good";
inline constexpr const char* kRefusedModel = "org/refused";  // its checks find a fault
inline constexpr const char* kBrokenModel = "org/broken";    // BAD_CHECKPOINT when loaded
inline constexpr const char* kPoisonModel = "org/poison";    // one batch crashes every runner
inline constexpr const char* kSlowModel = "org/slow";        // hits its time limit
inline constexpr const char* kUnplannableModel = "org/unplannable";  // crashes while planning
inline constexpr const char* kLargeModel = "org/large";  // some worlds have a slot for it
inline constexpr const char* kHugeModel = "org/huge";    // no slot can hold it

// Memory of slots, and what models need.
inline constexpr int64_t kSmallSlot = 1'000;
inline constexpr int64_t kLargeSlot = 5'000;
int64_t MemoryNeedOf(const std::string& model);

core::PlanInfo TruePlan(const RequestId& id);
// The batch of a poisonous request that crashes runners.
int64_t PoisonBatch(const RequestId& id);
std::string TrueResults(const RequestId& id, int64_t batch);
double TrueAverage(const RequestId& id);
// The ending that a request has when nothing else goes wrong.
Ending NaturalEnding(const core::RequestSpec& spec);

}  // namespace koeval::sim
