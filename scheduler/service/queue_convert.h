// Queue rows and events to and from koeval.v1.
#pragma once

#include <string>

#include "common/base/status.h"
#include "koeval/v1/cluster.pb.h"
#include "koeval/v1/queue.pb.h"
#include "scheduler/core/core.h"
#include "scheduler/core/records.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {

// What only the core knows about a request that is not terminal.
struct LiveView {
  core::Progress progress;
  std::string wait_reason;  // why it waits; "" unless it does
};

v1::Request ToProto(const core::RequestRow& row, const LiveView& live);
v1::Attempt ToProto(const core::AttemptRow& row);
v1::WatchResponse ToProto(const core::EventRow& row);
v1::GetQueueResponse ToProto(const core::Counts& counts, WallTime now);
v1::Worker ToProto(const core::WorkerView& view);
v1::SlotVerdict ToProto(const core::SlotVerdict& verdict);
v1::RequestSpec SpecToProto(const core::RequestSpec& spec);

// The fields as the client gave them, defaults not yet filled in.
core::RequestSpec FromProto(const v1::RequestSpec& spec);

// INVALID_ARGUMENT: an unknown state, a bad size, or a page token that ToPageToken did not make for
// these filters.
Result<store::RequestFilter> FilterFromProto(const v1::ListRequestsRequest& request);
Result<store::Page> PageFromProto(const v1::ListRequestsRequest& request);
// The token of the page after the request `last_number`.
std::string ToPageToken(const v1::ListRequestsRequest& request, int64_t last_number);

}  // namespace koeval::service
