// The safetensors format.
#include "common/model/safetensors.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "common/base/json.h"
#include "common/base/utf8.h"

namespace koeval::model {
namespace {

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kHeaderBytesMax = 100'000'000;
constexpr size_t kDimsMax = 64;
// Headers are flat: object, entry, list.
constexpr int kHeaderDepthMax = 4;
constexpr size_t kNameShown = 200;

struct DtypeName {
  std::string_view name;
  int bits;
};
constexpr DtypeName kDtypes[] = {
    {"BOOL", 8},        {"U8", 8},          {"I8", 8},   {"U16", 16},    {"I16", 16},
    {"U32", 32},        {"I32", 32},        {"U64", 64}, {"I64", 64},    {"F16", 16},
    {"BF16", 16},       {"F32", 32},        {"F64", 64}, {"F8_E5M2", 8}, {"F8_E4M3", 8},
    {"F8_E8M0", 8},     {"F4", 4},          {"C64", 64}, {"F6_E2M3", 6}, {"F6_E3M2", 6},
    {"F8_E5M2FNUZ", 8}, {"F8_E4M3FNUZ", 8},
};

Status Bad(const std::string& where, const std::string& problem) {
  return InvalidArgument(fmt::format(
      "BAD_CHECKPOINT: {}: {}; download the file again or convert the model anew", where, problem));
}

Status BadTensor(const std::string& where, const std::string& name, const std::string& problem) {
  return Bad(where, fmt::format("tensor \"{}\" {}", Utf8Prefix(name, kNameShown), problem));
}

bool Multiply(uint64_t a, uint64_t b, uint64_t& out) {
  return !__builtin_mul_overflow(a, b, &out);
}

// A non-negative whole number that fits an int64.
bool ReadSize(const Json& value, uint64_t& out) {
  if (!value.is_number_unsigned()) return false;
  out = value.get<uint64_t>();
  return out <= uint64_t{std::numeric_limits<int64_t>::max()};
}

Status ReadShape(const Json& entry, const std::string& where, TensorInfo& info,
                 uint64_t& elements) {
  const Json* shape = JsonFind(entry, "shape");
  if (shape == nullptr || !shape->is_array() || shape->size() > kDimsMax) {
    return BadTensor(where, info.name, "has no list \"shape\"");
  }
  elements = 1;
  for (const Json& dim : *shape) {
    uint64_t size = 0;
    if (!ReadSize(dim, size)) return BadTensor(where, info.name, "has a shape that is no size");
    if (!Multiply(elements, size, elements)) {
      return BadTensor(where, info.name, "has a shape that overflows");
    }
    info.shape.push_back(static_cast<int64_t>(size));
  }
  return OkStatus();
}

// One entry; offsets become absolute.
Status ReadEntry(const Json& entry, uint64_t data_start, const std::string& where,
                 TensorInfo& info) {
  if (!entry.is_object()) return BadTensor(where, info.name, "is no object");
  for (const auto& [key, value] : entry.items()) {
    if (key != "dtype" && key != "shape" && key != "data_offsets") {
      return BadTensor(where, info.name, "has unknown fields");
    }
  }
  const Json* dtype = JsonFind(entry, "dtype");
  if (dtype == nullptr || !dtype->is_string()) {
    return BadTensor(where, info.name, "has no \"dtype\"");
  }
  info.dtype = dtype->get<std::string>();
  const int bits = DtypeBits(info.dtype);
  if (bits == 0) {
    return BadTensor(
        where, info.name,
        fmt::format("has the unknown dtype \"{}\"", Utf8Prefix(info.dtype, kNameShown)));
  }
  uint64_t elements = 0;
  RETURN_IF_ERROR(ReadShape(entry, where, info, elements));
  const Json* offsets = JsonFind(entry, "data_offsets");
  uint64_t begin = 0, end = 0;
  if (offsets == nullptr || !offsets->is_array() || offsets->size() != 2 ||
      !ReadSize((*offsets)[0], begin) || !ReadSize((*offsets)[1], end) || end < begin) {
    return BadTensor(where, info.name, "has no valid \"data_offsets\"");
  }
  uint64_t size_bits = 0;
  if (!Multiply(elements, static_cast<uint64_t>(bits), size_bits)) {
    return BadTensor(where, info.name, "has a size that overflows");
  }
  if (size_bits % 8 != 0 || size_bits / 8 != end - begin) {
    return BadTensor(where, info.name,
                     fmt::format("has {} bytes of data, its shape and dtype need {}", end - begin,
                                 size_bits / 8));
  }
  info.begin = data_start + begin;
  info.end = data_start + end;
  return OkStatus();
}

Status CheckMetadata(const Json& metadata, const std::string& where) {
  if (!metadata.is_object()) return Bad(where, "\"__metadata__\" is no object");
  for (const auto& [key, value] : metadata.items()) {
    if (!value.is_string()) return Bad(where, "\"__metadata__\" holds something else than strings");
  }
  return OkStatus();
}

// Data is contiguous from the end of the header to the end of the file.
Status CheckLayout(const std::vector<TensorInfo>& tensors, uint64_t data_start, uint64_t file_size,
                   const std::string& where) {
  uint64_t at = data_start;
  for (const TensorInfo& info : tensors) {
    if (info.begin != at) {
      return BadTensor(where, info.name,
                       fmt::format("begins at data offset {}, but the one before ends at {} ({})",
                                   info.begin - data_start, at - data_start,
                                   info.begin > at ? "a hole" : "an overlap"));
    }
    at = info.end;
  }
  if (at != file_size) {
    return Bad(where,
               fmt::format("the tensors end at byte {} but the file has {} bytes", at, file_size));
  }
  return OkStatus();
}

}  // namespace

int DtypeBits(std::string_view dtype) {
  for (const DtypeName& known : kDtypes) {
    if (known.name == dtype) return known.bits;
  }
  return 0;
}

Result<std::vector<TensorInfo>> ParseSafetensorsHeader(std::string_view start, uint64_t file_size,
                                                       const std::string& where) {
  if (start.size() < kLengthBytes) return Bad(where, "it is shorter than a safetensors header");
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    length |= uint64_t{static_cast<unsigned char>(start[i])} << (8 * i);
  }
  if (length > kHeaderBytesMax) {
    return Bad(where, fmt::format("its header claims {} bytes, at most {} are allowed", length,
                                  kHeaderBytesMax));
  }
  if (length > start.size() - kLengthBytes || length + kLengthBytes > file_size) {
    return Bad(where,
               fmt::format("its header claims {} bytes, the file has {}", length, file_size));
  }
  const std::string_view text = start.substr(kLengthBytes, length);
  if (text.empty() || text.front() != '{') return Bad(where, "its header does not begin with '{'");
  Result<Json> header = ParseJson(text, {kHeaderDepthMax, kHeaderBytesMax});
  if (!header.ok()) return Bad(where, "header: " + header.status().message());
  const uint64_t data_start = kLengthBytes + length;
  std::vector<TensorInfo> tensors;
  tensors.reserve(header->size());
  for (const auto& [name, entry] : header->items()) {
    if (name == "__metadata__") {
      RETURN_IF_ERROR(CheckMetadata(entry, where));
      continue;
    }
    TensorInfo info;
    info.name = name;
    RETURN_IF_ERROR(ReadEntry(entry, data_start, where, info));
    tensors.push_back(std::move(info));
  }
  std::stable_sort(tensors.begin(), tensors.end(), [](const TensorInfo& a, const TensorInfo& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  RETURN_IF_ERROR(CheckLayout(tensors, data_start, file_size, where));
  return tensors;
}

Result<std::shared_ptr<const SafetensorsFile>> SafetensorsFile::Open(const std::string& path) {
  std::shared_ptr<SafetensorsFile> file(new SafetensorsFile());
  file->path_ = path;
  ASSIGN_OR_RETURN(file->map_, MappedFile::Open(path));
  const std::string_view bytes = file->map_->bytes();
  ASSIGN_OR_RETURN(file->tensors_, ParseSafetensorsHeader(bytes, bytes.size(), path));
  return std::shared_ptr<const SafetensorsFile>(std::move(file));
}

}  // namespace koeval::model
