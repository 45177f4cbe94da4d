// utf8proc behind Status, with a table of code points that no normal form changes or joins.
#include "common/tokenizer/normal_form.h"

#include <fmt/core.h>
#include <utf8proc.h>

#include <array>
#include <cstdlib>
#include <memory>

#include "common/base/utf8.h"
#include "common/tokenizer/unicode_class.h"

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

// Maps `text`; a negative result is utf8proc's error.
utf8proc_ssize_t Map(std::string_view text, NormalForm form, std::string& out) {
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                   static_cast<utf8proc_ssize_t>(text.size()), &mapped, Options(form));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(mapped, &std::free);
  if (length >= 0) out.assign(reinterpret_cast<char*>(mapped), static_cast<size_t>(length));
  return length;
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
    const bool may_join = property->combining_class != 0 || (ClassTable()[c] & kMark) != 0 ||
                          (c >= 0x1160 && c <= 0x11ff);
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
