// Tokens that are recognised in the text itself, before the model sees it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/tokenizer/byte_trie.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/normalizer.h"
#include "common/tokenizer/vocabulary.h"

namespace koeval::tokenizer {

struct AddedToken {
  std::string content;
  bool single_word = false;  // only where no word character touches it
  bool lstrip = false;       // takes the white space in front of it along
  bool rstrip = false;
  bool normalized = false;  // looked for in the normalised text
  bool special = false;
  bool operator==(const AddedToken&) const = default;
};

// An object with "content" and the flags; flags that are absent are false, "normalized" the
// opposite of "special". INVALID_ARGUMENT names `where`.
Result<AddedToken> ReadAddedToken(const Json& object, std::string_view where);

// A part of a text: an added token, or what lies between two.
struct Span {
  size_t begin = 0;
  size_t end = 0;
  std::optional<int32_t> id;
};

// Filled at load; Prepare, then immutable and safe from several threads.
class AddedTokens {
 public:
  // As Hugging Face adds tokens, one after the other: a token that the model has keeps its id,
  // others get the next free one; one that is there already gets the new flags.
  // RESOURCE_EXHAUSTED beyond the bound on ids.
  Status Add(const AddedToken& token, const Model& model);
  struct Options {
    bool split_special = false;      // special tokens are not looked for in the text
    bool decode_normalized = false;  // a normalised token decodes to its normalised form
  };
  // Builds the matchers. `normalizer` may be null; it brings normalised tokens into the form that
  // they have in normalised text.
  Status Prepare(const Normalizer* normalizer, const Options& options);

  // The parts of a text before normalisation, and of one after it.
  std::vector<Span> FindRaw(std::string_view text) const { return Find(text, raw_); }
  std::vector<Span> FindNormalized(std::string_view text) const { return Find(text, normalized_); }

  std::optional<int32_t> Id(std::string_view content) const;
  // The token of `id`, or null.
  const AddedToken* Token(int32_t id) const;
  // What the token of `id` decodes to, or null.
  const std::string* Text(int32_t id) const;
  bool IsSpecial(std::string_view content) const {
    return special_.find(content) != special_.end();
  }
  const std::map<int32_t, AddedToken>& tokens() const { return tokens_; }
  // All ids are below it; 0 when there are none.
  int32_t id_end() const { return tokens_.empty() ? 0 : tokens_.rbegin()->first + 1; }

 private:
  std::vector<Span> Find(std::string_view text, const ByteTrie& trie) const;

  std::map<int32_t, AddedToken> tokens_;
  TextMap<int32_t> ids_;
  std::set<std::string, std::less<>> special_;
  std::map<int32_t, std::string> texts_;  // of tokens that do not decode to their content
  bool split_special_ = false;
  ByteTrie raw_;
  ByteTrie normalized_;
};

}  // namespace koeval::tokenizer
