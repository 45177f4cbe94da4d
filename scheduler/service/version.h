// Version of the scheduler and of the protocol that it speaks with workers.
#pragma once

#include <cstdint>

namespace koeval::service {

inline constexpr const char* kVersion = "0.1.0";
inline constexpr int64_t kLinkProtocol = 1;

}  // namespace koeval::service
