// Reading the components of tokenizer.json: types, optional members and lists, with their place.
#pragma once

#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::tokenizer {

// Most members of one Sequence and of the like.
inline constexpr size_t kComponentsMax = 256;
// Ids of a vocabulary are below this.
inline constexpr int64_t kIdEnd = int64_t{1} << 22;
// A text that a replacement makes longer than this is refused.
inline constexpr size_t kRewrittenBytesMax = size_t{1} << 28;

// The member as a bool, or `fallback` when it is absent or null; INVALID_ARGUMENT for other types.
Result<bool> OptionalBool(const Json& object, std::string_view key, bool fallback,
                          std::string_view where);
// The member as text, or `fallback` when it is absent or null.
Result<std::string> OptionalString(const Json& object, std::string_view key, std::string fallback,
                                   std::string_view where);
// The only code point of the member.
Result<char32_t> OneCharacter(const Json& object, std::string_view key, std::string_view where);
// A whole number in [0, most].
Result<int64_t> BoundedInt(const Json& object, std::string_view key, int64_t most,
                           std::string_view where);
// A token id, within [0, kIdEnd).
Result<int32_t> ReadId(const Json& value, std::string_view where);
// The member as an array of at most kComponentsMax members.
Result<const Json*> ComponentList(const Json& object, std::string_view key, std::string_view where);
// UNIMPLEMENTED for a component whose "type" is not supported, with the remedy.
Status UnsupportedComponent(std::string_view kind, std::string_view type, std::string_view where);

// RESOURCE_EXHAUSTED when `bytes` is over kRewrittenBytesMax.
Status CheckRewrittenBytes(size_t bytes);

}  // namespace koeval::tokenizer
