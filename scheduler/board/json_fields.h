// Members of JSON that others wrote: what is absent or of another type counts as not said.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/json.h"

namespace koeval::board {

// `object` may be nullptr, which has no members.
inline std::string TextOf(const Json* object, std::string_view key) {
  const Json* value = object == nullptr ? nullptr : JsonFind(*object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

inline std::optional<int64_t> IntOf(const Json* object, std::string_view key) {
  if (object == nullptr) return std::nullopt;
  const auto value = JsonInt(*object, key, "");
  return value.ok() ? std::optional(*value) : std::nullopt;
}

}  // namespace koeval::board
