// Devices, numerics flags and the hardware class.
#include "worker/engine/platform.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <new>
#include <string_view>
#include <thread>
#if __has_include(<torch/headeronly/version.h>)
#include <torch/headeronly/version.h>
#else
#include <torch/version.h>
#endif
#if __has_include(<c10/core/CachingDeviceAllocator.h>)
#include <c10/core/CachingDeviceAllocator.h>
#endif

#include "common/base/sha256.h"

namespace koeval::engine {
namespace {

constexpr size_t kDetailShown = 300;
constexpr size_t kBuildDigits = 12;

// CachingDeviceAllocator.h exists earlier without the common interface that frees caches.
#define KOEVAL_HAS_DEVICE_ALLOCATOR \
  (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 9))

// Model name, family, model and stepping of the first processor.
std::string CpuName() {
  std::ifstream file("/proc/cpuinfo");
  std::map<std::string, std::string> fields;
  std::string line;
  while (std::getline(file, line) && !line.empty()) {
    const size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    std::string key = line.substr(0, colon);
    key.erase(key.find_last_not_of(" \t") + 1);
    fields[key] = line.substr(colon + 2);
  }
  if (!fields.contains("model name")) return "unknown CPU";
  return fields["model name"] + " (family " + fields["cpu family"] + ", model " + fields["model"] +
         ", stepping " + fields["stepping"] + ")";
}

// Name and driver version of GPU `index` among those that this process sees, from the driver
// itself, so that no CUDA header is needed.
std::string GpuName(int index) {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return "unknown GPU";
  using DeviceGet = int (*)(int*, int);
  using DeviceGetName = int (*)(char*, int, int);
  using Init = int (*)(unsigned);
  using Version = int (*)(int*);
  const auto init = reinterpret_cast<Init>(dlsym(driver, "cuInit"));
  const auto get = reinterpret_cast<DeviceGet>(dlsym(driver, "cuDeviceGet"));
  const auto name_of = reinterpret_cast<DeviceGetName>(dlsym(driver, "cuDeviceGetName"));
  const auto version_of = reinterpret_cast<Version>(dlsym(driver, "cuDriverGetVersion"));
  char name[128] = {};
  int device = 0, version = 0;
  const bool ok = init != nullptr && get != nullptr && name_of != nullptr &&
                  version_of != nullptr && init(0) == 0 && get(&device, index) == 0 &&
                  name_of(name, sizeof(name), device) == 0 && version_of(&version) == 0;
  // The driver stays loaded: libtorch uses it.
  return ok ? std::string(name) + " (driver API " + std::to_string(version) + ")" : "unknown GPU";
}

// The first line of what libtorch says, without its stack trace.
std::string Shortened(std::string_view what) {
  return std::string(what.substr(0, std::min(what.find('\n'), kDetailShown)));
}

Status OutOfMemory(const std::string& doing, std::string_view what) {
  return ResourceExhausted("OUT_OF_MEMORY: " + doing + ": " + Shortened(what) +
                           "; use a device with more memory or a narrower precision");
}

bool MeansOutOfMemory(std::string_view what) {
  return what.find("can't allocate memory") != std::string_view::npos ||
         what.find("out of memory") != std::string_view::npos;
}

}  // namespace

Result<at::Device> ParseDevice(const std::string& text) {
  at::Device device(at::kCPU);
  try {
    device = at::Device(text);
  } catch (const c10::Error&) {
    return InvalidArgument("device \"" + text + "\" is none; use cpu or cuda:N");
  }
  if (device.is_cpu() && text == "cpu") return device;
  if (!device.is_cuda()) {
    return InvalidArgument("device \"" + text + "\" is not supported; use cpu or cuda:N");
  }
  if (!at::globalContext().hasCUDA()) {
    return FailedPrecondition("device \"" + text +
                              "\": no GPU is visible to this libtorch; use cpu, or a CUDA build of "
                              "libtorch on a machine with a GPU");
  }
  const int count = c10::impl::VirtualGuardImpl(at::kCUDA).deviceCount();
  const at::DeviceIndex index = device.has_index() ? device.index() : at::DeviceIndex{0};
  if (index >= count) {
    return FailedPrecondition("device \"" + text + "\": this process sees " +
                              std::to_string(count) + " GPU(s), counted from 0");
  }
  return at::Device(at::kCUDA, index);
}

void SetNumerics(int threads, at::Device device) {
  at::set_num_threads(threads > 0 ? threads
                                  : static_cast<int>(std::thread::hardware_concurrency()));
  at::Context& context = at::globalContext();
  context.setDeterministicAlgorithms(true, /*warn_only=*/false);
  // Only operations with undefined memory would differ, and none here reads it.
  context.setDeterministicFillUninitializedMemory(false);
  context.setFloat32MatmulPrecision("highest");
  context.setAllowBF16ReductionCuBLAS(false);
  context.setAllowFP16ReductionCuBLAS(false);
  if (device.is_cuda()) setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/1);
}

std::string HardwareClass(at::Device device) {
  const std::string build =
      "libtorch " TORCH_VERSION " build " + Sha256Hex(at::show_config()).substr(0, kBuildDigits);
  const std::string numerics = "deterministic, no TF32, no reduced-precision sums";
  if (device.is_cuda()) return GpuName(device.index()) + "; " + build + "; " + numerics;
  return CpuName() + "; " + at::get_cpu_capability() + "; " + build + "; " +
         std::to_string(at::get_num_threads()) + " threads; " + numerics;
}

void FreeCaches(at::Device device) {
  if (device.is_cpu()) return;
#if KOEVAL_HAS_DEVICE_ALLOCATOR
  c10::getDeviceAllocator(device.type())->emptyCache();
#endif
}

Status CatchTorch(const std::string& doing, const std::function<Status()>& work) {
  try {
    return work();
  } catch (const c10::OutOfMemoryError& e) {
    return OutOfMemory(doing, e.what_without_backtrace());
  } catch (const c10::Error& e) {
    if (MeansOutOfMemory(e.what_without_backtrace())) {
      return OutOfMemory(doing, e.what_without_backtrace());
    }
    return Internal(doing + ": " + Shortened(e.what_without_backtrace()));
  } catch (const std::bad_alloc& e) {
    return OutOfMemory(doing, e.what());
  } catch (const std::exception& e) {
    if (MeansOutOfMemory(e.what())) return OutOfMemory(doing, e.what());
    return Internal(doing + ": " + Shortened(e.what()));
  }
}

}  // namespace koeval::engine
