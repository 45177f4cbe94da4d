// Which tokenizer class transformers would take, and what that class does to tokenizer.json.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/tokenizer/special_tokens.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::tokenizer {

// Tokenizer classes that do more than read tokenizer.json.
enum class TokenizerClass {
  kAsIs,
  kLlama,
  kGemma,
  kGptNeoX,
  kGpt2,
  kQwen2,
  kQwen3_5,
  kCohere,
  kCodeLlama,
  kRoberta,
  kXglm,
  kT5,
  kBert
};

// The class for `declared`, tokenizer_config.json's tokenizer_class or empty, as AutoTokenizer
// finds it. `mentions_byte_level`: the text of tokenizer.json has "ByteLevel" in quotes.
// UNIMPLEMENTED for a class that would rebuild the pipeline in a way that is not known here.
Result<TokenizerClass> ChooseClass(const LoadOptions& options, const std::string& declared,
                                   bool mentions_byte_level);

// The classes that read add_bos_token and add_eos_token in generation 4, and clean nothing up.
bool IsLlamaType(TokenizerClass tokenizer_class);

// The special tokens that the class has by itself.
TokenDefaults ClassTokens(TokenizerClass tokenizer_class, Generation generation);

// Whether a class of generation 5 builds the pipeline anew, so that the "added_tokens" of
// tokenizer.json count only through the other files' merge.
bool RebuildsPipeline(TokenizerClass tokenizer_class, Generation generation);

// Rewrites the components of files.tokenizer as the class would build them. INVALID_ARGUMENT or
// UNIMPLEMENTED when the file has another kind of model than the class.
Status RewritePipeline(TokenizerClass tokenizer_class, const SpecialTokens& special,
                       Generation generation, RepositoryFiles& files);

// Adds what the class appends to additional_special_tokens: T5's and XGLM's numbered tokens and
// CodeLlama's for infilling. In generation 5 they are left out where `config`,
// tokenizer_config.json, lists some itself. INVALID_ARGUMENT when T5's number of tokens differs
// from "extra_ids".
Status AddClassExtras(TokenizerClass tokenizer_class, Generation generation, const Json& config,
                      SpecialTokens& special);

// At this text CodeLlama cuts a prompt in two, in both generations; absent for other classes.
std::optional<std::string> InfillMark(TokenizerClass tokenizer_class, const Json& config);

// The tokens that the class puts around every text instead of tokenizer.json's post-processor: in
// generation 4 Llama-type classes by add_bos_token and add_eos_token of tokenizer_config.json, in
// both generations every class by these flags where there is no tokenizer.json, and in generation 5
// some classes always. Absent: tokenizer.json's post-processor stays.
struct TokensAround {
  struct Place {
    std::string_view attribute;         // such as "bos_token"; empty: no token
    std::optional<int32_t> id_if_null;  // for a token that is null
  };
  Place front;
  Place back;
  bool needs_tokens = false;  // a token that is null is an error, else it is left out
};
Result<std::optional<TokensAround>> FindTokensAround(TokenizerClass tokenizer_class,
                                                     Generation generation, const Json& config,
                                                     bool has_tokenizer_json);

}  // namespace koeval::tokenizer
