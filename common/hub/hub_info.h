// What the hub says about a repository at a revision, as JSON.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/hub/repository.h"

namespace koeval::hub {

inline constexpr size_t kInfoBytesMax = size_t{64} << 20;

// The answer of /api/models or /api/datasets with blobs=true. INVALID_ARGUMENT for unsound paths,
// OUT_OF_RANGE for too many files, UNAVAILABLE for what is no such answer. `where` names it in
// messages.
Result<RepositoryInfo> ParseHubInfo(std::string_view body, const std::string& where);

// The same form again: what is read from it is `info`. REQUIRES: of a hub (digests and a commit).
std::string HubInfoText(const RepositoryInfo& info);

}  // namespace koeval::hub
