// What scheduler, agent and slots say to each other, as plain values (link_convert.cc makes
// protobuf).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/ids.h"

namespace koeval::agent {

// ---- scheduler -> agent ----

struct TaskShots {
  std::string task;
  std::optional<int64_t> num_fewshot;
};

// The right to run batches [begin, end) of a request on a slot; begin == end asks for the plan.
struct LeaseOrder {
  LeaseId lease;
  int64_t slot = 0;
  RequestId request;
  std::string model, revision, precision, profile, suite;
  std::string bundle_digest;
  std::string plan_digest;  // "" for a planning lease
  std::optional<int64_t> limit;
  int64_t begin = 0, end = 0;
  int64_t time_left_ms = 0;  // of the request's time limit; 0: none
  std::vector<TaskShots> shots;
  std::string chat_json;  // evaluation::ChatOptionsToJson; "" for plain prompts

  bool planning() const { return begin == end; }
};

struct Welcome {
  SessionId session;
  int64_t heartbeat_ms = 2000;
  int64_t lease_ms = 10000;
  std::vector<LeaseId> keep;
};
struct BatchStored {
  LeaseId lease;
  int64_t batch = 0;
};
struct Revoke {
  LeaseId lease;
  std::string reason;
};
struct HeartbeatAck {};
using FromScheduler = std::variant<Welcome, LeaseOrder, BatchStored, Revoke, HeartbeatAck>;

// ---- agent -> scheduler ----

struct SlotInfo {
  int64_t index = 0;
  std::string device;
  int64_t memory_bytes = 0;
  std::string hardware_class;
};
struct HeldLease {
  LeaseId lease;
  int64_t slot = 0;
};
struct Hello {
  std::string worker, version;
  std::vector<SlotInfo> slots;
  std::vector<HeldLease> held;
};
struct WarmModel {
  int64_t slot = 0;
  std::string model_key;
};
struct Heartbeat {
  std::vector<HeldLease> held;
  std::vector<WarmModel> warm;
};
struct PlanTask {
  std::string task;
  int64_t batches = 0, requests = 0, documents = 0, truncated = 0;
};
struct PlanReady {
  LeaseId lease;
  std::string digest;
  std::vector<PlanTask> tasks;
};
struct BatchDone {
  LeaseId lease;
  int64_t batch = 0;
  std::string results_json;
  int64_t run_ms = 0;
  std::string hardware_class, plan_digest;
};
struct LeaseEnded {
  LeaseId lease;
  std::string ending;  // DONE, HANDED_BACK or one of the closed list
  std::string reason, remedy;
};
using ToScheduler = std::variant<Hello, Heartbeat, PlanReady, BatchDone, LeaseEnded>;

// ---- slot -> agent ----

struct SlotWarm {
  int64_t slot = 0;
  std::string model_key;  // "" when nothing is loaded
};
struct SlotPlan {
  int64_t slot = 0;
  PlanReady plan;
};
struct SlotBatch {
  int64_t slot = 0;
  BatchDone batch;
};
// What a slot is busy with before its batches run, for people; "" when that is over.
struct SlotNote {
  int64_t slot = 0;
  std::string text;
};
// The slot is free again. `ending`: DONE, STOPPED (asked to stop), or one of the closed list.
struct SlotEnded {
  int64_t slot = 0;
  LeaseId lease;
  std::string ending, reason, remedy;
};

// ---- the link's state -> agent ----

struct LinkUp {};
struct LinkDown {
  std::string reason;
};
struct ShutdownAsked {};
struct Tick {};

using AgentEvent = std::variant<FromScheduler, SlotWarm, SlotNote, SlotPlan, SlotBatch, SlotEnded,
                                LinkUp, LinkDown, ShutdownAsked, Tick>;

// ---- agent -> the world ----

struct Send {
  ToScheduler message;
};
struct StartLease {
  int64_t slot = 0;
  LeaseOrder order;
};
// The slot finishes the batch in flight, then ends the lease.
struct StopLease {
  int64_t slot = 0;
  LeaseId lease;
};
struct ExtendLease {
  int64_t slot = 0;
  LeaseId lease;
  int64_t time_left_ms = 0;
};
// Everything is handed back and said; the process may end.
struct Goodbye {};

using AgentAction = std::variant<Send, StartLease, StopLease, ExtendLease, Goodbye>;

}  // namespace koeval::agent
