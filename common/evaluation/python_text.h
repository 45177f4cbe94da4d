// Methods of Python's str that look at Unicode properties, and those that cut and join text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace koeval::evaluation {

// str.isprintable() and str.isdigit() for one code point.
bool IsPythonPrintable(char32_t code_point);
bool IsPythonDigit(char32_t code_point);
// Whether str.splitlines() ends a line there.
bool IsPythonLineEnd(char32_t code_point);
// str.isalpha(), and str.isupper()/islower() for one code point.
bool IsPythonAlpha(char32_t code_point);
bool IsPythonUpper(char32_t code_point);
bool IsPythonLower(char32_t code_point);
// unicodedata.category() of one code point begins with "P".
bool IsPunctuation(char32_t code_point);

// The methods of str, with full case mapping: "ß" becomes "SS", a last "Σ" becomes "ς".
std::string PythonUpper(std::string_view text);
std::string PythonLower(std::string_view text);
std::string PythonCapitalize(std::string_view text);
std::string PythonTitle(std::string_view text);
std::string PythonSwapCase(std::string_view text);

// str.replace(from, to, count); all occurrences for count < 0. An empty `from` matches between all
// code points.
std::string PythonReplace(std::string_view text, std::string_view from, std::string_view to,
                          int64_t count = -1);
// str.strip(chars), lstrip and rstrip: code points of `chars` at the chosen ends.
std::string_view StripChars(std::string_view text, std::string_view chars, bool left, bool right);
// str.split() without a separator: runs of white space; at most `count` cuts when it is not < 0.
std::vector<std::string> SplitSpace(std::string_view text, int64_t count = -1);
// str.splitlines(keepends): a line end at the end opens no further line. REQUIRES: valid UTF-8.
std::vector<std::string> PythonSplitLines(std::string_view text, bool keep_ends = false);
// str.split(separator, count) and, with `from_right`, str.rsplit. REQUIRES: separator not empty.
std::vector<std::string> SplitAt(std::string_view text, std::string_view separator, int64_t count,
                                 bool from_right);

}  // namespace koeval::evaluation
