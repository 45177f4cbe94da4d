// JSON with the strictness of a wire format, and Python's way of writing it.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace koeval {

// Objects keep the order of their keys, as Python's dict does. Look-up by key is linear: use it for
// rows and messages, not for a vocabulary.
using Json = nlohmann::ordered_json;

struct JsonLimits {
  int depth_max = 64;
  size_t bytes_max = size_t{1} << 30;
};

// Parses one complete JSON text. INVALID_ARGUMENT, with the byte offset, for: text over the limits,
// syntax errors, invalid UTF-8, a duplicate key in an object, trailing text. Linear in the text.
// Escaped lone surrogates are refused as the underlying library does.
Result<Json> ParseJson(std::string_view text, const JsonLimits& limits = {});

// Typed access with errors that name the field: `where` is the place of `object`, such as
// "config.json" or "frame 'batch'". Missing and null give NOT_FOUND-like INVALID_ARGUMENT.
Result<int64_t> JsonInt(const Json& object, std::string_view key, std::string_view where);
Result<double> JsonDouble(const Json& object, std::string_view key, std::string_view where);
Result<bool> JsonBool(const Json& object, std::string_view key, std::string_view where);
Result<std::string> JsonString(const Json& object, std::string_view key, std::string_view where);
// The member, or nullptr when it is absent or null or `object` is no object.
const Json* JsonFind(const Json& object, std::string_view key);

// A double as Python's repr() writes it: shortest digits that read back the same, "1.0", "1e-05",
// "inf", "nan".
std::string PythonFloat(double value);

struct PythonJsonOptions {
  bool ensure_ascii = true;  // \uXXXX for everything above 0x7e, as json.dumps does by default
  bool sort_keys = false;
  int indent = -1;  // < 0: one line with ", " and ": "
};

// Writes as Python's json.dumps does, byte for byte; NaN and Infinity are written by those names.
// Code points order sorted keys, as Python's comparison of str does.
std::string PythonJsonDumps(const Json& value, const PythonJsonOptions& options = {});

// One line, UTF-8 as it is, no blanks; doubles round-trip. REQUIRES: valid UTF-8, finite numbers.
std::string CompactJson(const Json& value);

}  // namespace koeval
