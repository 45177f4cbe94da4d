// JSON as Python's json module writes it, which knows NaN and Infinity.
#pragma once

#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::board {

// ParseJson after NaN, Infinity and -Infinity outside of strings became the strings of those
// names. INVALID_ARGUMENT as ParseJson, and for a value that is no object.
Result<Json> ParsePythonObject(std::string_view text);

}  // namespace koeval::board
