// UTF-8 coding and Python's white space.
#include "common/base/utf8.h"

namespace koeval {
namespace {

constexpr char32_t kReplacement = 0xfffd;

// Length that the first byte announces, or 0 for a byte that cannot start a code point.
size_t SequenceLength(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  if (first >= 0xf0 && first <= 0xf4) return 4;
  return 0;
}

// Decodes one code point; false, with nothing moved, when the bytes are not well-formed.
bool Decode(std::string_view text, size_t& at, char32_t& out) {
  const auto first = static_cast<unsigned char>(text[at]);
  const size_t length = SequenceLength(first);
  if (length == 0 || at + length > text.size()) return false;
  static constexpr unsigned char kMask[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
  char32_t c = first & kMask[length];
  for (size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[at + i]);
    if ((next & 0xc0) != 0x80) return false;
    c = (c << 6) | (next & 0x3f);
  }
  static constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (c < kLeast[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
  at += length;
  out = c;
  return true;
}

}  // namespace

char32_t DecodeUtf8(std::string_view text, size_t& at) {
  char32_t c = kReplacement;
  if (!Decode(text, at, c)) ++at;
  return c;
}

void AppendUtf8(std::string& out, char32_t c) {
  const auto put = [&out](char32_t byte) { out += static_cast<char>(byte); };
  if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) c = kReplacement;
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | (c >> 6));
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3f));
    put(0x80 | ((c >> 6) & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

bool IsValidUtf8(std::string_view text) {
  size_t at = 0;
  char32_t c = 0;
  while (at < text.size()) {
    if (!Decode(text, at, c)) return false;
  }
  return true;
}

std::string_view Utf8Prefix(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

size_t CountCodePoints(std::string_view text) {
  size_t count = 0;
  for (size_t at = 0; at < text.size(); ++count) DecodeUtf8(text, at);
  return count;
}

std::u32string ToUtf32(std::string_view text) {
  std::u32string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) out += DecodeUtf8(text, at);
  return out;
}

std::string ToUtf8(std::u32string_view text) {
  std::string out;
  for (char32_t c : text) AppendUtf8(out, c);
  return out;
}

bool IsPythonSpace(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x20) || c == 0x85 || c == 0xa0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
         c == 0x205f || c == 0x3000;
}

std::string_view PythonRstrip(std::string_view text) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && (static_cast<unsigned char>(text[start]) & 0xc0) == 0x80) --start;
    size_t at = start;
    if (!IsPythonSpace(DecodeUtf8(text, at)) || at != text.size()) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

std::string_view PythonLstrip(std::string_view text) {
  while (!text.empty()) {
    size_t at = 0;
    if (!IsPythonSpace(DecodeUtf8(text, at))) break;
    text.remove_prefix(at);
  }
  return text;
}

std::string_view PythonStrip(std::string_view text) {
  return PythonLstrip(PythonRstrip(text));
}

}  // namespace koeval
