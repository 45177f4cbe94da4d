// Classes of code points, as the reference's libraries define them, and a decoder for hot loops.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

namespace koeval::tokenizer {

// Bits of a code point's classes.
inline constexpr uint8_t kLetter = 1;        // \p{L}
inline constexpr uint8_t kNumber = 2;        // \p{N}
inline constexpr uint8_t kSpace = 4;         // White_Space, which is \s
inline constexpr uint8_t kMark = 8;          // \p{M} of StripAccents
inline constexpr uint8_t kPunctuation = 16;  // \p{P} of the splitters, and the ASCII punctuation
inline constexpr uint8_t kWord = 32;         // \w of Rust's regex: Alphabetic, M, Nd, Pc, joiners
inline constexpr uint8_t kNonspacing = 64;   // \p{Mn} of BertNormalizer
inline constexpr uint8_t kOther = 128;       // \p{Cc}, \p{Cf}, \p{Co}

// Bits of a letter or mark in CaseTable, of which each has one or both: what the patterns of o200k
// and Tekken tell apart.
inline constexpr uint8_t kUpperLike = 1;  // \p{Lu}, \p{Lt}, \p{Lm}, \p{Lo}, \p{M}
inline constexpr uint8_t kLowerLike = 2;  // \p{Ll}, \p{Lm}, \p{Lo}, \p{M}

inline constexpr char32_t kCodePoints = 0x110000;

// The class bits of every code point; built at the first call, lives for ever. Thread-safe.
const std::array<uint8_t, kCodePoints>& ClassTable();

// The same for the bits of letters by case.
const std::array<uint8_t, kCodePoints>& CaseTable();

// Decodes the code point at `at` and moves past it. REQUIRES: at < text.size() and valid UTF-8,
// which Encode checks once; DecodeUtf8 of common/base checks every byte again.
inline char32_t NextCodePoint(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const char32_t first = byte(at);
  if (first < 0x80) {
    at += 1;
    return first;
  }
  if (first < 0xe0) {
    const char32_t c = ((first & 0x1f) << 6) | (byte(at + 1) & 0x3f);
    at += 2;
    return c;
  }
  if (first < 0xf0) {
    const char32_t c =
        ((first & 0x0f) << 12) | ((byte(at + 1) & 0x3fU) << 6) | (byte(at + 2) & 0x3f);
    at += 3;
    return c;
  }
  const char32_t c = ((first & 0x07) << 18) | ((byte(at + 1) & 0x3fU) << 12) |
                     ((byte(at + 2) & 0x3fU) << 6) | (byte(at + 3) & 0x3f);
  at += 4;
  return c;
}

}  // namespace koeval::tokenizer
