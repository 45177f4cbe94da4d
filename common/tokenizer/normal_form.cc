// utf8proc behind Status, with a table of code points that no normal form changes or joins.
#include "common/tokenizer/normal_form.h"

#include <fmt/core.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "common/base/utf8.h"
#include "common/tokenizer/unicode_class.h"
#include "common/tokenizer/unicode_reference.h"

namespace koeval::tokenizer {
namespace {

constexpr char32_t kTableEnd = 0x20000;  // above it every code point takes the slow path

utf8proc_option_t Options(NormalForm form) {
  int options = UTF8PROC_STABLE;
  options |=
      form == NormalForm::kC || form == NormalForm::kKC ? UTF8PROC_COMPOSE : UTF8PROC_DECOMPOSE;
  if (form == NormalForm::kKC || form == NormalForm::kKD) options |= UTF8PROC_COMPAT;
  return static_cast<utf8proc_option_t>(options);
}

// Code points that stay as they are and join nothing: those that came with Unicode 10 and later,
// which the normalisation tables of the reference (Hugging Face tokenizers) do not know, and
// U+11A7, which utf8proc joins to a syllable although no normal form does. Ascending.
constexpr CodePointRange kLeftAlone[] = {
    {0x7fd, 0x7fd},     {0x898, 0x89f},     {0x8ca, 0x8d3},     {0x9fe, 0x9fe},
    {0xc3c, 0xc3c},     {0xd3b, 0xd3c},     {0xeba, 0xeba},     {0x11a7, 0x11a7},
    {0x1715, 0x1715},   {0x1abf, 0x1ace},   {0x1df6, 0x1dfa},   {0x32ff, 0x32ff},
    {0xa7f2, 0xa7f4},   {0xa82c, 0xa82c},   {0xab69, 0xab69},   {0x10781, 0x10785},
    {0x10787, 0x107b0}, {0x107b2, 0x107ba}, {0x10d24, 0x10d27}, {0x10eab, 0x10eac},
    {0x10f46, 0x10f50}, {0x10f82, 0x10f85}, {0x11070, 0x11070}, {0x1133b, 0x1133b},
    {0x1145e, 0x1145e}, {0x11839, 0x1183a}, {0x11930, 0x11930}, {0x11938, 0x11938},
    {0x1193d, 0x1193e}, {0x11943, 0x11943}, {0x119e0, 0x119e0}, {0x11a34, 0x11a34},
    {0x11a47, 0x11a47}, {0x11a99, 0x11a99}, {0x11d42, 0x11d42}, {0x11d44, 0x11d45},
    {0x11d97, 0x11d97}, {0x16ff0, 0x16ff1}, {0x1e030, 0x1e06d}, {0x1e130, 0x1e136},
    {0x1e2ae, 0x1e2ae}, {0x1e2ec, 0x1e2ef}, {0x1f16c, 0x1f16c}, {0x1fbf0, 0x1fbf9}};

// Upper-case letters of Unicode 16 and 17, which utf8proc does not know and Rust does; the lower
// case of `first` is `lower`.
struct LateLowercase {
  char32_t first, last, lower;
};
constexpr LateLowercase kLateLowercase[] = {
    {0x1c89, 0x1c89, 0x1c8a},   {0xa7cb, 0xa7cb, 0x264},  {0xa7cc, 0xa7cc, 0xa7cd},
    {0xa7ce, 0xa7ce, 0xa7cf},   {0xa7d2, 0xa7d2, 0xa7d3}, {0xa7d4, 0xa7d4, 0xa7d5},
    {0xa7da, 0xa7da, 0xa7db},   {0xa7dc, 0xa7dc, 0x19b},  {0x10d50, 0x10d65, 0x10d70},
    {0x16ea0, 0x16eb8, 0x16ebb}};

bool IsLeftAlone(char32_t c) {
  const auto* range =
      std::lower_bound(std::begin(kLeftAlone), std::end(kLeftAlone), c,
                       [](const CodePointRange& r, char32_t wanted) { return r.last < wanted; });
  return range != std::end(kLeftAlone) && range->first <= c;
}

constexpr size_t kMarksMax = 64;  // in a row before they are sorted here

// Sorts long runs of combining marks into canonical order, which utf8proc does in quadratic time.
std::string SortMarks(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  std::vector<std::pair<utf8proc_propval_t, std::string_view>> marks;
  const auto flush = [&] {
    if (marks.size() > kMarksMax) {
      std::stable_sort(marks.begin(), marks.end(),
                       [](const auto& a, const auto& b) { return a.first < b.first; });
    }
    for (const auto& [order, mark] : marks) out += mark;
    marks.clear();
  };
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    const auto c = static_cast<utf8proc_int32_t>(NextCodePoint(text, at));
    const utf8proc_propval_t order = utf8proc_get_property(c)->combining_class;
    if (order != 0) {
      marks.emplace_back(order, text.substr(begin, at - begin));
    } else {
      flush();
      out += text.substr(begin, at - begin);
    }
  }
  flush();
  return out;
}

// Maps a text without such code points; a negative result is utf8proc's error.
utf8proc_ssize_t MapPart(std::string_view part, NormalForm form, std::string& out) {
  const std::string text = SortMarks(part);
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped, Options(form));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (length >= 0) out.append(reinterpret_cast<char*>(mapped), static_cast<size_t>(length));
  return length;
}

