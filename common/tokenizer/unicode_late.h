// Code points that came with Unicode 15 and 16: the reference knows them, Oniguruma 6.9.8 does not.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace koeval::tokenizer {

// The code points first..last have the general category of `stand_in`, an older one with as many
// bytes in UTF-8.
struct LateRange {
  char32_t first, last, stand_in;
};

// Ascending.
std::span<const LateRange> LateRanges();

// Puts the stand-in in the place of every late code point of `text`, so that a regular expression
// matches the same bytes as with newer tables; no change of `text` and false when it has none.
// REQUIRES: valid UTF-8.
bool ReplaceLate(std::string_view text, std::string& replaced);

}  // namespace koeval::tokenizer
