// Between the worker link's protobuf and the agent's plain values. Generated types end here.
#pragma once

#include <optional>

#include "koeval/worker/v1/link.pb.h"
#include "worker/agent/messages.h"

namespace koeval::agent {

koeval::worker::v1::WorkerMessage ToProto(const ToScheduler& message);
// Nothing for a message without a body (a newer scheduler's, which an old worker ignores).
std::optional<FromScheduler> FromProto(const koeval::worker::v1::SchedulerMessage& message);

}  // namespace koeval::agent
