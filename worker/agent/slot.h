// One slot: a thread with a warm runner that does one lease at a time.
//
// LIFE OF A LEASE: the task bundle is fetched when it is not in memory; the model is downloaded
// when it is not on this node; the runner is started when there is none, loads the model when it
// holds another one, and gets the tasks of a request once. A planning lease reports the plan; any
// other compares the plan's digest and runs its range. Whatever happens, exactly one SlotEnded ends
// it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "worker/agent/bundle_cache.h"
#include "worker/agent/messages.h"
#include "worker/agent/model_source.h"
#include "worker/runner/session.h"

namespace koeval::agent {

struct SlotOptions {
  SlotInfo info;
  int64_t threads = 0;
  std::string engine = "plan";
  std::string logits_dtype = "float32";
  runner::SessionOptions session;
};

// Start, Stop and Extend may be called from any thread; they never block for long.
class Slot {
 public:
  Slot(SlotOptions options, BundleCache& bundles, const ModelSource& models,
       std::function<void(AgentEvent)> post, const Clock& clock);
  // Aborts what runs, ends the runner and joins.
  ~Slot();

  // REQUIRES: the lease before it has ended.
  void Start(const LeaseOrder& order);
  // Ends the lease after the batch in flight; before its range runs, at the next step. A download
  // ends at once; what it has is kept.
  void Stop(LeaseId lease);
  void Extend(LeaseId lease, int64_t time_left_ms);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// "model@revision:precision", as the scheduler's core names a warm model.
std::string ModelKeyOf(const LeaseOrder& order);

}  // namespace koeval::agent
