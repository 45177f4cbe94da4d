// The pipeline of a loaded tokenizer: its parts, and how encode and decode run through them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/tokenizer/added_tokens.h"
#include "common/tokenizer/decoder.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/normalizer.h"
#include "common/tokenizer/post_processor.h"
#include "common/tokenizer/pre_tokenizer.h"
#include "common/tokenizer/tokenizer.h"
#include "common/tokenizer/word_cache.h"

namespace koeval::tokenizer {

struct PipelineParts {
  std::unique_ptr<Normalizer> normalizer;       // null: none
  std::unique_ptr<PreTokenizer> pre_tokenizer;  // null: a text is one word
  std::unique_ptr<Model> model;
  std::unique_ptr<Decoder> decoder;  // null: tokens are joined by spaces
  AddedTokens added_tokens;          // prepared
  PostProcessor post_processor;
  bool clean_up_spaces = false;            // after decoding
  std::optional<std::string> infill_mark;  // texts with it are refused
  std::optional<int32_t> bos_id;
  std::optional<int32_t> eos_id;
  std::optional<int64_t> model_max_length;
  std::string digest;
};

// All ids of model and added tokens are below it.
int32_t VocabularyEnd(const Model& model, const AddedTokens& added_tokens);

class PipelineTokenizer final : public Tokenizer {
 public:
  explicit PipelineTokenizer(PipelineParts parts) : parts_(std::move(parts)) {}

  Result<std::vector<int32_t>> Encode(std::string_view text,
                                      bool add_special_tokens) const override;
  Result<std::string> Decode(std::span<const int32_t> ids, bool skip_special_tokens) const override;
  int32_t vocab_size() const override { return VocabularyEnd(*parts_.model, parts_.added_tokens); }
  std::optional<int32_t> bos_id() const override { return parts_.bos_id; }
  std::optional<int32_t> eos_id() const override { return parts_.eos_id; }
  std::optional<int64_t> model_max_length() const override { return parts_.model_max_length; }
  const std::string& digest() const override { return parts_.digest; }

 private:
  // Each appends the ids of a part of the text: what lies between two added tokens before
  // normalisation, after it, one word, and a part of it that the model may see alone. `raw_bytes`:
  // the model knows the bytes by their stand-ins.
  Status EncodeRaw(std::string_view text, bool at_start, std::vector<int32_t>& ids) const;
  Status EncodeNormalized(std::string_view text, bool at_start, std::vector<int32_t>& ids) const;
  Status EncodeWord(std::string_view word, std::vector<int32_t>& ids) const;
  Status EncodeWordPart(std::string_view word, bool raw_bytes, std::vector<int32_t>& ids) const;

  const PipelineParts parts_;
  mutable WordCache cache_;
};

}  // namespace koeval::tokenizer
