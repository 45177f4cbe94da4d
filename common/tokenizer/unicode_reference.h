// Where the Rust libraries of the reference have other Unicode versions than the class table.
#pragma once

#include <span>

namespace koeval::tokenizer {

struct CodePointRange {
  char32_t first, last;
};

// Code points of which the reference says the opposite of Unicode 16. Ascending.
std::span<const CodePointRange> DifferingAccents();     // \p{M}, in StripAccents
std::span<const CodePointRange> DifferingNonspacing();  // \p{Mn}, in BertNormalizer
std::span<const CodePointRange> DifferingPunctuation();
std::span<const CodePointRange> DifferingOther();  // \p{Cc}, \p{Cf}, \p{Co}

// Numbers of Unicode 17, which Rust knows and Oniguruma's \p{N} does not.
bool IsLateNumber(char32_t c);

}  // namespace koeval::tokenizer
