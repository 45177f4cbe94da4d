// The alternatives of each pattern in their order, over the class table.
#include "common/tokenizer/fast_pattern.h"

#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {
namespace {

constexpr uint8_t kNotSymbol = kSpace | kLetter | kNumber;

uint8_t Class(char32_t c) {
  static const auto& table = ClassTable();
  return table[c];
}

// End of the longest run from `at` of code points with one of the bits `wanted`.
size_t RunOf(std::string_view text, size_t at, uint8_t wanted) {
  while (at < text.size()) {
    size_t next = at;
    if ((Class(NextCodePoint(text, next)) & wanted) == 0) break;
    at = next;
  }
  return at;
}

// End of the longest run of code points that are no space, letter or number.
size_t RunOfSymbols(std::string_view text, size_t at) {
  while (at < text.size()) {
    size_t next = at;
    if ((Class(NextCodePoint(text, next)) & kNotSymbol) != 0) break;
    at = next;
  }
  return at;
}

bool IsNewline(char32_t c) {
  return c == '\r' || c == '\n';
}

size_t RunOfNewlines(std::string_view text, size_t at) {
  while (at < text.size() && IsNewline(static_cast<unsigned char>(text[at]))) ++at;
  return at;
}

// `\s+(?!\S)|\s+` at a white space: all of the run at the end of the text, else all but its last
// code point, else that one.
size_t SpacesEnd(std::string_view text, size_t at) {
  size_t last = at;
  size_t end = at;
  while (end < text.size()) {
    size_t next = end;
    if ((Class(NextCodePoint(text, next)) & kSpace) == 0) break;
    last = end;
    end = next;
  }
  if (end == text.size() || last == at) return end;
  return last;
}

// Bytes of `'s|'t|'re|'ve|'m|'ll|'d` at an apostrophe, or 0.
size_t Contraction(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return at + i < text.size() ? text[at + i] : '\0'; };
  switch (byte(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return byte(2) == 'e' ? 3 : 0;
    case 'l':
      return byte(2) == 'l' ? 3 : 0;
    default:
      return 0;
  }
}

// The same whatever the case; U+017F folds to s.
size_t FoldedContraction(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) {
    const char c = at + i < text.size() ? text[at + i] : '\0';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  switch (byte(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return byte(2) == 'e' ? 3 : 0;
    case 'l':
      return byte(2) == 'l' ? 3 : 0;
    case '\xc5':
      return byte(2) == '\xbf' ? 3 : 0;
    default:
      return 0;
  }
}

size_t Gpt2End(std::string_view text, size_t at) {
  if (text[at] == '\'') {
    const size_t length = Contraction(text, at);
    if (length > 0) return at + length;
  }
  // " ?" of the next three alternatives: a space is taken when what follows it is no white space.
  size_t start = at;
  size_t next = at;
  uint8_t bits = Class(NextCodePoint(text, next));
  if (text[at] == ' ' && next < text.size()) {
    size_t after = next;
    const uint8_t following = Class(NextCodePoint(text, after));
    if ((following & kSpace) == 0) {
      start = next;
      next = after;
      bits = following;
    }
  }
  if ((bits & kLetter) != 0) return RunOf(text, next, kLetter);
  if ((bits & kNumber) != 0) return RunOf(text, next, kNumber);
  if ((bits & kSpace) == 0) return RunOfSymbols(text, next);
  return SpacesEnd(text, start);
}

// `\s*[\r\n]+|\s+(?!\S)|\s+` at a white space: up to the last line break of the run, if any.
size_t SpacesOrNewlinesEnd(std::string_view text, size_t at) {
  size_t newline_end = 0;
  size_t end = at;
  while (end < text.size()) {
    size_t next = end;
    const char32_t c = NextCodePoint(text, next);
    if ((Class(c) & kSpace) == 0) break;
    end = next;
    if (IsNewline(c)) newline_end = end;
  }
  return newline_end > 0 ? newline_end : SpacesEnd(text, at);
}

template <int kDigitsMax>
size_t Llama3End(std::string_view text, size_t at) {
  if (text[at] == '\'') {
    const size_t length = FoldedContraction(text, at);
    if (length > 0) return at + length;
  }
  size_t next = at;
  const char32_t c = NextCodePoint(text, next);
  const uint8_t bits = Class(c);
  if ((bits & kLetter) != 0) return RunOf(text, next, kLetter);
  if ((bits & kNumber) != 0) {
    for (int digits = 1; digits < kDigitsMax && next < text.size(); ++digits) {
      size_t after = next;
      if ((Class(NextCodePoint(text, after)) & kNumber) == 0) break;
      next = after;
    }
    return next;
  }
  if (next < text.size() && !IsNewline(c)) {
    size_t after = next;
    const uint8_t following = Class(NextCodePoint(text, after));
    if ((following & kLetter) != 0) return RunOf(text, after, kLetter);
    if (c == ' ' && (following & kNotSymbol) == 0) {
      return RunOfNewlines(text, RunOfSymbols(text, after));
    }
  }
  if ((bits & kSpace) == 0) return RunOfNewlines(text, RunOfSymbols(text, next));
  return SpacesOrNewlinesEnd(text, at);
}

}  // namespace

MatchEnd FindFastPattern(std::string_view pattern) {
  if (pattern == kGpt2Pattern) return Gpt2End;
  if (pattern == kLlama3Pattern) return Llama3End<3>;
  if (pattern == kQwen2Pattern) return Llama3End<1>;
  return nullptr;
}

}  // namespace koeval::tokenizer
