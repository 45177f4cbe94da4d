// Clients of the simulated world.
#include "tests/sim/sim_clients.h"

#include <utility>

#include "tests/sim/truth.h"

namespace koeval::sim {

using core::Actor;
using core::ReplyToken;

SimClients::SimClients(World& world, SimScheduler& scheduler, SimStore& store, int64_t requests,
                       std::vector<std::string> workers)
    : world_(world), scheduler_(scheduler), store_(store), workers_(std::move(workers)) {
  for (int64_t i = 0; i < requests; ++i) ids_.push_back(RequestId{"r" + std::to_string(i)});
  scheduler_.on_reply = [this](const core::Reply& reply) { OnReply(reply); };
}

core::RequestSpec SimClients::SpecOf(const RequestId& id) const {
  constexpr const char* kModels[] = {kRefusedModel,     kBrokenModel, kPoisonModel, kSlowModel,
                                     kUnplannableModel, kLargeModel,  kHugeModel};
  core::RequestSpec spec;
  const uint64_t kind = HashText(id.text + "/kind" + std::to_string(ids_.size())) % 21;
  spec.model = kind < std::size(kModels) ? kModels[kind] : kGoodModel;
  spec.revision = std::to_string(HashText(id.text) % 3);
  spec.suite = "demo";
  spec.priority = static_cast<int64_t>(HashText(id.text + "/priority") % 3);
  spec.time_limit_ms = spec.model == kSlowModel ? 20'000 : 0;
  spec.submitter = "sim";
  return spec;
}

core::ReplyToken SimClients::NewToken(Call call) {
  const ReplyToken token{++last_token_};
  calls_.emplace(token, std::move(call));
  return token;
}

void SimClients::Start(int64_t span_ms) {
  for (const RequestId& id : ids_) {
    world_.After(world_.rng.Between(0, span_ms), [this, id] { Submit(id); });
  }
  Bother();
}

void SimClients::Submit(const RequestId& id) {
  if (acknowledged_.contains(id)) return;
  const ReplyToken token = NewToken({id, /*is_submit=*/true, /*is_conflict=*/false});
  scheduler_.Post(core::Submit{token, Actor{"sim", "submitter"}, id, SpecOf(id)});
  // No answer in time: the same call again, as it is.
  world_.After(world_.rng.Between(1'000, 6'000), [this, id] { Submit(id); });
}

void SimClients::OnReply(const core::Reply& reply) {
  const auto it = calls_.find(reply.token);
  if (it == calls_.end()) return;
  const Call call = it->second;
  calls_.erase(it);
  if (world_.faults_on && world_.rng.Chance(50)) return world_.CountFault("reply lost");
  if (call.is_conflict && reply.status.ok()) {
    return world_.Violation("request " + call.id.text + " was submitted twice with two specs");
  }
  if (!call.is_submit) return;
  if (!reply.status.ok()) {
    return world_.Violation("submit of " + call.id.text + ": " + reply.status.ToString());
  }
  const auto [known, is_new] = acknowledged_.emplace(call.id, reply.request->number);
  if (!is_new && known->second != reply.request->number) {
    world_.Violation("request " + call.id.text + " was submitted twice");
  }
}

template <typename Event>
void SimClients::Ask(Event event, const RequestId& id) {
  event.token = NewToken({id, false, false});
  event.actor = Actor{"op", "operator"};
  scheduler_.Post(std::move(event));
}

void SimClients::Bother() {
  world_.After(world_.rng.Between(300, 6'000), [this] {
    if (!world_.faults_on) return;
    Bother();
    const RequestId id =
        ids_[static_cast<size_t>(world_.rng.Between(0, static_cast<int64_t>(ids_.size()) - 1))];
    const WorkerId worker{workers_[static_cast<size_t>(
        world_.rng.Between(0, static_cast<int64_t>(workers_.size()) - 1))]};
    switch (world_.rng.Between(0, 9)) {
      case 0:
        world_.CountFault("client: cancel");
        return Ask(core::Cancel{{}, {}, id}, id);
      case 1:
      case 2:
      case 3:
        world_.CountFault("client: retry");
        return Ask(core::Retry{{}, {}, id}, id);
      case 4:
        return Ask(core::SetPaused{{}, {}, world_.rng.Chance(500)}, id);
      case 5:
        return Ask(core::SetPaused{{}, {}, false}, id);
      case 6:
        return Ask(core::SetDrained{{}, {}, worker, world_.rng.Chance(500), "chaos"}, id);
      case 7:
        return Ask(core::SetDrained{{}, {}, worker, false, ""}, id);
      case 8: {
        if (!acknowledged_.contains(id)) return;
        world_.CountFault("client: submit of a known id");
        const ReplyToken token = NewToken({id, true, false});
        scheduler_.Post(core::Submit{token, Actor{"sim", "submitter"}, id, SpecOf(id)});
        return;
      }
      default: {
        if (!acknowledged_.contains(id)) return;
        world_.CountFault("client: submit of a taken id");
        core::RequestSpec other = SpecOf(id);
        other.precision = "bfloat16";
        const ReplyToken token = NewToken({id, false, true});
        scheduler_.Post(core::Submit{token, Actor{"sim", "submitter"}, id, other});
        return;
      }
    }
  });
}

void SimClients::Settle() {
  // Earlier calls may still lie in the inbox of a stalled scheduler, so this is repeated.
  if (store_.meta.contains("paused")) Ask(core::SetPaused{{}, {}, false}, {});
  for (const std::string& worker : workers_) {
    if (!store_.meta.contains("drained:" + worker)) continue;
    Ask(core::SetDrained{{}, {}, WorkerId{worker}, false, ""}, {});
  }
  world_.After(5'000, [this] { Settle(); });
}

bool SimClients::IsContent() const {
  return Waiting().empty();
}

std::string SimClients::Waiting() const {
  for (const RequestId& id : ids_) {
    if (!acknowledged_.contains(id)) return "request " + id.text + " was never acknowledged";
    const auto row = store_.requests.find(id);
    if (row == store_.requests.end()) return "request " + id.text + " is not in the store";
    if (row->second.phase != core::Phase::kDone) {
      return "request " + id.text + " is " + std::string(PhaseName(row->second.phase)) + ": " +
             row->second.reason;
    }
  }
  return "";
}

void SimClients::CheckPromises(bool has_large_slot) const {
  for (const auto& [id, number] : acknowledged_) {
    const auto row = store_.requests.find(id);
    if (row == store_.requests.end() || row->second.number != number) {
      return world_.Violation("request " + id.text + " was acknowledged and is lost");
    }
    if (!DifferingFields(row->second.spec, SpecOf(id)).empty()) {
      return world_.Violation("request " + id.text + " has another spec than was submitted");
    }
    const core::RequestRow& r = row->second;
    if (r.phase != core::Phase::kDone) continue;
    const Ending natural = NaturalEnding(r.spec);
    const auto ending = ParseEnding(r.ending);
    if (!ending) return world_.Violation("request " + id.text + " has no ending of the list");
    if (*ending == Ending::kFinished && natural != Ending::kFinished) {
      return world_.Violation("request " + id.text + " finished, which it never could");
    }
    const bool fits = MemoryNeedOf(r.spec.model) <= (has_large_slot ? kLargeSlot : kSmallSlot);
    if (*ending == Ending::kInfeasible && fits) {
      return world_.Violation("request " + id.text + " is infeasible, but a slot can hold it");
    }
    if (*ending == Ending::kFinished && !fits) {
      return world_.Violation("request " + id.text + " finished where it does not fit");
    }
    if (*ending == Ending::kFinished && !store_.scores.contains({id, r.round})) {
      return world_.Violation("request " + id.text + " finished without a score");
    }
  }
}

}  // namespace koeval::sim
