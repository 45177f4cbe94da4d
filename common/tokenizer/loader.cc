// LoadTokenizer: reads the files of a model repository and builds the pipeline from them.
#include <fmt/core.h>

#include <cmath>
#include <utility>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/pipeline.h"
#include "common/tokenizer/special_tokens.h"
#include "common/tokenizer/tokenizer.h"
#include "common/tokenizer/transformers_rules.h"

namespace koeval::tokenizer {
namespace {

constexpr size_t kFileBytesMax = size_t{256} << 20;
constexpr JsonLimits kJsonLimits = {.depth_max = 32, .bytes_max = kFileBytesMax};
constexpr std::string_view kTokenizerFile = "tokenizer.json";
constexpr std::string_view kConfigFile = "tokenizer_config.json";
constexpr std::string_view kDigestVersion = "koeval-tokenizer-1";

struct Files {
  RepositoryFiles json;
  bool mentions_byte_level = false;
  std::string digest;
};

std::string Join(const std::string& folder, std::string_view name) {
  return fmt::format("{}/{}", folder, name);
}

// NOT_FOUND when there is no tokenizer of any kind, else what is there and what to do.
Status NoTokenizerJson(const std::string& model_dir) {
  for (std::string_view other : {"tokenizer.model", "vocab.json", "spiece.model", "tekken.json"}) {
    if (ReadFile(Join(model_dir, other), kFileBytesMax).ok()) {
      return Unimplemented(fmt::format(
          "{} has {} but no tokenizer.json; load it with AutoTokenizer of transformers and "
          "save_pretrained() to get one",
          model_dir, other));
    }
  }
  return NotFound(
      fmt::format("{} has no tokenizer.json; add the tokenizer to the repository", model_dir));
}

// Reads one file into `json` and the digest; an absent file is null.
Status ReadJsonFile(const std::string& model_dir, std::string_view name, Sha256& digest,
                    Json& json) {
  const auto bytes = ReadFile(Join(model_dir, name), kFileBytesMax);
  if (bytes.status().code() == Code::kNotFound) {
    digest.AddInt(-1);
    return OkStatus();
  }
  if (!bytes.ok()) return bytes.status();
  digest.AddInt(static_cast<int64_t>(bytes->size()));
  digest.Add(*bytes);
  auto parsed = ParseJson(*bytes, kJsonLimits);
  if (!parsed.ok()) return parsed.status().WithContext(name);
  if (!parsed->is_object()) return InvalidArgument(fmt::format("{}: must be an object", name));
  json = std::move(parsed).value();
  return OkStatus();
}

Result<Files> ReadFiles(const std::string& model_dir, const LoadOptions& options) {
  Files files;
  Sha256 digest;
  digest.Add(kDigestVersion);
  digest.AddInt(static_cast<int64_t>(options.generation));
  digest.AddInt(static_cast<int64_t>(options.model_type.size()));
  digest.Add(options.model_type);
  const auto text = ReadFile(Join(model_dir, kTokenizerFile), kFileBytesMax);
  if (text.status().code() == Code::kNotFound) return NoTokenizerJson(model_dir);
  if (!text.ok()) return text.status();
  files.mentions_byte_level = text->find("\"ByteLevel\"") != std::string::npos;
  RETURN_IF_ERROR(ReadJsonFile(model_dir, kTokenizerFile, digest, files.json.tokenizer));
  RETURN_IF_ERROR(ReadJsonFile(model_dir, kConfigFile, digest, files.json.config));
  RETURN_IF_ERROR(
      ReadJsonFile(model_dir, "special_tokens_map.json", digest, files.json.special_tokens));
  RETURN_IF_ERROR(ReadJsonFile(model_dir, "added_tokens.json", digest, files.json.added_tokens));
  files.digest = digest.FinishHex();
  return files;
}

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
  const bool by_default = is_4 && tokenizer_class != TokenizerClass::kLlama &&
                          tokenizer_class != TokenizerClass::kGemma &&
                          tokenizer_class != TokenizerClass::kCohere;
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

Status BuildAddedTokens(TokenizerClass tokenizer_class, Generation generation, const Files& files,
                        const SpecialTokens& special, PipelineParts& parts) {
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

Status BuildPostProcessor(TokenizerClass tokenizer_class, Generation generation, const Files& files,
                          PipelineParts& parts) {
  ASSIGN_OR_RETURN(const auto around,
                   FindGeneration4Template(tokenizer_class, generation, files.json.config));
  if (!around) {
    ASSIGN_OR_RETURN(parts.post_processor,
                     PostProcessor::Read(Component(files.json.tokenizer, "post_processor"),
                                         VocabularyEnd(*parts.model, parts.added_tokens),
                                         "tokenizer.json: post_processor"));
    return OkStatus();
  }
  if ((around->add_bos && !parts.bos_id) || (around->add_eos && !parts.eos_id)) {
    return InvalidArgument(fmt::format(
        "{}: add_bos_token or add_eos_token is true, but the token itself is null", kConfigFile));
  }
  parts.post_processor = PostProcessor(around->add_bos ? parts.bos_id : std::nullopt,
                                       around->add_eos ? parts.eos_id : std::nullopt);
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

}  // namespace

Result<std::unique_ptr<Tokenizer>> LoadTokenizer(const std::string& model_dir,
                                                 const LoadOptions& options) {
  ASSIGN_OR_RETURN(Files files, ReadFiles(model_dir, options));
  const Json& config = files.json.config;
  ASSIGN_OR_RETURN(const std::string declared,
                   OptionalString(config, "tokenizer_class", "", kConfigFile));
  ASSIGN_OR_RETURN(const TokenizerClass tokenizer_class,
                   ChooseClass(options, declared, files.mentions_byte_level));
  if (options.generation == Generation::k5) RETURN_IF_ERROR(RefuseMistralRepair(config));
  ASSIGN_OR_RETURN(const SpecialTokens special,
                   ReadSpecialTokens(files.json, ClassTokens(tokenizer_class, options.generation),
                                     options.generation));
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
  RETURN_IF_ERROR(BuildPostProcessor(tokenizer_class, options.generation, files, parts));
  ASSIGN_OR_RETURN(parts.clean_up_spaces,
                   ReadCleanUp(config, *parts.model, tokenizer_class, options.generation));
  ASSIGN_OR_RETURN(parts.model_max_length, ReadMaxLength(config));
  parts.digest = files.digest;
  return std::unique_ptr<Tokenizer>(std::make_unique<PipelineTokenizer>(std::move(parts)));
}

}  // namespace koeval::tokenizer
