// Decoders: from the texts of tokens to one text.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::tokenizer {

// Immutable; safe from several threads.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Rewrites the tokens; what they are in the end is joined. RESOURCE_EXHAUSTED when a pattern
  // backtracks without end. REQUIRES: valid UTF-8.
  virtual Status Apply(std::vector<std::string>& tokens) const = 0;
};

// The component as tokenizer.json has it; null for null. `where` is its place in the file.
Result<std::unique_ptr<Decoder>> ReadDecoder(const Json& component, const std::string& where);

// What transformers' clean_up_tokenization does: takes out spaces in front of English punctuation.
std::string CleanUpSpaces(std::string text);

}  // namespace koeval::tokenizer
