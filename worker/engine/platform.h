// What the engine sets and asks of libtorch and the machine: devices, numerics, memory, names.
// Everything that depends on libtorch's version is in platform.cc.
#pragma once

#include <functional>
#include <string>

#include "common/base/status.h"
#include "worker/engine/torch_ops.h"

namespace koeval::engine {

// "cpu", "cuda" or "cuda:N". INVALID_ARGUMENT for other text; FAILED_PRECONDITION when there is no
// such GPU, or this libtorch has no CUDA.
Result<at::Device> ParseDevice(const std::string& text);

// Process-wide: number of CPU threads (0 = all that this process may use), deterministic
// algorithms, no TF32, no reductions in reduced precision. Call before a model is loaded.
void SetNumerics(int threads, at::Device device);

// Exact CPU or GPU, libtorch build, threads and numerics: equal text, equal bits. Call after
// SetNumerics.
std::string HardwareClass(at::Device device);

// Gives cached device memory back to the driver. Nothing to do on the CPU.
void FreeCaches(at::Device device);

// Runs `work` with libtorch's exceptions turned into Status: RESOURCE_EXHAUSTED "OUT_OF_MEMORY:
// ..." or INTERNAL. `doing` says what was tried.
Status CatchTorch(const std::string& doing, const std::function<Status()>& work);

}  // namespace koeval::engine
