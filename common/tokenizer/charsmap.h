// The compiled character map of SentencePiece, which the Precompiled normalizer holds.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace koeval::tokenizer {

// Immutable; safe from several threads.
class Charsmap {
 public:
  // `base64` holds the bytes of a trie, their count in front, and the replacement texts behind.
  // INVALID_ARGUMENT when they do not fit together.
  static Result<std::unique_ptr<Charsmap>> Parse(std::string_view base64, std::string_view where);

  // Replaces what the map has, by grapheme clusters below 6 bytes and by code points else.
  // REQUIRES: valid UTF-8.
  Status Apply(std::string& text) const;

 private:
  // The replacement of the shortest prefix of `chunk` that the map has.
  std::optional<std::string_view> Find(std::string_view chunk) const;

  std::vector<uint32_t> units_;  // a double-array trie as Darts-clone stores it
  std::string replacements_;     // zero-terminated texts
};

}  // namespace koeval::tokenizer