// Maps `text`; the parts beside a code point that is left alone are mapped alone too.
utf8proc_ssize_t Map(std::string_view text, NormalForm form, std::string& out) {
  out.clear();
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    if (!IsLeftAlone(NextCodePoint(text, at))) continue;
    const utf8proc_ssize_t length = MapPart(text.substr(begin, start - begin), form, out);
    if (length < 0) return length;
    out += text.substr(start, at - start);
    begin = at;
  }
  return MapPart(text.substr(begin), form, out);
}

// Whether `c` is a mark, by a table that has letters and marks.
bool IsMark(char32_t c) {
  return CaseTable()[c] != 0 && (ClassTable()[c] & kLetter) == 0;
}

// Whether a code point alone stays as it is and never joins the one before it. A starter that is no
// mark and no Hangul vowel or final consonant joins nothing.
using InertTable = std::array<bool, kTableEnd>;

std::unique_ptr<InertTable> BuildInertTable(NormalForm form) {
  auto table = std::make_unique<InertTable>();
  table->fill(false);
  std::string text, mapped;
  for (char32_t c = 0; c < kTableEnd; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    const utf8proc_property_t* property = utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
    const bool may_join =
        property->combining_class != 0 || IsMark(c) || (c >= 0x1160 && c <= 0x11ff);
    if (may_join) continue;
    text.clear();
    AppendUtf8(text, c);
    (*table)[c] = Map(text, form, mapped) >= 0 && mapped == text;
  }
  return table;
}

template <NormalForm kForm>
bool IsInert(std::string_view text) {
  static const std::unique_ptr<InertTable> table = BuildInertTable(kForm);
  for (size_t at = 0; at < text.size();) {
    const char32_t c = NextCodePoint(text, at);
    if (c >= kTableEnd || !(*table)[c]) return false;
  }
  return true;
}

bool IsInert(std::string_view text, NormalForm form) {
  switch (form) {
    case NormalForm::kC:
      return IsInert<NormalForm::kC>(text);
    case NormalForm::kD:
      return IsInert<NormalForm::kD>(text);
    case NormalForm::kKC:
      return IsInert<NormalForm::kKC>(text);
    case NormalForm::kKD:
      return IsInert<NormalForm::kKD>(text);
  }
  return false;
}

}  // namespace

Status Normalize(std::string& text, NormalForm form) {
  if (IsInert(text, form)) return OkStatus();
  std::string mapped;
  const utf8proc_ssize_t length = Map(text, form, mapped);
  if (length < 0) {
    return ResourceExhausted(fmt::format("Unicode normalisation of {} bytes fails: {}", text.size(),
                                         utf8proc_errmsg(length)));
  }
  text = std::move(mapped);
  return OkStatus();
}

void AppendLowercase(std::string& out, char32_t code_point) {
  if (code_point == 0x130) {  // the only code point whose lower case is two
    out += "i\xcc\x87";
    return;
  }
  const auto* late = std::find_if(std::begin(kLateLowercase), std::end(kLateLowercase),
                                  [&](const LateLowercase& range) {
                                    return range.first <= code_point && code_point <= range.last;
                                  });
  if (late != std::end(kLateLowercase)) {
    AppendUtf8(out, code_point - late->first + late->lower);
    return;
  }
  AppendUtf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<int32_t>(code_point))));
}

std::vector<size_t> GraphemeEnds(std::string_view text) {
  std::vector<size_t> ends;
  utf8proc_int32_t state = 0;
  size_t at = 0;
  if (text.empty()) return ends;
  auto previous = static_cast<utf8proc_int32_t>(NextCodePoint(text, at));
  while (at < text.size()) {
    const size_t boundary = at;
    const auto next = static_cast<utf8proc_int32_t>(NextCodePoint(text, at));
    if (utf8proc_grapheme_break_stateful(previous, next, &state)) ends.push_back(boundary);
    previous = next;
  }
  ends.push_back(text.size());
  return ends;
}

}  // namespace koeval::tokenizer
