// What the core holds in memory: rows, what is live beside them, and the indexes over both. Plain
// data: the machine changes it, the invariant checker and the queries read it.
#pragma once

#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "scheduler/core/deadlines.h"
#include "scheduler/core/events.h"
#include "scheduler/core/limits.h"
#include "scheduler/core/rank_tree.h"
#include "scheduler/core/records.h"

namespace koeval::core {

// The list that a live request stands in, if any.
enum class Queue {
  kNone,
  kChecks,  // its checks are to be asked for
  kWait,    // phase queued
  kHelp,    // phase batches, with free batches
  kScores,  // its score is to be asked for
};

// Faults are counted for a batch, or for one of these.
inline constexpr int64_t kPlanning = -1;
inline constexpr int64_t kWholeRequest = -2;

// The class of a request whose leases are all from before a restart; no slot has it.
inline constexpr const char* kUnknownClass = "\x01unknown";

// What a request needs until it is terminal.
struct Live {
  std::map<int64_t, int64_t> free;  // begin -> end of batches neither stored nor leased
  std::vector<bool> stored;         // one for each batch of the plan
  int64_t stored_count = 0;
  std::set<LeaseId> leases;
  // Announced class of the slots that may serve it: that of its first batch lease, for as long as
  // it has batch leases or stored batches. "" = any.
  std::string bound_class;
  bool is_stranded = false;  // at the last look no worker of its class was there
  std::map<int64_t, std::vector<WorkerId>> faults;  // counted ones, by batch
  std::optional<AttemptRow> attempt;                // the open one
  int64_t active_ms = 0;                            // of the round, before `active_since_ms`
  std::optional<int64_t> active_since_ms;           // while phase is planning or batches
  int64_t check_tries = 0;
  int64_t recheck_tries = 0;  // answers of the checks that found no hub
  int64_t recheck_ms = 0;     // from the first of them to the newest
  int64_t recheck_at_ms = 0;  // when the newest came, or the scheduler started
  int64_t score_tries = 0;
  int64_t memory_bytes = 0;  // that a slot must have for its model; 0: not known
  int64_t undelivered = 0;   // leases of the round that never arrived
  int64_t measured_ms = 0;   // sum over `measured` batches
  int64_t measured = 0;
  Queue queue = Queue::kNone;
  std::string queue_class;
};

struct Request {
  RequestRow row;
  std::unique_ptr<Live> live;  // null when terminal
  bool is_dirty = false;       // its row changed during the event that is being applied
};

struct Lease {
  LeaseRow row;
  bool reattaching = false;    // from before a restart, its worker has not said Hello yet
  bool is_confirmed = false;   // the worker has named it
  MonoTime renewed;            // by the machine's clock, stalls and all
  std::string hardware_class;  // of its slot; "" while reattaching
};

struct SlotKey {
  WorkerId worker;
  int64_t slot = 0;
  auto operator<=>(const SlotKey&) const = default;
};

// A slot that may be given a lease; the one with less memory is taken first.
struct IdleSlot {
  int64_t memory = 0;  // SlotMemory()
  SlotKey key;
  auto operator<=>(const IdleSlot&) const = default;
};

struct Slot {
  SlotInfo info;
  LeaseId lease;         // value 0: none
  std::string warm;      // model key, "" for none
  bool resting = false;  // handed a lease back a moment ago
  bool is_idle = false;  // stands in the indexes, under the two keys below
  std::string idle_class;
  std::string idle_warm;
};

struct Worker {
  WorkerId id;
  std::string version;
  SessionId session;  // value 0: not connected
  std::map<int64_t, Slot> slots;
  std::set<LeaseId> leases;
  std::vector<std::string> ready_classes;  // where it stands in State::ready
  // Rounds for which its runners turned out to be of another class; until it says Hello again.
  std::set<std::pair<RequestId, int64_t>> wrong_for;
  int64_t last_seen_ms = 0;
  int64_t batches_done = 0;
};

struct State {
  Limits limits;

  // The core's own clock: monotonic time without the scheduler's stalls. Deadlines are of it.
  int64_t time_ms = 0;
  std::optional<MonoTime> last_mono;
  WallTime wall;

  std::unordered_map<RequestId, Request> requests;
  std::unordered_map<LeaseId, Lease> leases;
  std::map<WorkerId, Worker> workers;
  std::unordered_map<SessionId, WorkerId> sessions;
  std::map<WorkerId, std::string> drained;  // with the reason
  bool paused = false;
  int64_t next_lease = 1;
  int64_t next_seq = 1;
  int64_t next_number = 1;
  int64_t state_counts[4] = {0, 0, 0, 0};  // by RequestState
  // When each submitter made its newest requests and retries, oldest first, at most
  // limits.submits_max of them. Follows from what is stored, so that a restart does not forget.
  std::unordered_map<std::string, std::deque<WallTime>> submits;
  // The newest request of each identity that a submission had.
  std::unordered_map<std::string, RequestId> identities;

  // Requests by what they wait for; the last two by hardware class ("" = any will do).
  RankTree checks;
  RankTree scores;
  std::map<std::string, RankTree> wait;
  std::map<std::string, RankTree> help;
  // Asked and not answered, with the round, until the answer counts as lost.
  Deadlines<std::pair<RequestId, int64_t>> checks_asked;
  Deadlines<std::pair<RequestId, int64_t>> scores_asked;
  Deadlines<RequestId> recheck_deadlines;  // of requests whose checks found no hub

  // Memory of every slot of a known worker, as SlotMemory().
  std::multiset<int64_t> slot_memory;
  // Waiting requests whose need of memory is known, the need first. Those that no known slot can
  // hold stand in the deadlines instead, and fail when nothing has changed by then.
  std::set<std::pair<int64_t, RequestId>> needs;
  Deadlines<RequestId> unfit_deadlines;

  // Slots that may be given a lease, those with the least memory first: by class, and by class and
  // warm model.
  std::map<std::string, std::set<IdleSlot>> idle;
  std::map<std::pair<std::string, std::string>, std::set<IdleSlot>> idle_warm;
  // Workers that are connected and not drained: by the classes of their slots, and all under "".
  std::map<std::string, std::set<WorkerId>> ready;

  Deadlines<LeaseId> lease_deadlines;
  Deadlines<WorkerId> silence_deadlines;  // of connected workers
  Deadlines<WorkerId> forget_deadlines;   // of workers that are gone
  Deadlines<RequestId> limit_deadlines;   // of running requests
  Deadlines<RequestId> strand_deadlines;  // of waiting requests that have batches
  Deadlines<SlotKey> rest_deadlines;
};

// Memory of a slot; one that does not say holds anything.
int64_t SlotMemory(const SlotInfo& slot);

// Milliseconds that the round has been running.
int64_t ActiveMs(const State& state, const Live& live);

// Every durable part of the state, one fact a line, in a fixed order: equal texts, equal queues.
std::string Dump(const State& state);

}  // namespace koeval::core
