// Everything that can happen to the queue, as values. Posted by the services, applied by the core.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/endings.h"
#include "common/base/ids.h"
#include "scheduler/core/records.h"

namespace koeval::core {

// Names the call that waits for a Reply; chosen by the service, meaningless to the core.
using ReplyToken = NumberId<struct ReplyTokenTag>;

// The moment of an event: both clocks, read once by the dispatcher.
struct Now {
  WallTime wall;
  MonoTime mono;
};

// Who asks. A role of "submitter" may cancel and retry its own requests only.
struct Actor {
  std::string who;
  std::string role;
};

// Why something ended, for people and for the table of endings.
struct Finding {
  Ending ending = Ending::kInternal;
  std::string reason;
  std::string remedy;  // "": the table's text
};

// --- Clients and operators. Each is answered by exactly one Reply. ---

// `spec` is complete and valid. The same id with the same submission gets the first answer.
struct Submit {
  ReplyToken token;
  Actor actor;
  RequestId id;
  RequestSpec spec;
  // Digest of all that decides the scores; "" where it is not known. A request that has it and has
  // not failed is answered instead of a new one, unless `force`.
  std::string identity = {};
  bool force = false;
};
struct Cancel {
  ReplyToken token;
  Actor actor;
  RequestId id;
};
struct Retry {
  ReplyToken token;
  Actor actor;
  RequestId id;
};
struct SetPaused {
  ReplyToken token;
  Actor actor;
  bool paused = false;
};
// A drained worker ends the leases that it has and gets no new ones; survives restarts.
struct SetDrained {
  ReplyToken token;
  Actor actor;
  WorkerId worker;
  bool drained = true;
  std::string reason;
};

// --- Answers of the scheduler's own pools. ---

// Answers StartChecks. With a finding the request fails with it, unless that is HUB_UNAVAILABLE:
// then it is checked again, within the bounds of limits.h.
struct ChecksDone {
  RequestId id;
  int64_t round = 1;
  std::string facts_json;
  std::optional<Finding> finding;
  int64_t memory_bytes = 0;  // that a slot must have for the model; 0: not known
};
// Answers ComputeScore.
struct ScoreDone {
  RequestId id;
  int64_t round = 1;
  std::string scores_json;
  double average = 0;
};
// Answers ComputeScore. A retryable ending is tried again a few times.
struct ScoreFailed {
  RequestId id;
  int64_t round = 1;
  Finding finding;
};

// --- Workers. `session` is one stream; the service numbers them, never twice in a process. ---

struct SlotInfo {
  int64_t index = 0;
  std::string device;        // "cpu", "cuda:0"
  int64_t memory_bytes = 0;  // 0: not known
  std::string hardware_class;
};
struct HeldLease {
  LeaseId lease;
  int64_t slot = 0;
};
struct WarmModel {
  int64_t slot = 0;
  std::string model_key;  // as ModelKey()
};

// The first message of a stream. `worker` is authenticated by the service.
struct WorkerHello {
  SessionId session;
  WorkerId worker;
  std::string version;
  std::vector<SlotInfo> slots;
  std::vector<HeldLease> held;
};
struct WorkerHeartbeat {
  SessionId session;
  std::vector<HeldLease> held;
  std::vector<WarmModel> warm;
};
// The stream ended, from whichever side.
struct WorkerGone {
  SessionId session;
};
struct PlanReady {
  SessionId session;
  LeaseId lease;
  PlanInfo plan;
};
struct BatchDone {
  SessionId session;
  LeaseId lease;
  int64_t batch = 0;
  std::string results_json;
  int64_t run_ms = 0;
  std::string hardware_class;
  std::string plan_digest;
};
struct LeaseEnded {
  SessionId session;
  LeaseId lease;
  std::string ending;  // "DONE", or the name of an ending
  std::string reason;
  std::string remedy;
};

// Time passed. More often than Limits::stall_ms; a few times a second is right.
struct Tick {};

using Event =
    std::variant<Submit, Cancel, Retry, SetPaused, SetDrained, ChecksDone, ScoreDone, ScoreFailed,
                 WorkerHello, WorkerHeartbeat, WorkerGone, PlanReady, BatchDone, LeaseEnded, Tick>;

// "Submit", "Cancel", ...
std::string_view EventName(const Event& event);

}  // namespace koeval::core
