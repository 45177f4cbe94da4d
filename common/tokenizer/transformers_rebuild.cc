// The pipelines that tokenizer classes of transformers build anew from a vocabulary.
//
// Source of the components: transformers 5.23, the __init__ of each class under models/; for
// generation 4 the classes ending in "Fast" of transformers 4.36.
#include <fmt/core.h>

#include <algorithm>

#include "common/tokenizer/components.h"
#include "common/tokenizer/fast_pattern.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/transformers_rules.h"

namespace koeval::tokenizer {
namespace {

constexpr std::string_view kConfigFile = "tokenizer_config.json";

// The options of the BPE model that a class builds from vocabulary and merges.
void SetBpeOptions(Json& model, bool fuse_unk, bool byte_fallback, Json unk_token) {
  model["type"] = "BPE";
  model["unk_token"] = std::move(unk_token);
  model["continuing_subword_prefix"] = nullptr;
  model["end_of_word_suffix"] = nullptr;
  model["fuse_unk"] = fuse_unk;
  model["byte_fallback"] = byte_fallback;
  model["ignore_merges"] = false;
  model["dropout"] = nullptr;
}

Json UnknownToken(const SpecialTokens& special) {
  const auto unk = special.Content("unk_token");
  return unk ? Json(*unk) : Json(nullptr);
}

Json MetaspaceComponent(std::string_view scheme, bool split) {
  Json out = TypedComponent("Metaspace");
  out["replacement"] = kMetaspaceText;
  out["prepend_scheme"] = scheme;
  out["split"] = split;
  return out;
}

void SetLlamaDecoder(bool strips, Json& tokenizer) {
  std::vector<Json> decoders = {ReplaceComponent(kMetaspaceText, " "),
                                TypedComponent("ByteFallback"), TypedComponent("Fuse")};
  if (strips) decoders.push_back(StripComponent(" ", 1, 0));
  tokenizer["decoder"] = SequenceComponent("decoders", std::move(decoders));
}

// Metaspace instead of a normalizer; the scheme depends on "legacy" and "add_prefix_space".
Status RewriteLlama(const Json& config, Json& tokenizer) {
  ASSIGN_OR_RETURN(const bool prefix, OptionalBool(config, "add_prefix_space", true, kConfigFile));
  ASSIGN_OR_RETURN(const bool legacy, OptionalBool(config, "legacy", false, kConfigFile));
  SetBpeOptions(tokenizer["model"], true, true, nullptr);
  tokenizer["normalizer"] = nullptr;
  tokenizer["pre_tokenizer"] =
      MetaspaceComponent(!prefix ? "never" : (legacy ? "always" : "first"), false);
  SetLlamaDecoder(prefix, tokenizer);
  return OkStatus();
}

// As Llama's without "legacy", with the unknown token and a decoder that does not depend on
// "add_prefix_space".
Status RewriteCodeLlama(const SpecialTokens& special, const Json& config, Json& tokenizer) {
  ASSIGN_OR_RETURN(const bool prefix, OptionalBool(config, "add_prefix_space", true, kConfigFile));
  SetBpeOptions(tokenizer["model"], true, true, UnknownToken(special));
  tokenizer["normalizer"] = nullptr;
  tokenizer["pre_tokenizer"] = MetaspaceComponent(prefix ? "first" : "never", false);
  SetLlamaDecoder(true, tokenizer);
  return OkStatus();
}

void RewriteGemma(const SpecialTokens& special, Json& tokenizer) {
  SetBpeOptions(tokenizer["model"], true, true, UnknownToken(special));
  tokenizer["normalizer"] = ReplaceComponent(" ", kMetaspaceText);
  tokenizer["pre_tokenizer"] = SplitComponent("String", " ", "MergedWithPrevious");
  tokenizer["decoder"] =
      SequenceComponent("decoders", {ReplaceComponent(kMetaspaceText, " "),
                                     TypedComponent("ByteFallback"), TypedComponent("Fuse")});
}

// The byte-level classes differ in normalizer and pre-tokenizer.
Status RewriteByteLevel(TokenizerClass tokenizer_class, const Json& config, Json& tokenizer) {
  ASSIGN_OR_RETURN(const bool prefix, OptionalBool(config, "add_prefix_space", false, kConfigFile));
  SetBpeOptions(tokenizer["model"], false, false, nullptr);
  const bool normalizes =
      tokenizer_class != TokenizerClass::kGpt2 && tokenizer_class != TokenizerClass::kRoberta;
  tokenizer["normalizer"] = normalizes ? TypedComponent("NFC") : Json(nullptr);
  tokenizer["decoder"] = ByteLevelComponent(true, true);
  switch (tokenizer_class) {
    case TokenizerClass::kQwen2:
    case TokenizerClass::kQwen3_5: {
      const std::string_view pattern =
          tokenizer_class == TokenizerClass::kQwen2 ? kQwen2Pattern : kQwen3_5Pattern;
      tokenizer["pre_tokenizer"] = SequenceComponent(
          "pretokenizers",
          {SplitComponent("Regex", pattern, "Isolated"), ByteLevelComponent(prefix, false)});
      break;
    }
    case TokenizerClass::kCohere: {
      Json digits = TypedComponent("Digits");
      digits["individual_digits"] = true;
      tokenizer["pre_tokenizer"] =
          SequenceComponent("pretokenizers", {std::move(digits), ByteLevelComponent(prefix, true)});
      break;
    }
    default:
      tokenizer["pre_tokenizer"] = ByteLevelComponent(prefix, true);
  }
  // This class puts its own post-processor in, which adds nothing.
  if (tokenizer_class == TokenizerClass::kGptNeoX) tokenizer["post_processor"] = nullptr;
  return OkStatus();
}

// The first compiled charsmap of the file's normalizer, at its top or in the Sequence there; null
// when there is none.
Json CharsmapOf(const Json& tokenizer) {
  const Json* normalizer = JsonFind(tokenizer, "normalizer");
  if (normalizer == nullptr) return nullptr;
  const auto is_charsmap = [](const Json& component) {
    const Json* type = JsonFind(component, "type");
    return type != nullptr && *type == "Precompiled" &&
           JsonFind(component, "precompiled_charsmap") != nullptr;
  };
  if (is_charsmap(*normalizer)) return *normalizer;
  const Json* list = JsonFind(*normalizer, "normalizers");
  if (list == nullptr || !list->is_array()) return nullptr;
  const auto found = std::find_if(list->begin(), list->end(), is_charsmap);
  return found == list->end() ? Json(nullptr) : *found;
}

void SetUnigramOptions(Json& model, int64_t unk_id) {
  model["type"] = "Unigram";
  model["unk_id"] = unk_id;
  model["byte_fallback"] = false;
}

// The id of the unknown token is a number of the class, whatever the file has there.
Status RewriteXglm(const Json& config, Json& tokenizer) {
  ASSIGN_OR_RETURN(const bool prefix, OptionalBool(config, "add_prefix_space", true, kConfigFile));
  SetUnigramOptions(tokenizer["model"], 3);
  std::vector<Json> normalizers;
  Json charsmap = CharsmapOf(tokenizer);
  if (!charsmap.is_null()) normalizers.push_back(std::move(charsmap));
  Json spaces = TypedComponent("Replace");
  spaces["pattern"]["Regex"] = " {2,}";
  spaces["content"] = " ";
  normalizers.push_back(std::move(spaces));
  tokenizer["normalizer"] = SequenceComponent("normalizers", std::move(normalizers));
  const std::string_view scheme = prefix ? "always" : "never";
  tokenizer["pre_tokenizer"] = MetaspaceComponent(scheme, true);
  tokenizer["decoder"] = MetaspaceComponent(scheme, true);
  return OkStatus();
}

void RewriteT5(Json& tokenizer) {
  SetUnigramOptions(tokenizer["model"], 2);
  tokenizer["normalizer"] = CharsmapOf(tokenizer);
  tokenizer["pre_tokenizer"] = SequenceComponent(
      "pretokenizers", {TypedComponent("WhitespaceSplit"), MetaspaceComponent("always", true)});
  tokenizer["decoder"] = MetaspaceComponent("always", true);
}

// The settings of BERT's normalizer that tokenizer_config.json has.
Status SetBertNormalizer(const Json& config, Json& normalizer) {
  ASSIGN_OR_RETURN(const bool lowercase, OptionalBool(config, "do_lower_case", true, kConfigFile));
  ASSIGN_OR_RETURN(const bool chinese,
                   OptionalBool(config, "tokenize_chinese_chars", true, kConfigFile));
  normalizer["strip_accents"] = nullptr;  // as "lowercase" is
  if (JsonFind(config, "strip_accents") != nullptr) {
    ASSIGN_OR_RETURN(normalizer["strip_accents"],
                     OptionalBool(config, "strip_accents", false, kConfigFile));
  }
  normalizer["lowercase"] = lowercase;
  normalizer["handle_chinese_chars"] = chinese;
  return OkStatus();
}

Status RewriteBert(const SpecialTokens& special, const Json& config, Json& tokenizer) {
  Json& model = tokenizer["model"];
  model["type"] = "WordPiece";
  model["unk_token"] = special.Content("unk_token").value_or("None");
  model["continuing_subword_prefix"] = "##";
  model["max_input_chars_per_word"] = 100;
  tokenizer["normalizer"] = TypedComponent("BertNormalizer");
  tokenizer["normalizer"]["clean_text"] = true;
  RETURN_IF_ERROR(SetBertNormalizer(config, tokenizer["normalizer"]));
  tokenizer["pre_tokenizer"] = TypedComponent("BertPreTokenizer");
  tokenizer["decoder"] = TypedComponent("WordPiece");
  tokenizer["decoder"]["prefix"] = "##";
  tokenizer["decoder"]["cleanup"] = true;
  return OkStatus();
}

// Generation 4 sets add_prefix_space of a pre-tokenizer that has it from tokenizer_config.json.
Status SetPrefixSpace(const Json& config, Json& tokenizer) {
  ASSIGN_OR_RETURN(const bool prefix, OptionalBool(config, "add_prefix_space", false, kConfigFile));
  const Json* found = JsonFind(tokenizer, "pre_tokenizer");
  if (found == nullptr || JsonFind(*found, "add_prefix_space") == nullptr) return OkStatus();
  Json& pre_tokenizer = tokenizer["pre_tokenizer"];
  pre_tokenizer["add_prefix_space"] = prefix;
  if (!prefix && JsonFind(pre_tokenizer, "prepend_scheme") != nullptr) {
    pre_tokenizer["prepend_scheme"] = "never";
  }
  return OkStatus();
}

// What generation 4 changes in the components of tokenizer.json.
Status SetComponents4(TokenizerClass tokenizer_class, const Json& config, Json& tokenizer) {
  switch (tokenizer_class) {
    case TokenizerClass::kGpt2:
    case TokenizerClass::kGptNeoX:
    case TokenizerClass::kRoberta:
      return SetPrefixSpace(config, tokenizer);
    case TokenizerClass::kBert: {
      const Json* normalizer = JsonFind(tokenizer, "normalizer");
      const Json* type = normalizer == nullptr ? nullptr : JsonFind(*normalizer, "type");
      if (type == nullptr || *type != "BertNormalizer") return OkStatus();
      return SetBertNormalizer(config, tokenizer["normalizer"]);
    }
    default:
      return OkStatus();
  }
}

// The class takes the vocabulary over, which must be of its kind of model.
Status CheckModel(TokenizerClass tokenizer_class, const Json& tokenizer) {
  const Json* model = JsonFind(tokenizer, "model");
  const Json* vocab = model == nullptr ? nullptr : JsonFind(*model, "vocab");
  std::string_view kind, lack;
  switch (tokenizer_class) {
    case TokenizerClass::kT5:
    case TokenizerClass::kXglm:
      kind = "a Unigram";
      if (vocab == nullptr || !vocab->is_array()) lack = "list of pieces with scores";
      break;
    case TokenizerClass::kBert:
      kind = "a WordPiece";
      if (vocab == nullptr || !vocab->is_object()) lack = "vocabulary of words with ids";
      break;
    default:
      kind = "a BPE";
      if (model == nullptr || JsonFind(*model, "merges") == nullptr) lack = "merges";
  }
  if (lack.empty()) return OkStatus();
  return Unimplemented(fmt::format(
      "tokenizer.json: the declared tokenizer class builds {} model, but \"model\" has no {}; set "
      "tokenizer_class of tokenizer_config.json to \"PreTrainedTokenizerFast\"",
      kind, lack));
}

}  // namespace

bool RebuildsPipeline(TokenizerClass tokenizer_class, Generation generation) {
  return generation == Generation::k5 && tokenizer_class != TokenizerClass::kAsIs;
}

Status RewritePipeline(TokenizerClass tokenizer_class, const SpecialTokens& special,
                       Generation generation, RepositoryFiles& files) {
  Json& tokenizer = files.tokenizer;
  if (!RebuildsPipeline(tokenizer_class, generation)) {
    return SetComponents4(tokenizer_class, files.config, tokenizer);
  }
  RETURN_IF_ERROR(CheckModel(tokenizer_class, tokenizer));
  switch (tokenizer_class) {
    case TokenizerClass::kLlama:
      return RewriteLlama(files.config, tokenizer);
    case TokenizerClass::kCodeLlama:
      return RewriteCodeLlama(special, files.config, tokenizer);
    case TokenizerClass::kXglm:
      return RewriteXglm(files.config, tokenizer);
    case TokenizerClass::kT5:
      RewriteT5(tokenizer);
      return OkStatus();
    case TokenizerClass::kBert:
      return RewriteBert(special, files.config, tokenizer);
    case TokenizerClass::kGemma:
      RewriteGemma(special, tokenizer);
      return OkStatus();
    default:
      return RewriteByteLevel(tokenizer_class, files.config, tokenizer);
  }
}

}  // namespace koeval::tokenizer
