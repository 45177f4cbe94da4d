// LoadTokenizer: reads the files of a model repository and builds the pipeline from them.
#include <fmt/core.h>

#include <cmath>
#include <utility>

#include "common/tokenizer/fields.h"
#include "common/tokenizer/pipeline.h"
#include "common/tokenizer/special_tokens.h"
#include "common/tokenizer/tokenizer.h"
#include "common/tokenizer/tokenizer_files.h"
#include "common/tokenizer/transformers_rules.h"

namespace koeval::tokenizer {
namespace {

constexpr std::string_view kConfigFile = "tokenizer_config.json";

// A component of tokenizer.json; null when it is absent.
const Json& Component(const Json& tokenizer, std::string_view key) {
  static const Json null;
  const Json* found = JsonFind(tokenizer, key);
  return found == nullptr ? null : *found;
}

Result<std::optional<int64_t>> ReadMaxLength(const Json& config) {
  const Json* value = JsonFind(config, "model_max_length");
  if (value == nullptr) value = JsonFind(config, "max_len");
  if (value == nullptr) return std::optional<int64_t>();
  if (!value->is_number()) {
    return InvalidArgument(
        fmt::format("{}: field \"model_max_length\" must be a number", kConfigFile));
  }
  // "No limit" is written as 10^30, which is no integer here.
  const double length = value->get<double>();
  if (length >= 9e18) return std::optional<int64_t>();
  if (length < 1 || length != std::floor(length)) {
    return InvalidArgument(
        fmt::format("{}: field \"model_max_length\" must be a whole number above 0", kConfigFile));
  }
  return std::optional<int64_t>(static_cast<int64_t>(length));
}

// Generation 4 cleans up unless it is told not to, generation 5 the other way round, and never for
// BPE.
Result<bool> ReadCleanUp(const Json& config, const Model& model, TokenizerClass tokenizer_class,
                         Generation generation) {
  const bool is_4 = generation == Generation::k4;
  const bool by_default = is_4 && !IsLlamaType(tokenizer_class);
  ASSIGN_OR_RETURN(const bool clean_up,
                   OptionalBool(config, "clean_up_tokenization_spaces", by_default, kConfigFile));
  return clean_up && (is_4 || !model.is_bpe());
}

// Two classes of generation 5 add all their special tokens again: Qwen2's with plain flags,
// Cohere's as they are.
Status AddOnceMore(TokenizerClass tokenizer_class, const SpecialTokens& special, const Model& model,
                   AddedTokens& tokens) {
  const bool plain = tokenizer_class == TokenizerClass::kQwen2;
  if (!plain && tokenizer_class != TokenizerClass::kCohere) return OkStatus();
  const auto add = [&](const AddedToken& token) {
    AddedToken again = token;
    if (plain) {
      again = AddedToken();
      again.content = token.content;
    }
    again.special = true;
    return tokens.Add(again, model);
  };
  for (const auto& [attribute, token] : special.named) RETURN_IF_ERROR(add(token));
  for (const AddedToken& token : special.extra) RETURN_IF_ERROR(add(token));
  return OkStatus();
}

Status BuildAddedTokens(TokenizerClass tokenizer_class, Generation generation,
                        const TokenizerFiles& files, const SpecialTokens& special,
                        PipelineParts& parts) {
  AddedTokens& tokens = parts.added_tokens;
  if (!RebuildsPipeline(tokenizer_class, generation)) {
    ASSIGN_OR_RETURN(const auto list, ReadAddedTokenList(files.json.tokenizer));
    for (const auto& [id, token] : list) RETURN_IF_ERROR(tokens.Add(token, *parts.model));
  }
  RETURN_IF_ERROR(AddSpecialTokens(special, *parts.model, generation, tokens));
  if (generation == Generation::k5) {
    RETURN_IF_ERROR(AddOnceMore(tokenizer_class, special, *parts.model, tokens));
  }
  AddedTokens::Options options;
  ASSIGN_OR_RETURN(const bool split_special,
                   OptionalBool(files.json.config, "split_special_tokens", false, kConfigFile));
  options.split_special = split_special && generation == Generation::k5;
  options.decode_normalized = generation == Generation::k5;
  return tokens.Prepare(parts.normalizer.get(), options);
}

std::optional<int32_t> IdOf(const SpecialTokens& special, std::string_view attribute,
                            const PipelineParts& parts) {
  const auto content = special.Content(attribute);
  if (!content) return std::nullopt;
  const auto added = parts.added_tokens.Id(*content);
  return added ? added : parts.model->TokenToId(*content);
}

// The id of a token around every text; nothing for a place without one.
Result<std::optional<int32_t>> IdAround(const TokensAround::Place& place, bool needs_token,
                                        const SpecialTokens& special, const PipelineParts& parts) {
  if (place.attribute.empty()) return std::optional<int32_t>();
  auto id = IdOf(special, place.attribute, parts);
  if (!id) id = place.id_if_null;
  if (!id && needs_token) {
    return InvalidArgument(fmt::format(
        "{}: the tokenizer class or add_{} puts {} around every text, but that token is null",
        kConfigFile, place.attribute, place.attribute));
  }
  if (id && *id >= VocabularyEnd(*parts.model, parts.added_tokens)) {
    return InvalidArgument(
        fmt::format("{}: {} is null, and the id {} that stands for it is outside the vocabulary",
                    kConfigFile, place.attribute, *id));
  }
  return id;
}

Status BuildPostProcessor(TokenizerClass tokenizer_class, Generation generation,
                          const TokenizerFiles& files, const SpecialTokens& special,
                          PipelineParts& parts) {
  ASSIGN_OR_RETURN(
      const auto around,
      FindTokensAround(tokenizer_class, generation, files.json.config, files.has_tokenizer_json));
  if (!around) {
    ASSIGN_OR_RETURN(parts.post_processor,
                     PostProcessor::Read(Component(files.json.tokenizer, "post_processor"),
                                         VocabularyEnd(*parts.model, parts.added_tokens),
                                         "tokenizer.json: post_processor"));
    return OkStatus();
  }
  ASSIGN_OR_RETURN(const auto front, IdAround(around->front, around->needs_tokens, special, parts));
  ASSIGN_OR_RETURN(const auto back, IdAround(around->back, around->needs_tokens, special, parts));
  parts.post_processor = PostProcessor(front, back);
  return OkStatus();
}

// A wrong regular expression of some Mistral repositories that generation 5 can repair.
Status RefuseMistralRepair(const Json& config) {
  ASSIGN_OR_RETURN(const bool fix, OptionalBool(config, "fix_mistral_regex", false, kConfigFile));
  if (!fix) return OkStatus();
  return Unimplemented(
      fmt::format("{}: \"fix_mistral_regex\" is not supported; save the tokenizer with the "
                  "repaired pattern and "
                  "drop the field",
                  kConfigFile));
}

// The files of a repository, its class and the special tokens that both name.
struct Repository {
  TokenizerFiles files;
  TokenizerClass tokenizer_class = TokenizerClass::kAsIs;
  SpecialTokens special;
};

Result<Repository> ReadRepository(const std::string& model_dir, const LoadOptions& options) {
  Repository out;
  TokenizerFiles& files = out.files;
  ASSIGN_OR_RETURN(files, ReadTokenizerFiles(model_dir, options));
  ASSIGN_OR_RETURN(const std::string declared,
                   OptionalString(files.json.config, "tokenizer_class", "", kConfigFile));
  ASSIGN_OR_RETURN(out.tokenizer_class, ChooseClass(options, declared, files.mentions_byte_level));
  if (options.generation == Generation::k5) RETURN_IF_ERROR(RefuseMistralRepair(files.json.config));
  if (!files.has_tokenizer_json) {
    RETURN_IF_ERROR(ConvertTokenizerFiles(out.tokenizer_class, options.generation, files));
  }
  TokenDefaults defaults = ClassTokens(out.tokenizer_class, options.generation);
  if (out.tokenizer_class == TokenizerClass::kAsIs) AddSentencePieceDefaults(files, defaults);
  ASSIGN_OR_RETURN(out.special, ReadSpecialTokens(files.json, defaults, options.generation));
  if (options.generation == Generation::k5) AddSentencePieceTokens(files, out.special);
  RETURN_IF_ERROR(
      AddClassExtras(out.tokenizer_class, options.generation, files.json.config, out.special));
  return out;
}

}  // namespace

Result<RepositoryTokens> ReadRepositoryTokens(const std::string& model_dir,
                                              const LoadOptions& options) {
  ASSIGN_OR_RETURN(Repository repository, ReadRepository(model_dir, options));
  return RepositoryTokens{std::move(repository.special), std::move(repository.files.json.config)};
}

Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::string& model_dir,
                                                 const LoadOptions& options) {
  ASSIGN_OR_RETURN(Repository repository, ReadRepository(model_dir, options));
  TokenizerFiles& files = repository.files;
  const SpecialTokens& special = repository.special;
  const TokenizerClass tokenizer_class = repository.tokenizer_class;
  const Json& config = files.json.config;
  RETURN_IF_ERROR(RewritePipeline(tokenizer_class, special, options.generation, files.json));

  const Json& tokenizer = files.json.tokenizer;
  PipelineParts parts;
  ASSIGN_OR_RETURN(parts.normalizer, ReadNormalizer(Component(tokenizer, "normalizer"),
                                                    "tokenizer.json: normalizer"));
  ASSIGN_OR_RETURN(parts.pre_tokenizer, ReadPreTokenizer(Component(tokenizer, "pre_tokenizer"),
                                                         "tokenizer.json: pre_tokenizer"));
  ASSIGN_OR_RETURN(parts.model, ReadModel(Component(tokenizer, "model"), "tokenizer.json: model"));
  ASSIGN_OR_RETURN(parts.decoder,
                   ReadDecoder(Component(tokenizer, "decoder"), "tokenizer.json: decoder"));
  RETURN_IF_ERROR(BuildAddedTokens(tokenizer_class, options.generation, files, special, parts));
  parts.bos_id = IdOf(special, "bos_token", parts);
  parts.eos_id = IdOf(special, "eos_token", parts);
  RETURN_IF_ERROR(BuildPostProcessor(tokenizer_class, options.generation, files, special, parts));
  ASSIGN_OR_RETURN(parts.clean_up_spaces,
                   ReadCleanUp(config, *parts.model, tokenizer_class, options.generation));
  ASSIGN_OR_RETURN(parts.model_max_length, ReadMaxLength(config));
  parts.infill_mark = InfillMark(tokenizer_class, config);
  parts.digest = files.digest;
  return std::unique_ptr<Tokenizer>(std::make_unique<PipelineTokenizer>(std::move(parts)));
}

}  // namespace koeval::tokenizer
