// Fuzz target: headers of safetensors files. The input is the number of data bytes in decimal on a
// line of its own, then the header's JSON text; the same bytes also run as a file as they are.
#include <charconv>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "common/base/check.h"
#include "common/model/safetensors.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {
namespace {

constexpr size_t kLengthBytes = 8;

// An accepted header covers the file after it without holes, and every size follows from its shape.
void CheckTensors(const std::vector<model::TensorInfo>& tensors, uint64_t data_start,
                  uint64_t file_size) {
  uint64_t at = data_start;
  std::set<std::string> names;
  for (const model::TensorInfo& info : tensors) {
    KOEVAL_CHECK(info.begin == at && info.end >= info.begin, "tensors are contiguous");
    at = info.end;
    KOEVAL_CHECK(names.insert(info.name).second, "names are unique");
    unsigned __int128 bits = static_cast<unsigned __int128>(model::DtypeBits(info.dtype));
    for (const int64_t dim : info.shape) {
      KOEVAL_CHECK(dim >= 0, "sizes are not negative");
      bits *= static_cast<unsigned __int128>(dim);
    }
    KOEVAL_CHECK(bits == static_cast<unsigned __int128>(info.end - info.begin) * 8,
                 "the size follows from shape and dtype");
  }
  KOEVAL_CHECK(at == file_size, "the last tensor ends the file");
}

void RunFile(std::string_view file, uint64_t file_size) {
  const auto tensors = model::ParseSafetensorsHeader(file, file_size, "input");
  CheckClearStatus(tensors.status());
  if (!tensors.ok()) return;
  uint64_t length = 0;
  for (size_t i = kLengthBytes; i-- > 0;) length = length << 8 | static_cast<uint8_t>(file[i]);
  CheckTensors(*tensors, kLengthBytes + length, file_size);
}

}  // namespace

void FuzzSafetensors(std::string_view input) {
  RunFile(input, input.size());
  uint64_t data_bytes = 0;
  const auto [end, error] = std::from_chars(input.data(), input.data() + input.size(), data_bytes);
  const size_t read = static_cast<size_t>(end - input.data());
  if (error != std::errc() || read >= input.size() || input[read] != '\n') return;
  const std::string_view header = input.substr(read + 1);
  std::string file;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    file += static_cast<char>(static_cast<uint64_t>(header.size()) >> (8 * i) & 0xff);
  }
  file += header;
  if (data_bytes > UINT64_MAX - file.size()) return;
  RunFile(file, file.size() + data_bytes);
}

}  // namespace koeval::fuzz
