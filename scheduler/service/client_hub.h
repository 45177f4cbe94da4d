// The model hub over HTTP, with the leaderboard's own token.
#pragma once

#include <memory>

#include "common/base/status.h"
#include "scheduler/service/config.h"
#include "scheduler/service/model_hub.h"

namespace koeval::service {

// nullptr when no endpoint is set. INVALID_ARGUMENT for an endpoint that is no URL; errors of the
// token's file name it and the remedy, never its content.
Result<std::shared_ptr<ModelHub>> MakeModelHub(const HubConfig& config);

}  // namespace koeval::service
