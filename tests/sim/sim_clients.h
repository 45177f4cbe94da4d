// Clients and operators: submit with retries under the same id, cancel, retry, pause, drain; each
// remembers what it was promised.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scheduler/core/effects.h"
#include "tests/sim/sim_scheduler.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/world.h"

namespace koeval::sim {

class SimClients {
 public:
  SimClients(World& world, SimScheduler& scheduler, SimStore& store, int64_t requests,
             std::vector<std::string> workers);

  // Submits everything within the first `span_ms`, and bothers the scheduler while faults are on.
  void Start(int64_t span_ms);
  // Everything that clients hold back: resume, undrain, the submits without an answer.
  void Settle();
  // Every request was acknowledged, and every acknowledged one is terminal in the store.
  bool IsContent() const;
  // What IsContent still waits for.
  std::string Waiting() const;
  // Promises that were made: compares them with the store.
  void CheckPromises(bool has_large_slot) const;

 private:
  struct Call {
    RequestId id;
    bool is_submit = false;
    bool is_conflict = false;  // a submit with another spec: must be refused
  };

  void OnReply(const core::Reply& reply);
  core::RequestSpec SpecOf(const RequestId& id) const;
  void Submit(const RequestId& id);
  void Bother();
  core::ReplyToken NewToken(Call call);
  template <typename Event>
  void Ask(Event event, const RequestId& id);

  World& world_;
  SimScheduler& scheduler_;
  SimStore& store_;
  std::vector<RequestId> ids_;
  std::vector<std::string> workers_;
  std::map<core::ReplyToken, Call> calls_;
  std::map<RequestId, int64_t> acknowledged_;  // with the number
  int64_t last_token_ = 0;
};

}  // namespace koeval::sim
