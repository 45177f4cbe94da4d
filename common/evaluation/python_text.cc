// Python's str methods over utf8proc's tables.
#include "common/evaluation/python_text.h"

#include <utf8proc.h>

#include <algorithm>

#include "common/base/utf8.h"

namespace koeval::evaluation {
namespace {

enum class Case { kUpper, kLower, kTitle };

utf8proc_category_t Category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

// Whether `c` takes part in words for case: it has case itself.
bool IsCased(char32_t c) {
  const utf8proc_category_t category = Category(c);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LL ||
         category == UTF8PROC_CATEGORY_LT;
}

// Letters whose mapping is several code points, of Unicode's SpecialCasing.txt: the Latin and
// Armenian ones. (The Greek ones with iota occur in no text that a task would change.)
struct SpecialCase {
  char32_t letter;
  std::u32string_view upper, title;
};
constexpr SpecialCase kSpecialCases[] = {
    {0x00df, U"SS", U"Ss"},           {0x0149, U"\u02bcN", U"\u02bcN"},
    {0x01f0, U"J\u030c", U"J\u030c"}, {0x0587, U"\u0535\u0552", U"\u0535\u0582"},
    {0x1e96, U"H\u0331", U"H\u0331"}, {0x1e97, U"T\u0308", U"T\u0308"},
    {0x1e98, U"W\u030a", U"W\u030a"}, {0x1e99, U"Y\u030a", U"Y\u030a"},
    {0x1e9a, U"A\u02be", U"A\u02be"}, {0xfb00, U"FF", U"Ff"},
    {0xfb01, U"FI", U"Fi"},           {0xfb02, U"FL", U"Fl"},
    {0xfb03, U"FFI", U"Ffi"},         {0xfb04, U"FFL", U"Ffl"},
    {0xfb05, U"ST", U"St"},           {0xfb06, U"ST", U"St"},
};

// "Σ" at the end of a word is "ς": cased letters before it and none after it.
bool IsFinalSigma(std::u32string_view text, size_t at) {
  const auto ignorable = [](char32_t c) {
    const utf8proc_category_t category = Category(c);
    return c == '\'' || c == '.' || c == ':' || c == 0xb7 || c == 0x2019 ||
           category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
           category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
           category == UTF8PROC_CATEGORY_SK;
  };
  size_t before = at;
  while (before > 0 && ignorable(text[before - 1])) --before;
  if (before == 0 || !IsCased(text[before - 1])) return false;
  size_t after = at + 1;
  while (after < text.size() && ignorable(text[after])) ++after;
  return after == text.size() || !IsCased(text[after]);
}

void AppendCased(std::u32string& out, std::u32string_view text, size_t at, Case wanted) {
  const char32_t c = text[at];
  const auto simple = static_cast<utf8proc_int32_t>(c);
  if (wanted == Case::kLower) {
    if (c == 0x0130) {
      out += U"i\u0307";
    } else if (c == 0x03a3) {
      out += IsFinalSigma(text, at) ? char32_t{0x03c2} : char32_t{0x03c3};
    } else {
      out += static_cast<char32_t>(utf8proc_tolower(simple));
    }
    return;
  }
  for (const SpecialCase& special : kSpecialCases) {
    if (special.letter == c) {
      out += wanted == Case::kUpper ? special.upper : special.title;
      return;
    }
  }
  out += static_cast<char32_t>(wanted == Case::kUpper ? utf8proc_toupper(simple)
                                                      : utf8proc_totitle(simple));
}

// Every code point of `text` in the case that `choose(position)` says.
template <typename Choose>
std::string Recase(std::string_view text, Choose choose) {
  const std::u32string points = ToUtf32(text);
  std::u32string out;
  out.reserve(points.size());
  for (size_t i = 0; i < points.size(); ++i) AppendCased(out, points, i, choose(points, i));
  return ToUtf8(out);
}

}  // namespace

bool IsPythonPrintable(char32_t c) {
  switch (Category(c)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return c == ' ';
    default:
      return true;
  }
}

bool IsPythonDigit(char32_t c) {
  if (Category(c) == UTF8PROC_CATEGORY_ND) return true;
  // Superscripts, subscripts and digits in circles and parentheses.
  return c == 0xb2 || c == 0xb3 || c == 0xb9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
         (c >= 0x2080 && c <= 0x2089) || (c >= 0x2460 && c <= 0x2468) ||
         (c >= 0x2474 && c <= 0x247c) || (c >= 0x2488 && c <= 0x2490) || c == 0x24ea ||
         (c >= 0x24f5 && c <= 0x24fd) || c == 0x24ff || (c >= 0x2776 && c <= 0x277e) ||
         (c >= 0x2780 && c <= 0x2788) || (c >= 0x278a && c <= 0x2792);
}

bool IsPythonLineEnd(char32_t c) {
  return (c >= 0x0a && c <= 0x0d) || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

bool IsPythonAlpha(char32_t c) {
  const utf8proc_category_t category = Category(c);
  return IsCased(c) || category == UTF8PROC_CATEGORY_LM || category == UTF8PROC_CATEGORY_LO;
}

bool IsPythonUpper(char32_t c) {
  return Category(c) == UTF8PROC_CATEGORY_LU;
}

bool IsPythonLower(char32_t c) {
  return Category(c) == UTF8PROC_CATEGORY_LL;
}

bool IsPunctuation(char32_t c) {
  const utf8proc_category_t category = Category(c);
  return category >= UTF8PROC_CATEGORY_PC && category <= UTF8PROC_CATEGORY_PO;
}

std::string PythonUpper(std::string_view text) {
  return Recase(text, [](const std::u32string&, size_t) { return Case::kUpper; });
}

std::string PythonLower(std::string_view text) {
  return Recase(text, [](const std::u32string&, size_t) { return Case::kLower; });
}

std::string PythonCapitalize(std::string_view text) {
  return Recase(
      text, [](const std::u32string&, size_t at) { return at == 0 ? Case::kTitle : Case::kLower; });
}

std::string PythonTitle(std::string_view text) {
  return Recase(text, [](const std::u32string& points, size_t at) {
    return at == 0 || !IsCased(points[at - 1]) ? Case::kTitle : Case::kLower;
  });
}

std::string PythonSwapCase(std::string_view text) {
  return Recase(text, [](const std::u32string& points, size_t at) {
    return IsPythonUpper(points[at]) ? Case::kLower : Case::kUpper;
  });
}

std::string PythonReplace(std::string_view text, std::string_view from, std::string_view to,
                          int64_t count) {
  std::string out;
  size_t at = 0;
  while (count != 0) {
    if (from.empty()) {
      out += to;
      if (at >= text.size()) return out;
      const size_t start = at;
      DecodeUtf8(text, at);
      out += text.substr(start, at - start);
    } else {
      const size_t found = text.find(from, at);
      if (found == std::string_view::npos) break;
      out += text.substr(at, found - at);
      out += to;
      at = found + from.size();
    }
    if (count > 0) --count;
  }
  return out += text.substr(at);
}

std::string_view StripChars(std::string_view text, std::string_view chars, bool left, bool right) {
  const std::u32string set = ToUtf32(chars);
  const auto listed = [&](char32_t c) { return set.find(c) != std::u32string::npos; };
  while (left && !text.empty()) {
    size_t at = 0;
    if (!listed(DecodeUtf8(text, at))) break;
    text.remove_prefix(at);
  }
  while (right && !text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
    size_t at = start;
    if (!listed(DecodeUtf8(text, at))) break;
    text = text.substr(0, start);
  }
  return text;
}

std::vector<std::string> SplitSpace(std::string_view text, int64_t count) {
  std::vector<std::string> out;
  text = PythonLstrip(text);
  while (!text.empty()) {
    if (count >= 0 && static_cast<int64_t>(out.size()) == count) {
      out.emplace_back(text);
      return out;
    }
    size_t at = 0;
    size_t end = 0;
    while (at < text.size() && !IsPythonSpace(DecodeUtf8(text, at))) end = at;
    out.emplace_back(text.substr(0, end));
    text = PythonLstrip(text.substr(end));
  }
  return out;
}

std::vector<std::string> PythonSplitLines(std::string_view text, bool keep_ends) {
  std::vector<std::string> lines;
  size_t start = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t before = at;
    const char32_t c = DecodeUtf8(text, at);
    if (!IsPythonLineEnd(c)) continue;
    if (c == '\r' && at < text.size() && text[at] == '\n') ++at;
    lines.emplace_back(text.substr(start, (keep_ends ? at : before) - start));
    start = at;
  }
  if (start < text.size()) lines.emplace_back(text.substr(start));
  return lines;
}

std::vector<std::string> SplitAt(std::string_view text, std::string_view separator, int64_t count,
                                 bool from_right) {
  std::vector<std::string> out;
  while (count != 0) {
    const size_t found = from_right ? text.rfind(separator) : text.find(separator);
    if (found == std::string_view::npos) break;
    if (from_right) {
      out.emplace_back(text.substr(found + separator.size()));
      text = text.substr(0, found);
    } else {
      out.emplace_back(text.substr(0, found));
      text.remove_prefix(found + separator.size());
    }
    if (count > 0) --count;
  }
  out.emplace_back(text);
  if (from_right) std::reverse(out.begin(), out.end());
  return out;
}

}  // namespace koeval::evaluation
