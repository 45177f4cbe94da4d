// NVML through dlopen, and the facts of the CPU.
#include "worker/agent/gpu_inventory.h"

#include <dlfcn.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <string_view>

#include "common/base/file.h"

namespace koeval::agent {
namespace {

// The few entry points of NVML that are used; every one returns 0 on success.
struct NvmlMemory {
  unsigned long long total, free, used;
};
struct Nvml {
  int (*init)() = nullptr;
  int (*shutdown)() = nullptr;
  int (*count)(unsigned int*) = nullptr;
  int (*handle)(unsigned int, void**) = nullptr;
  int (*name)(void*, char*, unsigned int) = nullptr;
  int (*memory)(void*, NvmlMemory*) = nullptr;
};

template <typename Function>
bool Find(void* library, const char* symbol, Function& out) {
  out = reinterpret_cast<Function>(::dlsym(library, symbol));
  return out != nullptr;
}

Result<std::vector<Gpu>> ListGpus(const Nvml& nvml) {
  unsigned int count = 0;
  if (nvml.count(&count) != 0) return Unavailable("NVML cannot count the GPUs");
  std::vector<Gpu> gpus;
  for (unsigned int i = 0; i < count; ++i) {
    void* device = nullptr;
    std::array<char, 96> name{};
    NvmlMemory memory{};
    if (nvml.handle(i, &device) != 0 || nvml.name(device, name.data(), name.size()) != 0 ||
        nvml.memory(device, &memory) != 0) {
      return Unavailable(fmt::format("NVML cannot describe GPU {}", i));
    }
    gpus.push_back({i, name.data(), static_cast<int64_t>(memory.total)});
  }
  return gpus;
}

}  // namespace

Result<std::vector<Gpu>> FindGpus() {
  const std::unique_ptr<void, int (*)(void*)> library(
      ::dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL),
      [](void* handle) { return handle == nullptr ? 0 : ::dlclose(handle); });
  if (library == nullptr) return std::vector<Gpu>();
  Nvml nvml;
  if (!Find(library.get(), "nvmlInit_v2", nvml.init) ||
      !Find(library.get(), "nvmlShutdown", nvml.shutdown) ||
      !Find(library.get(), "nvmlDeviceGetCount_v2", nvml.count) ||
      !Find(library.get(), "nvmlDeviceGetHandleByIndex_v2", nvml.handle) ||
      !Find(library.get(), "nvmlDeviceGetName", nvml.name) ||
      !Find(library.get(), "nvmlDeviceGetMemoryInfo", nvml.memory)) {
    return Unavailable("libnvidia-ml.so.1 lacks an entry point; update the NVIDIA driver");
  }
  if (nvml.init() != 0) return Unavailable("NVML does not start; see nvidia-smi");
  Result<std::vector<Gpu>> gpus = ListGpus(nvml);
  nvml.shutdown();
  return gpus;
}

std::string CpuModel() {
  constexpr size_t kCpuinfoBytesMax = 16 << 20;
  std::string text(kCpuinfoBytesMax, '\0');
  const std::unique_ptr<FILE, int (*)(FILE*)> file(
      std::fopen("/proc/cpuinfo", "re"), [](FILE* f) { return f == nullptr ? 0 : std::fclose(f); });
  if (file == nullptr) return "unknown CPU";
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  constexpr std::string_view kKey = "model name\t: ";
  const size_t at = text.find(kKey);
  if (at == std::string::npos) return "unknown CPU";
  const size_t start = at + kKey.size();
  return text.substr(start, text.find('\n', start) - start);
}

int64_t MainMemoryBytes() {
  return static_cast<int64_t>(::sysconf(_SC_PHYS_PAGES)) * ::sysconf(_SC_PAGE_SIZE);
}

}  // namespace koeval::agent
