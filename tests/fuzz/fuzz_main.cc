// The libFuzzer side of one target; KOEVAL_FUZZ_ENTRY is its entry function.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz_targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  koeval::fuzz::KOEVAL_FUZZ_ENTRY({reinterpret_cast<const char*>(data), size});
  return 0;
}
