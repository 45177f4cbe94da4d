// The worker daemon without its command line: link, slots, state machine, one loop.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/bounded_queue.h"
#include "common/base/clock.h"
#include "common/base/status.h"
#include "worker/agent/agent_config.h"
#include "worker/agent/agent_state.h"
#include "worker/agent/bundle_cache.h"
#include "worker/agent/limits.h"
#include "worker/agent/link.h"
#include "worker/agent/model_source.h"
#include "worker/agent/slot.h"

namespace koeval::agent {

// What the daemon tells its service manager; called from the loop.
struct Notifier {
  std::function<void()> ready;                     // once connected for the first time
  std::function<void(const std::string&)> status;  // one line
  std::function<void()> alive;                     // each turn of the loop
};

class Agent {
 public:
  Agent(const AgentConfig& config, std::vector<SlotInfo> slots,
        std::shared_ptr<grpc::Channel> channel, PrepareCall prepare, ModelSource models,
        Notifier notifier, const Clock& clock);
  ~Agent();

  // Runs until Shutdown has been asked and everything is handed back, or the scheduler refuses this
  // worker for good (then its reason).
  Status Run();
  // Any thread; also from a thread that waits for signals. Asked twice: leaves at once.
  void Shutdown();

 private:
  void Post(AgentEvent event);
  void Do(const AgentAction& action);

  const AgentConfig config_;
  const Clock& clock_;
  const Notifier notifier_;
  BoundedQueue<AgentEvent> inbox_;
  AgentState state_;
  BundleCache bundles_;
  const ModelSource models_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::unique_ptr<Link> link_;
  std::atomic<int> shutdowns_asked_ = 0;
  bool goodbye_ = false;
};

}  // namespace koeval::agent
