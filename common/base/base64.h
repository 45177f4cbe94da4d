// Base64 as RFC 4648 section 4 has it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace koeval {

// The bytes of padded base64 on one line; nothing for any other text.
std::optional<std::string> DecodeBase64(std::string_view text);
// The other way, with padding, on one line. REQUIRES: less than 1.5 GB.
std::string EncodeBase64(std::string_view bytes);

}  // namespace koeval
