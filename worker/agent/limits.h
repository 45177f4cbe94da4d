// Bounds of the worker daemon, all in one place.
#pragma once

#include <cstddef>
#include <cstdint>

namespace koeval::agent {

inline constexpr int64_t kProtocol = 1;  // of koeval.worker.v1
inline constexpr int64_t kSlotsMax = 64;
inline constexpr size_t kInboxMax = 4096;   // events that wait for the agent's loop
inline constexpr size_t kOutboxMax = 4096;  // messages that wait for the stream
inline constexpr size_t kBundlesMax = 4;    // task bundles kept in memory
inline constexpr size_t kBundleBytesMax = size_t{1} << 30;
inline constexpr size_t kMessageBytesMax = size_t{64} << 20;
// Results of one batch; the rest of the message needs little.
inline constexpr size_t kResultsBytesMax = kMessageBytesMax - (size_t{1} << 20);
inline constexpr int64_t kTickMs = 100;
inline constexpr int64_t kConnectTimeoutMs = 5'000;
inline constexpr int64_t kBackoffFirstMs = 100;
inline constexpr int64_t kBackoffMostMs = 3'000;
// Of a GPU's memory: an allowance for what the driver's context, the loaded kernels and the
// workspaces of libtorch take in a runner, apart from its tensors.
inline constexpr int64_t kCudaContextBytes = int64_t{768} << 20;
// After SIGTERM: time for the batch in flight, its acknowledgement and the goodbye.
inline constexpr int64_t kShutdownMsDefault = 120'000;

}  // namespace koeval::agent
