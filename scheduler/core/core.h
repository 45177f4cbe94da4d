// The queue as a pure state machine: events in, durable changes and effects out. No I/O, no clock,
// no threads.
//
// LIFE OF A REQUEST
//   Submit -> PENDING(checking) -> ChecksDone -> PENDING(queued) -> RUNNING(planning) ->
//   RUNNING(batches) -> RUNNING(scoring) -> FINISHED, the score in the same commit.
//   A finding, a fault that blames model or suite, a cancel, the time limit, or the third fault
//   that blames the same batch: FAILED. When its last lease ends before its last batch is stored:
//   back to PENDING(queued), with the reason; stored batches and plan are kept.
//   Retry of a FAILED request: PENDING(checking) in a new round, with nothing kept.
// LEASES
//   A lease is a number that is never used twice. It is current while the core has it; every
//   message of a worker about a lease that is not current is dropped in one place and answered
//   with SendRevoke. A lease ends when its last batch is stored, when the worker ends it, when no
//   heartbeat named it for Limits::lease_ms, when the worker says Hello without it, or when its
//   request ends. A stream that ends does not end leases by itself.
// PLACEMENT
//   An idle slot helps a running request that has free batches (one whose model it has loaded
//   first), else it starts the waiting request of the highest priority, oldest first (in a slot
//   that has its model loaded where there is one, else in the smallest that can hold it). Hardware
//   classes are not mixed within a round; a round whose class has been gone for a while starts
//   anew, as a new round, on what is there. A worker that failed a batch does not get it again
//   while another worker could. A slot whose memory cannot hold the model never gets it; a request
//   that no known slot can hold, of workers that are there or may come back, ends as INFEASIBLE
//   after a while.
// POOLS
//   Checks and scores are asked of the scheduler's pools. An answer that does not come in time is
//   lost: asked for again a few times, then the request ends as INTERNAL.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scheduler/core/effects.h"
#include "scheduler/core/events.h"
#include "scheduler/core/limits.h"
#include "scheduler/core/records.h"

namespace koeval::core {

class Machine;
struct State;

// `effects` may leave only after all of `mutations` are on disk.
struct Output {
  std::vector<Mutation> mutations;
  std::vector<Effect> effects;
};

// The queue at a glance.
struct Counts {
  int64_t pending = 0;
  int64_t running = 0;
  int64_t finished = 0;
  int64_t failed = 0;
  int64_t workers = 0;  // connected
  int64_t slots = 0;    // of connected workers
  int64_t slots_busy = 0;
  int64_t leases = 0;
  int64_t last_seq = 0;  // newest event
  bool paused = false;
};

struct Progress {
  int64_t batches_done = 0;
  int64_t batches_total = 0;         // 0 until the plan is known
  std::optional<int64_t> eta_ms;     // from measured batch times and the slots that run it now
  int64_t queue_position = 0;        // 1 = next; 0 when not waiting for a slot
  std::vector<std::string> workers;  // that run it now, ascending
};

struct SlotView {
  SlotInfo info;
  std::string model;  // warm model key, "" for none
  RequestId request;  // "" when idle
  LeaseId lease;
};
struct WorkerView {
  WorkerId id;
  bool connected = false;
  bool drained = false;
  std::string drain_reason;
  std::string version;
  int64_t last_seen_ms_ago = 0;
  int64_t batches_done = 0;  // since the scheduler started
  std::vector<SlotView> slots;
};

// Why a slot does not run a request, or that it does.
struct SlotVerdict {
  WorkerId worker;
  SlotInfo info;
  bool is_open = false;  // nothing about the slot keeps it from taking the request
  std::string text;      // for people
};
struct Explanation {
  std::string answer;              // one sentence
  int64_t memory_bytes = 0;        // that a slot must have; 0: not known
  std::string bound_class;         // hardware class that its round is bound to; "" = any
  std::vector<SlotVerdict> slots;  // by worker and index, at most as many as were asked for
  int64_t slots_known = 0;
};

// What would become of a request if it were submitted now and passed its checks.
struct Preview {
  Explanation explanation;
  bool fits = true;    // some known slot can hold its model, or no slot is known
  std::string remedy;  // the nearest change that fits, when none can
  int64_t ahead = 0;   // waiting requests that would go first
  // Until it starts, from what runs now; nothing when that is not known.
  std::optional<int64_t> start_ms;
};

// One thread only: the dispatcher's.
class Core {
 public:
  explicit Core(const Limits& limits);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  // Takes up what was committed; once, before the first Apply. Leases get the grace window to
  // re-attach. The effects (checks, scores) are those that the crash may have lost. DATA_LOSS,
  // naming the row, when rows contradict each other.
  Result<Output> Restore(const Snapshot& snapshot, Now now);

  // Never fails: an event that is invalid, stale or unknown changes nothing and is answered.
  Output Apply(const Event& event, Now now);

  // When the next deadline falls due, at the latest; a Tick then is never too late.
  std::optional<MonoTime> NextDeadline() const;

  const Limits& limits() const;
  Counts counts() const;
  // nullptr: no such request. Valid until the next Apply.
  const RequestRow* Find(const RequestId& id) const;
  Progress ProgressOf(const RequestId& id) const;
  // The request that a submission with this identity is answered with; nullptr for none and for "".
  const RequestRow* FindSame(const std::string& identity) const;
  // Why a PENDING request is not running, in one sentence; "" for other states.
  std::string WaitReason(const RequestId& id) const;
  // What placement makes of each slot for a live request. NOT_FOUND: no such request;
  // FAILED_PRECONDITION: it has ended.
  Result<Explanation> Explain(const RequestId& id, int64_t slots_max) const;
  // What would become of such a request now; `memory_bytes` as of ChecksDone.
  Preview PreviewOf(const RequestSpec& spec, int64_t memory_bytes, int64_t slots_max) const;
  // In the order of their names. Known workers, connected or not.
  std::vector<WorkerView> Workers() const;
  std::optional<WorkerView> FindWorker(const WorkerId& id) const;

  // For the invariant checker and tests: scheduler/core/state.h.
  const State& state() const;

 private:
  friend class CoreTestPeer;
  std::unique_ptr<Machine> machine_;
};

}  // namespace koeval::core
