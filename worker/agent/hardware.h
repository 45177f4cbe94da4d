// The hardware class of a slot, as the runner itself names it.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/status.h"

namespace koeval::agent {

// Asks `koeval-runner --hardware-class --device D --threads N`: exact CPU or GPU, libtorch build,
// threads and numerics flags. UNAVAILABLE with the runner's last words when it cannot say.
Result<std::string> AskHardwareClass(const std::string& runner, const std::string& device,
                                     int64_t threads);

}  // namespace koeval::agent
