// Unicode normal forms, case and grapheme clusters over utf8proc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace koeval::tokenizer {

enum class NormalForm { kC, kD, kKC, kKD };

// Brings `text` into the form, by the tables of Unicode 9 as the reference implementation does
// (code points that came later stay as they are). RESOURCE_EXHAUSTED when it is too long. REQUIRES:
// valid UTF-8.
Status Normalize(std::string& text, NormalForm form);

// Appends the lower case of one code point, as Rust's char::to_lowercase.
void AppendLowercase(std::string& out, char32_t code_point);

// Ends of the extended grapheme clusters of `text`, ascending. REQUIRES: valid UTF-8.
std::vector<size_t> GraphemeEnds(std::string_view text);

}  // namespace koeval::tokenizer
