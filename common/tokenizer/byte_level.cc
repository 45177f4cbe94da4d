// The bytes that are printable in Latin-1 stand for themselves, the others for U+0100 and up.
#include "common/tokenizer/byte_level.h"

#include <array>
#include <cstdint>

#include "common/base/utf8.h"

namespace koeval::tokenizer {
namespace {

constexpr char32_t kStandInEnd = 0x144;

struct Tables {
  std::array<std::string, 256> stand_ins;
  std::array<int16_t, kStandInEnd> bytes;
};

bool StandsForItself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

const Tables& GetTables() {
  static const Tables tables = [] {
    Tables t;
    t.bytes.fill(-1);
    char32_t shifted = 0x100;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const char32_t c = StandsForItself(byte) ? byte : shifted++;
      AppendUtf8(t.stand_ins[byte], c);
      t.bytes[c] = static_cast<int16_t>(byte);
    }
    return t;
  }();
  return tables;
}

// Bytes of the well-formed prefix of a code point at `at`, at least 1, and whether it is whole.
size_t SequencePrefix(std::string_view text, size_t at, bool& whole) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const unsigned char first = byte(0);
  whole = false;
  size_t length = 0;
  unsigned char least = 0x80, most = 0xbf;  // of the second byte
  if (first < 0x80) {
    whole = true;
    return 1;
  } else if (first >= 0xc2 && first <= 0xdf) {
    length = 2;
  } else if (first >= 0xe0 && first <= 0xef) {
    length = 3;
    if (first == 0xe0) least = 0xa0;
    if (first == 0xed) most = 0x9f;
  } else if (first >= 0xf0 && first <= 0xf4) {
    length = 4;
    if (first == 0xf0) least = 0x90;
    if (first == 0xf4) most = 0x8f;
  } else {
    return 1;
  }
  for (size_t i = 1; i < length; ++i) {
    if (at + i >= text.size() || byte(i) < least || byte(i) > most) return i;
    least = 0x80;
    most = 0xbf;
  }
  whole = true;
  return length;
}

}  // namespace

void AppendByteLevel(std::string& out, std::string_view bytes) {
  static const auto& stand_ins = GetTables().stand_ins;
  for (char byte : bytes) out += stand_ins[static_cast<unsigned char>(byte)];
}

std::optional<unsigned char> ByteOfStandIn(char32_t code_point) {
  static const auto& bytes = GetTables().bytes;
  if (code_point >= kStandInEnd || bytes[code_point] < 0) return std::nullopt;
  return static_cast<unsigned char>(bytes[code_point]);
}

std::string LossyUtf8(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size());
  for (size_t at = 0; at < bytes.size();) {
    bool whole = false;
    const size_t length = SequencePrefix(bytes, at, whole);
    out += whole ? bytes.substr(at, length) : std::string_view("\xef\xbf\xbd");
    at += length;
  }
  return out;
}

}  // namespace koeval::tokenizer
