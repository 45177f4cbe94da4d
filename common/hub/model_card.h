// The head of a model card: what README.md says between its "---" lines.
#pragma once

#include <string_view>

#include "common/base/status.h"
#include "common/hub/repository.h"

namespace koeval::hub {

// Sets licence fields, base models and tags of `info` from the YAML head of `readme`; without a
// head nothing changes. INVALID_ARGUMENT when the head is no YAML mapping. Hostile input: call it
// where rule 11 of the architecture allows.
Status ReadModelCard(std::string_view readme, RepositoryInfo& info);

}  // namespace koeval::hub
