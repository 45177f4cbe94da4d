// Messages of the worker link to core events, and core effects to messages.
#pragma once

#include <optional>
#include <span>

#include "common/base/status.h"
#include "common/evaluation/suite.h"
#include "common/evaluation/types.h"
#include "koeval/worker/v1/link.pb.h"
#include "scheduler/core/effects.h"
#include "scheduler/core/events.h"

namespace koeval::service {

// The event of a first message. FAILED_PRECONDITION, with the remedy, when the protocol differs;
// INVALID_ARGUMENT names a field over its bound.
Result<core::WorkerHello> HelloFromProto(const worker::v1::Hello& hello, SessionId session);
// The event of any later message. INVALID_ARGUMENT for a second Hello, an empty message or a field
// over its bound.
Result<core::Event> EventFromProto(worker::v1::WorkerMessage message, SessionId session);

worker::v1::SchedulerMessage ToProto(const core::SendWelcome& welcome);
// `suite`: of the lease's request; its tasks in plan order get their shots. `chat`: of the request,
// resolved.
worker::v1::SchedulerMessage ToProto(const core::SendLease& lease, const evaluation::Suite& suite,
                                     const evaluation::ChatOptions& chat);
worker::v1::SchedulerMessage ToProto(const core::SendStored& stored);
worker::v1::SchedulerMessage ToProto(const core::SendRevoke& revoke);
worker::v1::SchedulerMessage ToProto(const core::SendHeartbeatAck& ack);

}  // namespace koeval::service
