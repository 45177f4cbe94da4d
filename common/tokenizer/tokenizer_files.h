// The files of a model repository that make a tokenizer, and tokenizer.json from the older ones.
#pragma once

#include <optional>
#include <string>

#include "common/tokenizer/sentencepiece.h"
#include "common/tokenizer/special_tokens.h"
#include "common/tokenizer/transformers_rules.h"

namespace koeval::tokenizer {

struct TokenizerFiles {
  RepositoryFiles json;
  bool has_tokenizer_json = false;
  bool mentions_byte_level = false;  // the text of tokenizer.json has "ByteLevel" in quotes
  // Without tokenizer.json, one of the two.
  std::optional<SentencePieceModel> sentencepiece;  // tokenizer.model
  std::optional<std::pair<Json, std::string>> bpe;  // vocab.json and the text of merges.txt
  std::string digest;                               // of all bytes and of the options
};

// NOT_FOUND: no tokenizer there; UNIMPLEMENTED: one of a kind that is not read, with the remedy;
// INVALID_ARGUMENT: damaged.
Result<TokenizerFiles> ReadTokenizerFiles(const std::string& model_dir, const LoadOptions& options);

// Sets files.json.tokenizer as the class of that generation converts the older files. UNIMPLEMENTED
// for a class that does not read them. REQUIRES: no tokenizer.json.
Status ConvertTokenizerFiles(TokenizerClass tokenizer_class, Generation generation,
                             TokenizerFiles& files);

// The tokens that tokenizer.model names, for a class that names none itself.
void AddSentencePieceDefaults(const TokenizerFiles& files, TokenDefaults& defaults);
// Generation 5: control and user-defined pieces take the place of additional_special_tokens, unless
// tokenizer_config.json lists some.
void AddSentencePieceTokens(const TokenizerFiles& files, SpecialTokens& special);

}  // namespace koeval::tokenizer
