// A model: the ids of one word.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::tokenizer {

// U+2581, the stand-in of a space in vocabularies of the SentencePiece kind.
inline constexpr std::string_view kMetaspaceText = "\xe2\x96\x81";

// Immutable; safe from several threads.
class Model {
 public:
  virtual ~Model() = default;
  // Appends the ids of `word`, which is valid UTF-8 and not empty. INVALID_ARGUMENT for a word that
  // the vocabulary cannot express.
  virtual Status Tokenize(std::string_view word, std::vector<int32_t>& ids) const = 0;
  virtual std::optional<int32_t> TokenToId(std::string_view token) const = 0;
  // The token of `id`, or null.
  virtual const std::string* IdToToken(int32_t id) const = 0;
  // Number of tokens, and a bound above all their ids.
  virtual int32_t token_count() const = 0;
  virtual int32_t id_end() const = 0;
  // Whether a word may be cut in front of every U+2581 that follows another character without any
  // change of the ids, so that long texts become short words.
  virtual bool splits_at_metaspace() const { return false; }
  // Whether ids come from merges; transformers 5 cleans up decoded spaces for other models only.
  virtual bool is_bpe() const { return false; }
};

// Each reads the "model" member of tokenizer.json; INVALID_ARGUMENT names the field.
Result<std::unique_ptr<Model>> ReadBpe(const Json& model, const std::string& where);
Result<std::unique_ptr<Model>> ReadUnigram(const Json& model, const std::string& where);
Result<std::unique_ptr<Model>> ReadWordLevel(const Json& model, const std::string& where);
Result<std::unique_ptr<Model>> ReadWordPiece(const Json& model, const std::string& where);
// Any of them, by "type" or, in old files without it, by its members.
Result<std::unique_ptr<Model>> ReadModel(const Json& model, const std::string& where);

// The token of a byte in vocabularies with byte fallback, such as "<0x0A>".
std::string ByteToken(unsigned char byte);

}  // namespace koeval::tokenizer
