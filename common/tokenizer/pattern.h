// Patterns that split a text, and what happens to the parts that match.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::tokenizer {

// A part of a text: a match of the pattern, or what lies between two matches.
struct Part {
  size_t begin = 0;
  size_t end = 0;
  bool is_match = false;
};

// Immutable; safe from several threads.
class Pattern {
 public:
  virtual ~Pattern() = default;
  // Appends the parts of `text` in order; together they cover it. REQUIRES: valid UTF-8, not empty.
  virtual Status FindParts(std::string_view text, std::vector<Part>& out) const = 0;
};

// The pattern of a Split or Replace component, {"String": ...} or {"Regex": ...}; known regular
// expressions get a hand-written matcher. INVALID_ARGUMENT names `where`.
Result<std::unique_ptr<Pattern>> ReadPattern(const Json& component, std::string_view where);
// Every occurrence of `literal`, which must not be empty.
std::unique_ptr<Pattern> LiteralPattern(std::string literal);
// A regular expression by its text.
Result<std::unique_ptr<Pattern>> RegexPattern(std::string_view regex, std::string_view where);
// Every code point with one of the class bits, each a match of its own.
std::unique_ptr<Pattern> ClassPattern(uint8_t bits);
// Every code point that Rust's char::is_numeric takes.
std::unique_ptr<Pattern> NumberPattern();

enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

// "Removed", "Isolated", "MergedWithPrevious", "MergedWithNext" or "Contiguous".
Result<SplitBehavior> ReadBehavior(const Json& component, std::string_view where);

// The parts that remain of `parts` under `behavior`; is_match of the result means nothing.
std::vector<Part> ApplyBehavior(const std::vector<Part>& parts, SplitBehavior behavior);

}  // namespace koeval::tokenizer
