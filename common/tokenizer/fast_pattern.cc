// The alternatives of each pattern in their order, over the class table.
#include "common/tokenizer/fast_pattern.h"

#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {
namespace {

constexpr uint8_t kNotSymbol = kSpace | kLetter | kNumber;
constexpr size_t kNoMatch = 0;  // where a match would end, which is never at 0

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

// `\p{N}{1,kDigitsMax}` whose first digit ends at `next`.
template <int kDigitsMax>
size_t DigitsEnd(std::string_view text, size_t next) {
  for (int digits = 1; digits < kDigitsMax && next < text.size(); ++digits) {
    size_t after = next;
    if ((Class(NextCodePoint(text, after)) & kNumber) == 0) break;
    next = after;
  }
  return next;
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
  if ((bits & kNumber) != 0) return DigitsEnd<kDigitsMax>(text, next);
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

// ` ?[^\s\p{L}\p{N}]+[tail]*` at a code point `c` that ends at `next`; the tail is line breaks and,
// with `kSlash`, slashes.
template <bool kSlash>
size_t SymbolsEnd(std::string_view text, size_t at, size_t next, char32_t c) {
  size_t end = kNoMatch;
  if (c == ' ' && next < text.size()) {
    end = RunOfSymbols(text, next);
    if (end == next) end = kNoMatch;
  } else if ((Class(c) & kNotSymbol) == 0) {
    end = RunOfSymbols(text, at);
  }
  if (end == kNoMatch) return kNoMatch;
  while (end < text.size() &&
         (text[end] == '\r' || text[end] == '\n' || (kSlash && text[end] == '/'))) {
    ++end;
  }
  return end;
}

// Whether `c` may stand in front of letters: `[^\r\n\p{L}\p{N}]`.
bool IsLeader(char32_t c) {
  return !IsNewline(c) && (Class(c) & (kLetter | kNumber)) == 0;
}

uint8_t CaseOf(char32_t c) {
  static const auto& table = CaseTable();
  return table[c];
}

// End of the longest run of letters and marks.
size_t RunOfWord(std::string_view text, size_t at) {
  while (at < text.size()) {
    size_t next = at;
    if (CaseOf(NextCodePoint(text, next)) == 0) break;
    at = next;
  }
  return at;
}

size_t Qwen3_5End(std::string_view text, size_t at) {
  if (text[at] == '\'') {
    const size_t length = FoldedContraction(text, at);
    if (length > 0) return at + length;
  }
  size_t next = at;
  const char32_t c = NextCodePoint(text, next);
  if (IsLeader(c)) {
    const size_t end = RunOfWord(text, next);
    if (end > next) return end;
  }
  if (CaseOf(c) != 0) return RunOfWord(text, next);
  if ((Class(c) & kNumber) != 0) return next;
  // ` ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*`
  size_t end = c == ' ' ? next : at;
  const size_t symbols = end;
  while (end < text.size()) {
    size_t after = end;
    const char32_t symbol = NextCodePoint(text, after);
    if ((Class(symbol) & kNotSymbol) != 0 || CaseOf(symbol) != 0) break;
    end = after;
  }
  return end > symbols ? RunOfNewlines(text, end) : SpacesOrNewlinesEnd(text, at);
}

// `[upper-like]*[lower-like]+` or else `[upper-like]+[lower-like]*` from `at`. The first backtracks
// to the last character that is both, when nothing lower-like follows the upper-like ones; `first`
// says whether it is the first that matched.
size_t CasedWordEnd(std::string_view text, size_t at, bool& first) {
  first = false;
  size_t both_end = kNoMatch;  // after the last upper-like one that is lower-like too
  size_t end = at;
  while (end < text.size()) {
    size_t next = end;
    const uint8_t bits = CaseOf(NextCodePoint(text, next));
    if ((bits & kUpperLike) == 0) {
      if ((bits & kLowerLike) == 0) break;
      while (next < text.size()) {
        size_t after = next;
        if ((CaseOf(NextCodePoint(text, after)) & kLowerLike) == 0) break;
        next = after;
      }
      first = true;
      return next;
    }
    if ((bits & kLowerLike) != 0) both_end = next;
    end = next;
  }
  first = both_end != kNoMatch;
  if (first) return both_end;
  return end > at ? end : kNoMatch;
}

template <int kDigitsMax, bool kContractions>
size_t CasedEnd(std::string_view text, size_t at) {
  size_t next = at;
  const char32_t c = NextCodePoint(text, next);
  // The first alternative goes before the second one, whether or not `c` leads the word; a mark may
  // do both.
  size_t end = kNoMatch;
  bool first = false;
  if (IsLeader(c) && next < text.size()) end = CasedWordEnd(text, next, first);
  if (end == kNoMatch || (!first && CaseOf(c) != 0)) end = CasedWordEnd(text, at, first);
  if (end != kNoMatch) {
    if (kContractions && end < text.size() && text[end] == '\'')
      end += FoldedContraction(text, end);
    return end;
  }
  if ((Class(c) & kNumber) != 0) return DigitsEnd<kDigitsMax>(text, next);
  end = SymbolsEnd<true>(text, at, next, c);
  return end != kNoMatch ? end : SpacesOrNewlinesEnd(text, at);
}

}  // namespace

MatchEnd FindFastPattern(std::string_view pattern) {
  if (pattern == kGpt2Pattern) return Gpt2End;
  if (pattern == kLlama3Pattern) return Llama3End<3>;
  if (pattern == kQwen2Pattern) return Llama3End<1>;
  if (pattern == kQwen3_5Pattern) return Qwen3_5End;
  if (pattern == kO200kPattern) return CasedEnd<3, true>;
  if (pattern == kTekkenPattern) return CasedEnd<1, false>;
  return nullptr;
}

}  // namespace koeval::tokenizer
