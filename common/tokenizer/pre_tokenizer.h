// Pre-tokenizers: how a normalised text falls into the words that the model sees.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::tokenizer {

// Bytes [begin, end) of Words::text.
struct Word {
  size_t begin = 0;
  size_t end = 0;
  bool at_start = false;  // the word begins where the original text began
};

// A text and its words, which are in order and not empty. Words need not cover the text.
struct Words {
  std::string text;
  std::vector<Word> words;
  bool raw_bytes = false;  // the words are bytes that the model knows by ByteLevel's stand-ins

  std::string_view Text(const Word& word) const {
    return std::string_view(text).substr(word.begin, word.end - word.begin);
  }
};

// Immutable; safe from several threads.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  // Splits or rewrites every word. REQUIRES: valid UTF-8. RESOURCE_EXHAUSTED when a pattern
  // backtracks without end.
  virtual Status Apply(Words& words) const = 0;
  // The same as the last step before the model: ByteLevel leaves the bytes as they are and sets
  // raw_bytes, so that a word is spelt out only when its ids are not known yet.
  virtual Status ApplyLast(Words& words) const { return Apply(words); }
};

// The component as tokenizer.json has it; null for null. `where` is its place in the file.
Result<std::unique_ptr<PreTokenizer>> ReadPreTokenizer(const Json& component,
                                                       const std::string& where);

// "always", "first" or "never" of a Metaspace component; older files say add_prefix_space instead.
enum class PrependScheme { kAlways, kFirst, kNever };
Result<PrependScheme> ReadPrependScheme(const Json& component, std::string_view where);

}  // namespace koeval::tokenizer
