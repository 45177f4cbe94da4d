// Typed members of JSON components.
#include "common/tokenizer/fields.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/utf8.h"

namespace koeval::tokenizer {

Result<bool> OptionalBool(const Json& object, std::string_view key, bool fallback,
                          std::string_view where) {
  if (JsonFind(object, key) == nullptr) return fallback;
  return JsonBool(object, key, where);
}

Result<std::string> OptionalString(const Json& object, std::string_view key, std::string fallback,
                                   std::string_view where) {
  if (JsonFind(object, key) == nullptr) return fallback;
  return JsonString(object, key, where);
}

Result<char32_t> OneCharacter(const Json& object, std::string_view key, std::string_view where) {
  ASSIGN_OR_RETURN(const std::string text, JsonString(object, key, where));
  if (CountCodePoints(text) != 1) {
    return InvalidArgument(fmt::format("{}: field \"{}\" must be one character, found {}", where,
                                       key, CountCodePoints(text)));
  }
  size_t at = 0;
  return DecodeUtf8(text, at);
}

Result<int64_t> BoundedInt(const Json& object, std::string_view key, int64_t most,
                           std::string_view where) {
  ASSIGN_OR_RETURN(const int64_t value, JsonInt(object, key, where));
  if (value < 0 || value > most) {
    return InvalidArgument(
        fmt::format("{}: field \"{}\" is {}, which is not in 0..{}", where, key, value, most));
  }
  return value;
}

Result<int32_t> ReadId(const Json& value, std::string_view where) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<uint64_t>() >= static_cast<uint64_t>(kIdEnd)) ||
      (!value.is_number_unsigned() && value.get<int64_t>() < 0)) {
    return InvalidArgument(
        fmt::format("{}: a token id must be a whole number in 0..{}", where, kIdEnd - 1));
  }
  return static_cast<int32_t>(value.get<int64_t>());
}

Result<const Json*> ComponentList(const Json& object, std::string_view key,
                                  std::string_view where) {
  const Json* list = JsonFind(object, key);
  if (list == nullptr || !list->is_array()) {
    return InvalidArgument(fmt::format("{}: field \"{}\" must be a list", where, key));
  }
  if (list->size() > kComponentsMax) {
    return InvalidArgument(fmt::format("{}: field \"{}\" has {} members, at most {} are read",
                                       where, key, list->size(), kComponentsMax));
  }
  return list;
}

Status UnsupportedComponent(std::string_view kind, std::string_view type, std::string_view where) {
  return Unimplemented(
      fmt::format("{}: the {} \"{}\" is not supported; save the model with a tokenizer that does "
                  "not use it",
                  where, kind, type));
}

Status CheckRewrittenBytes(size_t bytes) {
  if (bytes <= kRewrittenBytesMax) return OkStatus();
  return ResourceExhausted(
      fmt::format("a Replace of tokenizer.json makes the text longer than {} bytes; shorten its "
                  "content",
                  kRewrittenBytesMax));
}

}  // namespace koeval::tokenizer
