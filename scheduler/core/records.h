// What the queue remembers: rows as values. Shared by the core, the stores and the services; no
// I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/clock.h"
#include "common/base/ids.h"

namespace koeval::core {

// The only states that a request has.
enum class RequestState { kPending, kRunning, kFinished, kFailed };
std::string_view StateName(RequestState state);  // "PENDING", ...
std::optional<RequestState> ParseState(std::string_view name);

// Where a live request is inside its state; for people and for the core, never a fifth state.
enum class Phase {
  kChecking,  // PENDING: the submission checks have not answered yet
  kQueued,    // PENDING: waits for a slot
  kPlanning,  // RUNNING: one worker builds the plan
  kBatches,   // RUNNING: batches are being run
  kScoring,   // RUNNING: every batch is stored, the score is being computed
  kDone,      // FINISHED or FAILED
};
std::string_view PhaseName(Phase phase);
std::optional<Phase> ParsePhase(std::string_view name);

// What the submitter decides. Immutable after submit.
struct RequestSpec {
  std::string model;                  // org/name or a local directory
  std::string revision;               // "main" or a commit
  std::string precision = "float32";  // float16, bfloat16, float32
  std::string weight_type = "Original";
  std::string model_type;  // the leaderboard's type, free text here
  std::string suite;
  std::string suite_version;
  std::string profile;        // the suite's unless overridden
  std::string bundle_digest;  // of the suite's tasks and rows
  std::optional<int64_t> limit;
  int64_t priority = 0;  // higher first
  int64_t time_limit_ms = 0;
  std::string submitter;  // name of the token, never the token
  std::string chat = {};  // JSON of the wishes about chat templates (service/chat_spec.h); "": none
  // As the submitter named the revision, before the branch or tag became a commit; "": not known.
  std::string wanted_revision = {};
};
// The names of the fields of a submission in which `a` and `b` differ, of all that the client
// decides: none, and a client that sent `a` may be answered with what was stored for `b`. What the
// scheduler filled in (suite_version, bundle_digest, the commit of a branch) does not count.
std::vector<std::string_view> DifferingFields(const RequestSpec& a, const RequestSpec& b);
// model@revision:precision, the name of what a slot keeps loaded.
std::string ModelKey(const RequestSpec& spec);

// One (task) part of a plan, in plan order; batches of all tasks form one index space.
struct PlanTask {
  std::string task;
  int64_t batches = 0;
  int64_t requests = 0;
  int64_t documents = 0;
  int64_t truncated = 0;
};

struct PlanInfo {
  std::string digest;
  std::vector<PlanTask> tasks;
  int64_t BatchCount() const {
    int64_t n = 0;
    for (const PlanTask& t : tasks) n += t.batches;
    return n;
  }
};

struct RequestRow {
  RequestId id;
  int64_t number = 0;  // submit order, from 1
  RequestSpec spec;
  RequestState state = RequestState::kPending;
  Phase phase = Phase::kChecking;
  // Grows with every explicit retry, and when the round's hardware class is gone for good; batch
  // results belong to a round.
  int64_t round = 1;
  int64_t attempt = 0;  // grows each time that the request starts to run
  std::optional<PlanInfo> plan;
  std::string hardware_class;  // of the first stored batch of the round; not mixed within it
  std::string ending;          // name of the ending once terminal, else ""
  std::string reason;          // why it waits, failed or was put back; for people
  std::string remedy;          // what the submitter can do
  std::string facts_json;      // what the checks found: architecture, parameters, findings
  WallTime submitted_at, started_at, finished_at, updated_at;
  int64_t updated_seq = 0;  // sequence number of its newest event
};

struct AttemptRow {
  RequestId request;
  int64_t round = 1;
  int64_t attempt = 1;
  WorkerId worker;  // the one that it started on
  WallTime started_at, ended_at;
  std::string ending;  // "" while it runs
  std::string reason;
};

// A batch range that a worker may run. begin == end == 0 for a planning lease.
struct LeaseRow {
  LeaseId id;
  RequestId request;
  int64_t round = 1;
  int64_t attempt = 1;
  WorkerId worker;
  int64_t slot = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

// The answers of one batch; unique by (request, round, batch).
struct BatchRow {
  RequestId request;
  int64_t round = 1;
  int64_t batch = 0;
  WorkerId worker;
  LeaseId lease;
  std::string results_json;  // {"task":..,"results":[[request, ll, greedy], ...]}
  int64_t run_ms = 0;
  WallTime stored_at;
};

struct ScoreRow {
  RequestId request;
  int64_t round = 1;
  std::string scores_json;  // entries, average, per-task metrics
  double average = 0;
  WallTime finished_at;
};

// One entry of the change feed; `seq` has no gaps and never repeats.
struct EventRow {
  int64_t seq = 0;
  WallTime at;
  RequestId request;  // "" for events about workers or the queue
  std::string kind;   // one of scheduler/core/event_kinds.h
  std::string text;
};

// Who changed what; for every change that a client or an operator made.
struct AuditRow {
  WallTime at;
  std::string who;  // name of the token or certificate, or "local"
  std::string role;
  std::string action;  // "submit", "cancel", ...
  std::string target;
  std::string detail;
};

// A named value of the queue itself:
//   next_lease                        the first lease number that was never given out
//   next_seq                          the first event number that was never given out
//   paused                            "1" while dispatch is paused
//   drained:<worker>                  why an operator drained it
//   faults:<request>:<round>:<batch>  workers, separated by blanks, one for each counted fault
//   active:<request>                  milliseconds that its round has been running
//   class:<request>                   announced class of the slots that its round runs on
//   memory:<request>                  bytes that a slot must have for its model
//   identity:<digest>                 the newest request that was submitted with this identity
//   recheck:<request>                 how often its checks found no hub, and for how long in ms
//   retry:<request>:<round>           when its submitter asked for this round, in microseconds
struct MetaRow {
  std::string key;
  std::string value;  // "" removes it
};

struct RemoveLease {
  LeaseId id;
};

// What is known about a model, whoever asked for it and however often it was evaluated. The newest
// word counts, field by field; an empty field says that nobody knows.
struct ModelRow {
  std::string model;  // org/name or a local directory; the key
  std::string type;   // a name of scheduler/board/model_type.h
  std::string license;
  std::optional<int64_t> likes;
  std::optional<int64_t> parameters;
  std::string precision;     // of its newest request
  std::string architecture;  // class names, joined by ";"
  std::string base_model;
  WallTime deleted_at;    // when the hub was first seen without it; 0: it is there, or nobody asked
  WallTime refreshed_at;  // of the newest change or confirmation
  std::string source;     // what gave the newest word: "checks", "hub", "import"
};

// A model that operators warn of. The one of a model whose `lifted_at` is 0 is in force.
struct FlagRow {
  std::string model;
  std::string reason;
  std::string url;  // of the discussion; "" for none
  std::string set_by;
  WallTime set_at;  // unique within a model
  std::string lifted_by;
  WallTime lifted_at;
};

// A file of the leaderboard's datasets that was imported, by kind and path.
struct ImportRow {
  std::string kind;    // "requests" or "results"
  std::string path;    // below the folder that was imported, with "/"
  std::string digest;  // SHA-256 of the text
  std::string model;
  std::string revision;
  std::string precision;
  std::string status;      // of a request, as the file has it; "" for results
  std::string facts_json;  // the other fields that were understood (scheduler/board)
  std::string imported_by;
  WallTime imported_at;
};
// Its text, byte by byte.
struct ImportTextRow {
  std::string kind;
  std::string path;
  std::string text;
};

// What the core needs to go on after a restart: live requests whole; finished ones by row only.
struct Snapshot {
  std::vector<RequestRow> requests;  // in submit order
  std::vector<LeaseRow> leases;
  std::vector<AttemptRow> open_attempts;
  std::vector<MetaRow> meta;
  // (request, round, batch) of the stored batches of the current round of live requests.
  struct StoredBatch {
    RequestId request;
    int64_t round = 1;
    int64_t batch = 0;
  };
  std::vector<StoredBatch> batches;
};

// One durable change. A commit holds many and is atomic.
using Mutation =
    std::variant<RequestRow, AttemptRow, LeaseRow, RemoveLease, BatchRow, ScoreRow, EventRow,
                 AuditRow, MetaRow, ModelRow, FlagRow, ImportRow, ImportTextRow>;

}  // namespace koeval::core
