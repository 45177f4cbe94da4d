// What the core wants done, as values. Released only after the mutations of the same turn are on
// disk, in order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/ids.h"
#include "common/base/status.h"
#include "scheduler/core/events.h"
#include "scheduler/core/records.h"

namespace koeval::core {

// Answers the call of `token`.
struct Reply {
  ReplyToken token;
  Status status;
  std::optional<RequestRow> request;  // of Submit, Cancel and Retry that succeeded
  bool already_known = false;         // Submit: the id was there before
};

// Sent to the stream `session`; dropped by the service when that stream is gone.

// Answers WorkerHello: held leases in `keep` go on, all others must stop.
struct SendWelcome {
  SessionId session;
  int64_t heartbeat_ms = 0;
  int64_t lease_ms = 0;
  std::vector<LeaseId> keep;
};
// Run [begin, end); begin == end: build the plan. What ran in the slot before was finished or
// revoked by an earlier message of the same stream.
struct SendLease {
  SessionId session;
  LeaseRow lease;
  RequestSpec spec;
  std::string plan_digest;   // "" for a planning lease
  int64_t time_left_ms = 0;  // until the lease is lost unless a heartbeat names it
  // For requests with chat options alone: what the checks found, and when it was submitted.
  std::string facts_json = {};
  WallTime submitted_at = {};
};
// The result is on disk. batch -1: the plan of a planning lease is.
struct SendStored {
  SessionId session;
  LeaseId lease;
  int64_t batch = 0;
};
struct SendRevoke {
  SessionId session;
  LeaseId lease;
  std::string reason;
};
struct SendHeartbeatAck {
  SessionId session;
};
// End the stream with `status`. The core has forgotten it already; a WorkerGone may follow.
struct CloseSession {
  SessionId session;
  Status status;
};

// Work for the scheduler's pools; each is answered by one event. Asked for again after a restart,
// and when no answer came in time: then there may be two, of which the first counts.

// Answered by ChecksDone.
struct StartChecks {
  RequestId id;
  int64_t round = 1;
  RequestSpec spec;
};
// Every batch is stored: answered by ScoreDone or ScoreFailed.
struct ComputeScore {
  RequestId id;
  int64_t round = 1;
  RequestSpec spec;
  PlanInfo plan;
};

using Effect = std::variant<Reply, SendWelcome, SendLease, SendStored, SendRevoke, SendHeartbeatAck,
                            CloseSession, StartChecks, ComputeScore>;

// "Reply", "SendWelcome", ...
std::string_view EffectName(const Effect& effect);

}  // namespace koeval::core
