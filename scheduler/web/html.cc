// Escaping, and the holes of formats.
#include "scheduler/web/html.h"

#include "common/base/check.h"
#include "common/base/utf8.h"

namespace koeval::web {
namespace {

constexpr std::string_view kHole = "{}";
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

void AppendEscaped(std::string_view text, std::string* out) {
  for (const char c : text) {
    switch (c) {
      case '&':
        *out += "&amp;";
        break;
      case '<':
        *out += "&lt;";
        break;
      case '>':
        *out += "&gt;";
        break;
      case '"':
        *out += "&quot;";
        break;
      case '\'':
        *out += "&#39;";
        break;
      default: {
        const auto byte = static_cast<unsigned char>(c);
        const bool control = byte < 0x20 && c != '\n' && c != '\t' && c != '\r';
        if (!control && byte != 0x7f) *out += c;
      }
    }
  }
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// `text` with every byte that is no ASCII replaced; for texts that are no UTF-8 as a whole.
std::string OnlyAscii(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
    } else {
      out += kReplacement;
    }
  }
  return out;
}

}  // namespace

std::string Escape(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  if (IsValidUtf8(text)) {
    AppendEscaped(text, &out);
  } else {
    AppendEscaped(OnlyAscii(text), &out);
  }
  return out;
}

std::string UrlComponent(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsUnreserved(c)) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

Html& Html::AddText(std::string_view text) {
  if (IsValidUtf8(text)) {
    AppendEscaped(text, &out_);
  } else {
    AppendEscaped(OnlyAscii(text), &out_);
  }
  return *this;
}

void Html::AppendToHole(std::string_view* rest) {
  const size_t hole = rest->find(kHole);
  KOEVAL_CHECK(hole != std::string_view::npos, "a format has fewer holes than values");
  out_ += rest->substr(0, hole);
  rest->remove_prefix(hole + kHole.size());
}

void Html::AppendLast(std::string_view rest) {
  KOEVAL_CHECK(rest.find(kHole) == std::string_view::npos, "a format has more holes than values");
  out_ += rest;
}

}  // namespace koeval::web
