// How much the cache holds, and which repositories leave when it must hold more.
#pragma once

#include <cstdint>
#include <string>

#include "common/base/status.h"
#include "common/hub/cache_layout.h"

namespace koeval::hub {

// Bytes of disk that all blobs take, reserved ones included.
int64_t UsedBytes(const CacheLayout& layout);

// Removes repositories, the one whose last use is longest ago first, until `need` bytes more stay
// within `bytes_max`. Those in use stay, and those that only others than this project used.
// RESOURCE_EXHAUSTED when that is not enough. REQUIRES: the caller holds RoomLock().
Status MakeRoom(const CacheLayout& layout, int64_t need, int64_t bytes_max);

}  // namespace koeval::hub
