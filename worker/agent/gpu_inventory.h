// The node's GPUs, by NVML loaded at run time; a node without its library simply has none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/status.h"

namespace koeval::agent {

struct Gpu {
  int64_t index = 0;
  std::string name;
  int64_t memory_bytes = 0;
};

// Empty where there is no NVIDIA driver. UNAVAILABLE when the library is there and fails.
Result<std::vector<Gpu>> FindGpus();

// "AMD EPYC 9654 96-Core Processor" of /proc/cpuinfo, or "unknown CPU".
std::string CpuModel();
// Bytes of main memory.
int64_t MainMemoryBytes();

}  // namespace koeval::agent
