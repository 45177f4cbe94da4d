// The printable stand-ins that byte-level vocabularies use for the 256 bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace koeval::tokenizer {

// Appends the stand-in of every byte of `bytes` as UTF-8.
void AppendByteLevel(std::string& out, std::string_view bytes);

// The byte whose stand-in this is.
std::optional<unsigned char> ByteOfStandIn(char32_t code_point);

// `bytes` as UTF-8 in which every maximal invalid part became one U+FFFD, as Rust's
// String::from_utf8_lossy.
std::string LossyUtf8(std::string_view bytes);

}  // namespace koeval::tokenizer
