// The parts of a turn that do not depend on the store, and the names of events and effects.
#include "scheduler/core/turn.h"

#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <unordered_map>

namespace koeval::core {

std::string_view EventName(const Event& event) {
  constexpr std::array<std::string_view, std::variant_size_v<Event>> kNames = {
      "Submit",     "Cancel",    "Retry",       "SetPaused",   "SetDrained",
      "ChecksDone", "ScoreDone", "ScoreFailed", "WorkerHello", "WorkerHeartbeat",
      "WorkerGone", "PlanReady", "BatchDone",   "LeaseEnded",  "Tick"};
  return kNames[event.index()];
}

std::string_view EffectName(const Effect& effect) {
  constexpr std::array<std::string_view, std::variant_size_v<Effect>> kNames = {
      "Reply",        "SendWelcome", "SendLease",   "SendStored", "SendRevoke", "SendHeartbeatAck",
      "CloseSession", "StartChecks", "ComputeScore"};
  return kNames[effect.index()];
}

std::vector<Mutation> Coalesce(std::vector<Mutation> mutations) {
  std::vector<Mutation> out;
  out.reserve(mutations.size());
  std::unordered_map<std::string, size_t> places;
  for (Mutation& mutation : mutations) {
    std::string key;
    if (const auto* row = std::get_if<RequestRow>(&mutation)) key = "request " + row->id.text;
    if (const auto* row = std::get_if<MetaRow>(&mutation)) key = "meta " + row->key;
    if (key.empty()) {
      out.push_back(std::move(mutation));
      continue;
    }
    const auto [place, is_new] = places.try_emplace(std::move(key), out.size());
    if (is_new) {
      out.push_back(std::move(mutation));
    } else {
      out[place->second] = std::move(mutation);
    }
  }
  return out;
}

Output ApplyAll(Core& core, std::span<const Event> events, Now now) {
  Output all;
  for (const Event& event : events) {
    Output one = core.Apply(event, now);
    std::move(one.mutations.begin(), one.mutations.end(), std::back_inserter(all.mutations));
    std::move(one.effects.begin(), one.effects.end(), std::back_inserter(all.effects));
  }
  return all;
}

}  // namespace koeval::core
