// Which tokenizer class transformers would take, and what that class does to tokenizer.json.
#pragma once

#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/tokenizer/special_tokens.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::tokenizer {

// Tokenizer classes that do more than read tokenizer.json.
enum class TokenizerClass { kAsIs, kLlama, kGemma, kGptNeoX, kGpt2, kQwen2, kQwen3_5, kCohere };

// The class for `declared`, tokenizer_config.json's tokenizer_class or empty, as AutoTokenizer
// finds it. `mentions_byte_level`: the text of tokenizer.json has "ByteLevel" in quotes.
// UNIMPLEMENTED for a class that would rebuild the pipeline in a way that is not known here.
Result<TokenizerClass> ChooseClass(const LoadOptions& options, const std::string& declared,
                                   bool mentions_byte_level);

// The special tokens that the class has by itself.
TokenDefaults ClassTokens(TokenizerClass tokenizer_class, Generation generation);

// Whether a class of generation 5 builds the pipeline anew, so that the "added_tokens" of
// tokenizer.json count only through the other files' merge.
bool RebuildsPipeline(TokenizerClass tokenizer_class, Generation generation);

// Rewrites the components of files.tokenizer as the class would build them. INVALID_ARGUMENT or
// UNIMPLEMENTED when the file has another kind of model than the class.
Status RewritePipeline(TokenizerClass tokenizer_class, const SpecialTokens& special,
                       Generation generation, RepositoryFiles& files);

// The BOS and EOS that add_bos_token and add_eos_token of tokenizer_config.json put around a text:
// in generation 4 for Llama-type classes, in both where there is no tokenizer.json. Absent:
// tokenizer.json's post-processor stays.
struct BosEosTemplate {
  bool add_bos = false;
  bool add_eos = false;
  bool needs_tokens = false;  // a token that is null is an error, else it is left out
};
Result<std::optional<BosEosTemplate>> FindBosEosTemplate(TokenizerClass tokenizer_class,
                                                         Generation generation, const Json& config,
                                                         bool has_tokenizer_json);

}  // namespace koeval::tokenizer
