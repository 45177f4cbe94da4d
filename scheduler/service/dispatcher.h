// The dispatcher: the one thread that owns the core and writes the store.
//
// Each turn drains the inbox, applies the events, commits once and only then lets the answers out.
// A commit that fails ends the dispatcher: replies that wait get UNAVAILABLE, `on_fatal` is called,
// and the process must end and restart from the store.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <thread>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "scheduler/core/core.h"
#include "scheduler/core/turn.h"
#include "scheduler/service/inbox.h"
#include "scheduler/service/metrics.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {

// Where effects go. Called by the dispatcher's thread after the commit; must not block.
class Outlets {
 public:
  virtual ~Outlets() = default;
  // Everything up to event `seq` is on disk.
  virtual void Committed(int64_t seq) = 0;
  // A SendWelcome, SendLease, SendStored, SendRevoke, SendHeartbeatAck or CloseSession.
  virtual void ToWorker(const core::Effect& effect) = 0;
  virtual void Start(const core::StartChecks& checks) = 0;
  virtual void Start(const core::ComputeScore& score) = 0;
};

class Dispatcher final : private core::EffectSink {
 public:
  // Called once, by the dispatcher's thread, with the reply and the state after the commit.
  using OnReply = std::function<void(const core::Reply&, const core::Core&)>;
  using MakeEvent = std::function<core::Event(core::ReplyToken)>;

  struct Options {
    core::Limits limits;
    store::JobStore& store;
    const Clock& clock;
    Metrics& metrics;
    Outlets& outlets;
    std::function<void(const Status&)> on_fatal;
  };
  explicit Dispatcher(Options options);
  ~Dispatcher() override;  // Stop()

  // Takes up what the store holds and starts the thread. DATA_LOSS for contradicting rows.
  Status Start();
  // Refuses new events, applies and commits those that wait, joins. Idempotent.
  void Stop();

  // Posts a client's or operator's event; `on_reply` gets its one answer. RESOURCE_EXHAUSTED or
  // UNAVAILABLE: not posted, and `on_reply` is never called. Any thread.
  Status Call(const MakeEvent& make, OnReply on_reply) EXCLUDES(mutex_);
  // Posts a worker's event; `applied` is called by the dispatcher's thread after the commit.
  Status PostWorker(core::Event event, std::function<void()> applied);
  // Posts an answer of our own pools or the end of a stream. Dropped once stopping: the core asks
  // again after the restart.
  void PostOwn(core::Event event);

  // Runs `ask` on the dispatcher's thread after the next commit and waits for it. From the threads
  // of our pools, whose number bounds how many ask at once; not from the dispatcher's.
  Status Ask(const std::function<void(const core::Core&, core::Now)>& ask);
  // The same with the store, for work that only its writer may do.
  Status AskStore(const std::function<Status(store::JobStore&)>& ask);

  // Newest event that is on disk. Any thread.
  int64_t committed_seq() const { return committed_seq_.load(); }
  // Counts as of the last turn. Any thread.
  core::Counts counts() const EXCLUDES(mutex_);
  // Why the dispatcher ended by itself; OK while it runs.
  Status failure() const EXCLUDES(mutex_);
  size_t inbox_depth() const { return inbox_.size(); }

 private:
  void Committed(std::span<const core::Mutation> mutations) override;
  void Emit(const core::Effect& effect) override;

  struct TimedStore;

  void Loop();
  // Milliseconds until the core wants to see time pass.
  int64_t WaitMs(MonoTime last_tick) const;
  Status RunTurn(std::vector<InboxItem> items, bool tick);
  void Fail(const Status& status);
  void DeliverReply(const core::Reply& reply);
  void DropWaitingReplies(const Status& why);
  void PublishCounts();
  core::Now ReadClock() const;

  Options options_;
  core::Core core_;  // the dispatcher's thread only, once it runs
  Inbox inbox_;
  std::atomic<int64_t> committed_seq_{0};
  mutable Mutex mutex_;
  std::map<core::ReplyToken, OnReply> replies_ GUARDED_BY(mutex_);
  int64_t next_token_ GUARDED_BY(mutex_) = 1;
  core::Counts counts_ GUARDED_BY(mutex_);
  Status failure_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace koeval::service
