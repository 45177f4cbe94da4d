// Base64, the double-array trie, and the walk over grapheme clusters.
#include "common/tokenizer/charsmap.h"

#include <fmt/core.h>

#include "common/base/base64.h"
#include "common/base/utf8.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/normal_form.h"
#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {
namespace {

constexpr size_t kClusterBytesMax = 5;  // longer clusters go by code points

uint32_t LittleEndian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[at + i])) << (8 * i);
  }
  return value;
}

// Fields of one unit of the trie.
bool HasLeaf(uint32_t unit) {
  return ((unit >> 8) & 1) != 0;
}
uint32_t LeafValue(uint32_t unit) {
  return unit & 0x7fffffffU;
}
uint32_t Label(uint32_t unit) {
  return unit & 0x800000ffU;
}
uint32_t Offset(uint32_t unit) {
  return (unit >> 10) << ((unit & (1U << 9)) >> 6);
}

}  // namespace

Result<std::unique_ptr<Charsmap>> Charsmap::Parse(std::string_view base64, std::string_view where) {
  const auto bytes = DecodeBase64(base64);
  if (!bytes || bytes->size() < 4) {
    return InvalidArgument(
        fmt::format("{}: field \"precompiled_charsmap\" is no base64 of a character map", where));
  }
  const size_t trie_bytes = LittleEndian(*bytes, 0);
  if (trie_bytes % 4 != 0 || trie_bytes == 0 || trie_bytes > bytes->size() - 4) {
    return InvalidArgument(
        fmt::format("{}: field \"precompiled_charsmap\" announces a trie of {} bytes but holds {}",
                    where, trie_bytes, bytes->size() - 4));
  }
  auto charsmap = std::make_unique<Charsmap>();
  for (size_t at = 0; at < trie_bytes; at += 4) {
    charsmap->units_.push_back(LittleEndian(*bytes, 4 + at));
  }
  charsmap->replacements_ = bytes->substr(4 + trie_bytes);
  if (!IsValidUtf8(charsmap->replacements_)) {
    return InvalidArgument(fmt::format(
        "{}: field \"precompiled_charsmap\" holds replacements that are not UTF-8", where));
  }
  return charsmap;
}

std::optional<std::string_view> Charsmap::Find(std::string_view chunk) const {
  uint32_t at = Offset(units_[0]);
  for (char c : chunk) {
    const uint32_t byte = static_cast<unsigned char>(c);
    if (byte == 0) return std::nullopt;
    at ^= byte;
    if (at >= units_.size() || Label(units_[at]) != byte) return std::nullopt;
    const uint32_t unit = units_[at];
    at ^= Offset(unit);
    if (!HasLeaf(unit)) continue;
    if (at >= units_.size()) return std::nullopt;
    const size_t begin = LeafValue(units_[at]);
    const bool inside_code_point =
        begin < replacements_.size() &&
        (static_cast<unsigned char>(replacements_[begin]) & 0xc0) == 0x80;
    if (begin > replacements_.size() || inside_code_point) return std::nullopt;
    const size_t end = replacements_.find('\0', begin);
    return std::string_view(replacements_).substr(begin, end - begin);
  }
  return std::nullopt;
}

Status Charsmap::Apply(std::string& text) const {
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;
  for (const size_t end : GraphemeEnds(text)) {
    const std::string_view cluster = std::string_view(text).substr(begin, end - begin);
    begin = end;
    RETURN_IF_ERROR(CheckRewrittenBytes(out.size()));
    if (cluster.size() <= kClusterBytesMax) {
      if (const auto found = Find(cluster)) {
        out += *found;
        continue;
      }
    }
    for (size_t at = 0; at < cluster.size();) {
      const size_t start = at;
      NextCodePoint(cluster, at);
      const std::string_view one = cluster.substr(start, at - start);
      out += Find(one).value_or(one);
    }
  }
  text = std::move(out);
  return OkStatus();
}

}  // namespace koeval::tokenizer
