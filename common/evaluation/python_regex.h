// Regular expressions with the meaning of Python's `re` on text, for filters and metrics.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace koeval::evaluation {

// A compiled pattern. Immutable; matching from several threads is fine.
//
// PCRE2 matches; the pattern is rewritten first so that what the two engines mean differently is
// Python's: \s \w \d \b follow str.isspace, str.isalnum and Unicode decimals, \Z is the very end,
// \v one character, {,n} a count, "[" in a class itself. Refused, because Python refuses them or
// means something that PCRE2 cannot say: flags a, L and x, flags behind the start, \N{...},
// references above \9, and every construct of PCRE2 that Python lacks.
// What stays different: with (?i) Python takes İ and ı for i too; an alternative of a lookbehind
// may be longer than another, which Python refuses.
// Source: Python 3.11, re and its pattern syntax.
class PythonRegex {
 public:
  // INVALID_ARGUMENT, with the byte in the pattern and the remedy.
  static Result<PythonRegex> Compile(std::string_view pattern);

  // re.findall: for each match its groups, in order, "" for one that took no part; the whole match
  // where the pattern has no group. RESOURCE_EXHAUSTED when a match needs more than ten million
  // steps; no message has text of `text`. REQUIRES: valid UTF-8.
  Result<std::vector<std::vector<std::string>>> FindAll(std::string_view text) const;

  // re.sub(pattern, lambda match: with, text): `with` stands for itself. Errors as FindAll.
  Result<std::string> Replace(std::string_view text, std::string_view with) const;

 private:
  struct Code;
  struct Match;

  explicit PythonRegex(std::shared_ptr<const Code> code) : code_(std::move(code)) {}
  // The matches from left to right, none overlapping, as Python's scanner finds them.
  Result<std::vector<Match>> Scan(std::string_view text) const;

  std::shared_ptr<const Code> code_;  // shared by copies of the regex
};

// re.escape: a pattern that matches `text` and nothing else.
std::string EscapePythonPattern(std::string_view text);

// The PCRE2 pattern for a Python pattern. INVALID_ARGUMENT as PythonRegex::Compile.
Result<std::string> TranslatePythonPattern(std::string_view pattern);

}  // namespace koeval::evaluation
