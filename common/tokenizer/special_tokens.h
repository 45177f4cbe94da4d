// The special tokens that the files around tokenizer.json name, merged as transformers does.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/tokenizer/added_tokens.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::tokenizer {

// The files of a model repository that make a tokenizer; null where there is none.
struct RepositoryFiles {
  Json tokenizer;       // tokenizer.json
  Json config;          // tokenizer_config.json
  Json special_tokens;  // special_tokens_map.json
  Json added_tokens;    // added_tokens.json
};

// Attribute such as "bos_token" and the text that a tokenizer class gives it when no file does.
using TokenDefaults = std::vector<std::pair<std::string_view, std::string_view>>;

struct SpecialTokens {
  // Tokens of added_tokens_decoder or, without it, of added_tokens.json and tokenizer.json, by id.
  std::vector<AddedToken> listed;
  // Tokens by attribute: bos_token, eos_token, ... and, in generation 5, those of the model's own.
  std::vector<std::pair<std::string, AddedToken>> named;
  std::vector<AddedToken> extra;  // additional_special_tokens

  // The text of an attribute.
  std::optional<std::string> Content(std::string_view attribute) const;
};

// The tokens that the "added_tokens" member of tokenizer.json lists, with their ids, in order.
Result<std::vector<std::pair<int64_t, AddedToken>>> ReadAddedTokenList(const Json& tokenizer);

// tokenizer_config.json; without an added_tokens_decoder there also special_tokens_map.json, which
// wins, and added_tokens.json. INVALID_ARGUMENT names file and field.
Result<SpecialTokens> ReadSpecialTokens(const RepositoryFiles& files, const TokenDefaults& defaults,
                                        Generation generation);

// The special tokens that the files of a repository name, and its tokenizer_config.json.
struct RepositoryTokens {
  SpecialTokens special;
  Json config;
};
// Reads them as LoadTokenizer does, with its errors (loader.cc).
Result<RepositoryTokens> ReadRepositoryTokens(const std::string& model_dir,
                                              const LoadOptions& options);

// Adds to `tokens` what is missing there or has other flags. In generation 5 a token that an
// attribute names is special whatever its flags say.
Status AddSpecialTokens(const SpecialTokens& special, const Model& model, Generation generation,
                        AddedTokens& tokens);

}  // namespace koeval::tokenizer
