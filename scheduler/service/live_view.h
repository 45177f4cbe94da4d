// What only the core knows about requests, read on the dispatcher's thread.
#pragma once

#include <span>
#include <vector>

#include "common/base/status.h"
#include "scheduler/service/dispatcher.h"
#include "scheduler/service/queue_convert.h"

namespace koeval::service {

// Of one request, on the dispatcher's thread.
LiveView ReadLiveView(const core::Core& core, const core::RequestRow& row);
// Of each of `rows`, in their order; waits for the dispatcher, and does not ask it when all rows
// are terminal.
Result<std::vector<LiveView>> AskLiveViews(Dispatcher& dispatcher,
                                           std::span<const core::RequestRow> rows);

}  // namespace koeval::service
