// The rules of transformers 5.23 (models/auto/tokenization_auto.py and the tokenizer classes) and
// of generation 4 (models/llama/tokenization_llama_fast.py and its kin), as facts in tables.
#include "common/tokenizer/transformers_rules.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "common/tokenizer/components.h"
#include "common/tokenizer/fast_pattern.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/model.h"
#include "common/tokenizer/transformers_tables.h"

namespace koeval::tokenizer {
namespace {

constexpr std::string_view kBackend = "TokenizersBackend";
struct KnownClass {
  std::string_view name;  // without "Fast"
  TokenizerClass tokenizer_class;
};
constexpr std::array kKnown = {
    KnownClass{"LlamaTokenizer", TokenizerClass::kLlama},
    KnownClass{"GemmaTokenizer", TokenizerClass::kGemma},
    KnownClass{"GPTNeoXTokenizer", TokenizerClass::kGptNeoX},
    KnownClass{"GPT2Tokenizer", TokenizerClass::kGpt2},
    KnownClass{"CodeGenTokenizer", TokenizerClass::kGpt2},
    KnownClass{"Qwen2Tokenizer", TokenizerClass::kQwen2},
    KnownClass{"Qwen3_5Tokenizer", TokenizerClass::kQwen3_5},
    KnownClass{"CohereTokenizer", TokenizerClass::kCohere},
};

std::string_view WithoutFast(std::string_view name) {
  if (name.ends_with("Fast")) name.remove_suffix(4);
  return name;
}

// Names that mean tokenizer.json as it is.
bool IsPlain(std::string_view name) {
  return name.empty() || name == kBackend || name == "PreTrainedTokenizer" ||
         name == "PythonBackend" || name == "BloomTokenizer";
}

// The class name that generation 5 ends up with, without "Fast".
std::string_view ClassName5(std::string_view model_type, std::string_view declared,
                            bool mentions_byte_level) {
  const std::string_view name = WithoutFast(declared);
  const bool declared_is_wrong = IsDeclaredClassWrong(model_type);
  const std::string_view registered = RegisteredClass5(model_type);
  if (name.empty()) return registered;
  if (name == "LlamaTokenizer" && mentions_byte_level && !declared_is_wrong) return kBackend;
  if (registered.empty() || registered == name) return name;
  if (registered == kBackend) return kBackend;
  return declared_is_wrong ? registered : name;
}

// The options of the BPE model that a class builds from vocabulary and merges.
void SetBpeOptions(Json& model, bool fuse_unk, bool byte_fallback, Json unk_token) {
  model["type"] = "BPE";
  model["unk_token"] = std::move(unk_token);
  model["continuing_subword_prefix"] = nullptr;
  model["end_of_word_suffix"] = nullptr;
  model["fuse_unk"] = fuse_unk;
  model["byte_fallback"] = byte_fallback;
  model["ignore_merges"] = false;
}

// Metaspace instead of a normalizer; the scheme depends on "legacy" and "add_prefix_space".
Status RewriteLlama(const Json& config, Json& tokenizer) {
  constexpr std::string_view kWhere = "tokenizer_config.json";
  ASSIGN_OR_RETURN(const bool prefix, OptionalBool(config, "add_prefix_space", true, kWhere));
  ASSIGN_OR_RETURN(const bool legacy, OptionalBool(config, "legacy", false, kWhere));
  SetBpeOptions(tokenizer["model"], true, true, nullptr);
  tokenizer["normalizer"] = nullptr;
  Json metaspace = TypedComponent("Metaspace");
  metaspace["replacement"] = kMetaspaceText;
  metaspace["prepend_scheme"] = !prefix ? "never" : (legacy ? "always" : "first");
  metaspace["split"] = false;
  tokenizer["pre_tokenizer"] = std::move(metaspace);
  std::vector<Json> decoders = {ReplaceComponent(kMetaspaceText, " "),
                                TypedComponent("ByteFallback"), TypedComponent("Fuse")};
  if (prefix) {
    decoders.push_back(StripComponent(" ", 1, 0));
  }
  tokenizer["decoder"] = SequenceComponent("decoders", std::move(decoders));
  return OkStatus();
}

void RewriteGemma(const SpecialTokens& special, Json& tokenizer) {
  const auto unk = special.Content("unk_token");
  SetBpeOptions(tokenizer["model"], true, true, unk ? Json(*unk) : Json(nullptr));
  tokenizer["normalizer"] = ReplaceComponent(" ", kMetaspaceText);
  tokenizer["pre_tokenizer"] = SplitComponent("String", " ", "MergedWithPrevious");
  tokenizer["decoder"] =
      SequenceComponent("decoders", {ReplaceComponent(kMetaspaceText, " "),
                                     TypedComponent("ByteFallback"), TypedComponent("Fuse")});
}

// The byte-level classes differ in normalizer and pre-tokenizer.
Status RewriteByteLevel(TokenizerClass tokenizer_class, const Json& config, Json& tokenizer) {
  ASSIGN_OR_RETURN(const bool prefix,
                   OptionalBool(config, "add_prefix_space", false, "tokenizer_config.json"));
  SetBpeOptions(tokenizer["model"], false, false, nullptr);
  tokenizer["normalizer"] =
      tokenizer_class == TokenizerClass::kGpt2 ? Json(nullptr) : TypedComponent("NFC");
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

// Generation 4 sets add_prefix_space of a pre-tokenizer that has it from tokenizer_config.json.
Status SetPrefixSpace(const Json& config, Json& tokenizer) {
  ASSIGN_OR_RETURN(const bool prefix,
                   OptionalBool(config, "add_prefix_space", false, "tokenizer_config.json"));
  const Json* found = JsonFind(tokenizer, "pre_tokenizer");
  if (found == nullptr || JsonFind(*found, "add_prefix_space") == nullptr) return OkStatus();
  Json& pre_tokenizer = tokenizer["pre_tokenizer"];
  pre_tokenizer["add_prefix_space"] = prefix;
  if (!prefix && JsonFind(pre_tokenizer, "prepend_scheme") != nullptr) {
    pre_tokenizer["prepend_scheme"] = "never";
  }
  return OkStatus();
}

}  // namespace

Result<TokenizerClass> ChooseClass(const LoadOptions& options, const std::string& declared,
                                   bool mentions_byte_level) {
  const bool is_5 = options.generation == Generation::k5;
  std::string_view name = WithoutFast(declared);
  if (is_5) {
    name = ClassName5(options.model_type, declared, mentions_byte_level);
  } else if (name.empty()) {
    name = RegisteredClass4(options.model_type);
  }
  if (IsPlain(name)) return TokenizerClass::kAsIs;
  for (const KnownClass& known : kKnown) {
    if (known.name == name) return known.tokenizer_class;
  }
  if (name == "CodeLlamaTokenizer" && !is_5) return TokenizerClass::kLlama;
  if (is_5 && IsUnsupportedClass5(name)) {
    return Unimplemented(fmt::format(
        "tokenizer_config.json: transformers 5 builds the pipeline of tokenizer_class \"{}\" anew, "
        "which is not supported; if tokenizer.json is complete, set tokenizer_class to "
        "\"PreTrainedTokenizerFast\"",
        name));
  }
  return TokenizerClass::kAsIs;
}

TokenDefaults ClassTokens(TokenizerClass tokenizer_class, Generation generation) {
  const bool is_5 = generation == Generation::k5;
  constexpr std::string_view kEndOfText = "<|endoftext|>";
  switch (tokenizer_class) {
    case TokenizerClass::kAsIs:
      return {};
    case TokenizerClass::kLlama:
      return {{"unk_token", "<unk>"}, {"bos_token", "<s>"}, {"eos_token", "</s>"}};
    case TokenizerClass::kGemma: {
      TokenDefaults out = {{"unk_token", "<unk>"},
                           {"bos_token", "<bos>"},
                           {"eos_token", "<eos>"},
                           {"pad_token", "<pad>"}};
      if (is_5) out.emplace_back("mask_token", "<mask>");
      return out;
    }
    case TokenizerClass::kGptNeoX: {
      TokenDefaults out = {
          {"unk_token", kEndOfText}, {"bos_token", kEndOfText}, {"eos_token", kEndOfText}};
      if (is_5) out.emplace_back("pad_token", "<|padding|>");
      return out;
    }
    case TokenizerClass::kGpt2:
      return {{"unk_token", kEndOfText}, {"bos_token", kEndOfText}, {"eos_token", kEndOfText}};
    case TokenizerClass::kQwen2:
    case TokenizerClass::kQwen3_5:
      return {{"unk_token", kEndOfText}, {"eos_token", kEndOfText}, {"pad_token", kEndOfText}};
    case TokenizerClass::kCohere: {
      TokenDefaults out = {{"unk_token", "<UNK>"},
                           {"bos_token", "<BOS_TOKEN>"},
                           {"eos_token", "<|END_OF_TURN_TOKEN|>"}};
      if (is_5) {
        out.insert(out.end(), {{"pad_token", "<PAD>"},
                               {"cls_token", "<CLS>"},
                               {"sep_token", "<SEP>"},
                               {"mask_token", "<MASK_TOKEN>"}});
      }
      return out;
    }
  }
  return {};
}

bool RebuildsPipeline(TokenizerClass tokenizer_class, Generation generation) {
  return generation == Generation::k5 && tokenizer_class != TokenizerClass::kAsIs;
}

Status RewritePipeline(TokenizerClass tokenizer_class, const SpecialTokens& special,
                       Generation generation, RepositoryFiles& files) {
  Json& tokenizer = files.tokenizer;
  if (!RebuildsPipeline(tokenizer_class, generation)) {
    const bool byte_level =
        tokenizer_class == TokenizerClass::kGpt2 || tokenizer_class == TokenizerClass::kGptNeoX;
    return byte_level ? SetPrefixSpace(files.config, tokenizer) : OkStatus();
  }
  const Json* model = JsonFind(tokenizer, "model");
  if (model == nullptr || JsonFind(*model, "merges") == nullptr) {
    return Unimplemented(
        "tokenizer.json: the declared tokenizer class builds a BPE model, but the file has no "
        "merges; set tokenizer_class of tokenizer_config.json to \"PreTrainedTokenizerFast\"");
  }
  switch (tokenizer_class) {
    case TokenizerClass::kLlama:
      return RewriteLlama(files.config, tokenizer);
    case TokenizerClass::kGemma:
      RewriteGemma(special, tokenizer);
      return OkStatus();
    default:
      return RewriteByteLevel(tokenizer_class, files.config, tokenizer);
  }
}

Result<std::optional<BosEosTemplate>> FindBosEosTemplate(TokenizerClass tokenizer_class,
                                                         Generation generation, const Json& config,
                                                         bool has_tokenizer_json) {
  constexpr std::string_view kWhere = "tokenizer_config.json";
  const bool is_4 = generation == Generation::k4;
  const bool llama_type = tokenizer_class == TokenizerClass::kLlama ||
                          tokenizer_class == TokenizerClass::kGemma ||
                          tokenizer_class == TokenizerClass::kCohere;
  const bool counts = is_4 ? llama_type || !has_tokenizer_json : !has_tokenizer_json;
  if (!counts) return std::optional<BosEosTemplate>();
  BosEosTemplate out;
  out.needs_tokens = is_4;
  ASSIGN_OR_RETURN(out.add_bos, OptionalBool(config, "add_bos_token", is_4 && llama_type, kWhere));
  if (!is_4 || llama_type) {
    ASSIGN_OR_RETURN(out.add_eos, OptionalBool(config, "add_eos_token", false, kWhere));
  }
  return std::optional<BosEosTemplate>(out);
}

}  // namespace koeval::tokenizer
