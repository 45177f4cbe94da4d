// The rules of transformers 5.23 (models/auto/tokenization_auto.py and the tokenizer classes) and
// of generation 4 (models/llama/tokenization_llama_fast.py and its kin), as facts in tables.
#include "common/tokenizer/transformers_rules.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "common/tokenizer/fast_pattern.h"
#include "common/tokenizer/fields.h"
#include "common/tokenizer/model.h"

namespace koeval::tokenizer {
namespace {

constexpr std::string_view kBackend = "TokenizersBackend";
using Entry = std::pair<std::string_view, std::string_view>;

// The class that generation 5 registers for a model type. Types that are absent have none.
constexpr std::array kRegistered = {
    Entry{"bloom", kBackend},
    Entry{"code_llama", "CodeLlamaTokenizer"},
    Entry{"codegen", "GPT2Tokenizer"},
    Entry{"cohere", "CohereTokenizer"},
    Entry{"cohere2", "CohereTokenizer"},
    Entry{"dbrx", "GPT2Tokenizer"},
    Entry{"falcon_mamba", "GPTNeoXTokenizer"},
    Entry{"flex_olmo", kBackend},
    Entry{"gemma", "GemmaTokenizer"},
    Entry{"gemma2", "GemmaTokenizer"},
    Entry{"gemma3", "GemmaTokenizer"},
    Entry{"gemma3_text", "GemmaTokenizer"},
    Entry{"gemma3n", "GemmaTokenizer"},
    Entry{"gemma3n_text", "GemmaTokenizer"},
    Entry{"glm", kBackend},
    Entry{"glm4", kBackend},
    Entry{"glm4_moe", kBackend},
    Entry{"gpt2", "GPT2Tokenizer"},
    Entry{"gpt_bigcode", kBackend},
    Entry{"gpt_neo", "GPT2Tokenizer"},
    Entry{"gpt_neox", "GPTNeoXTokenizer"},
    Entry{"gptj", "GPT2Tokenizer"},
    Entry{"granite", kBackend},
    Entry{"granitemoe", kBackend},
    Entry{"granitemoehybrid", kBackend},
    Entry{"granitemoeshared", kBackend},
    Entry{"jais2", "GPT2Tokenizer"},
    Entry{"mamba", "GPTNeoXTokenizer"},
    Entry{"mamba2", "GPTNeoXTokenizer"},
    Entry{"ministral", kBackend},
    Entry{"ministral3", kBackend},
    Entry{"mistral", kBackend},
    Entry{"mistral3", kBackend},
    Entry{"mixtral", kBackend},
    Entry{"mpt", "GPTNeoXTokenizer"},
    Entry{"olmo", "GPTNeoXTokenizer"},
    Entry{"olmo2", kBackend},
    Entry{"olmo3", kBackend},
    Entry{"olmo_hybrid", kBackend},
    Entry{"olmoe", "GPTNeoXTokenizer"},
    Entry{"opt", "GPT2Tokenizer"},
    Entry{"persimmon", kBackend},
    Entry{"phi", "GPT2Tokenizer"},
    Entry{"qwen2", "Qwen2Tokenizer"},
    Entry{"qwen2_moe", "Qwen2Tokenizer"},
    Entry{"qwen3", "Qwen2Tokenizer"},
    Entry{"qwen3_5", "Qwen3_5Tokenizer"},
    Entry{"qwen3_5_moe", "Qwen3_5Tokenizer"},
    Entry{"qwen3_5_text", "Qwen3_5Tokenizer"},
    Entry{"qwen3_moe", "Qwen2Tokenizer"},
    Entry{"qwen3_next", "Qwen2Tokenizer"},
    Entry{"recurrent_gemma", "GemmaTokenizer"},
    Entry{"rwkv", "GPTNeoXTokenizer"},
    Entry{"stablelm", kBackend},
    Entry{"starcoder2", "GPT2Tokenizer"},
    Entry{"t5", "T5Tokenizer"},
    Entry{"xglm", "XGLMTokenizer"},
    Entry{"xlstm", "GPTNeoXTokenizer"},
};

// Model types whose repositories are known to declare a wrong class: the registered one wins, and
// without one tokenizer.json is taken as it is.
constexpr auto kDeclaredIsWrong = std::to_array<std::string_view>(
    {"arctic",      "chatlm", "ernie4_5", "ernie4_5_moe", "hyperclovax",  "internlm2", "internlm3",
     "iquestcoder", "jamba",  "minicpm3", "minimax_m2",   "modernbert",   "nemotron",  "phi3",
     "phimoe",      "qwen2",  "qwen3_5",  "qwen3_5_moe",  "qwen3_5_text", "step3_vl"});

// What generation 4 takes for a model type when tokenizer_config.json declares nothing.
constexpr std::array kRegistered4 = {
    Entry{"codegen", "CodeGenTokenizer"},  Entry{"cohere", "CohereTokenizer"},
    Entry{"gemma", "GemmaTokenizer"},      Entry{"gemma2", "GemmaTokenizer"},
    Entry{"gpt2", "GPT2Tokenizer"},        Entry{"gpt_neo", "GPT2Tokenizer"},
    Entry{"gpt_neox", "GPTNeoXTokenizer"}, Entry{"gptj", "GPT2Tokenizer"},
    Entry{"llama", "LlamaTokenizer"},      Entry{"mistral", "LlamaTokenizer"},
    Entry{"mixtral", "LlamaTokenizer"},    Entry{"opt", "GPT2Tokenizer"},
    Entry{"phi", "CodeGenTokenizer"},
};

struct KnownClass {
  std::string_view name;  // without "Fast"
  TokenizerClass tokenizer_class;
};
constexpr std::array kKnown = {
    KnownClass{"LlamaTokenizer", TokenizerClass::kLlama},
    KnownClass{"GemmaTokenizer", TokenizerClass::kGemma},
    KnownClass{"GPTNeoXTokenizer", TokenizerClass::kGptNeoX},
    KnownClass{"GPT2Tokenizer", TokenizerClass::kGpt2},
    KnownClass{"Qwen2Tokenizer", TokenizerClass::kQwen2},
    KnownClass{"Qwen3_5Tokenizer", TokenizerClass::kQwen3_5},
    KnownClass{"CohereTokenizer", TokenizerClass::kCohere},
};

// Classes of generation 5 that build their own pipeline, or run in Python, and are not done here.
constexpr auto kUnsupported = std::to_array<std::string_view>({"AlbertTokenizer",
                                                               "BartTokenizer",
                                                               "BarthezTokenizer",
                                                               "BartphoTokenizer",
                                                               "BertGenerationTokenizer",
                                                               "BertJapaneseTokenizer",
                                                               "BertTokenizer",
                                                               "BertweetTokenizer",
                                                               "BigBirdTokenizer",
                                                               "BioGptTokenizer",
                                                               "BlenderbotSmallTokenizer",
                                                               "BlenderbotTokenizer",
                                                               "ByT5Tokenizer",
                                                               "CLIPTokenizer",
                                                               "CTRLTokenizer",
                                                               "CamembertTokenizer",
                                                               "CanineTokenizer",
                                                               "CodeGenTokenizer",
                                                               "CodeLlamaTokenizer",
                                                               "CpmAntTokenizer",
                                                               "CpmTokenizer",
                                                               "DebertaTokenizer",
                                                               "DebertaV2Tokenizer",
                                                               "DiaTokenizer",
                                                               "DistilBertTokenizer",
                                                               "EsmTokenizer",
                                                               "EsmcTokenizer",
                                                               "FSMTTokenizer",
                                                               "FlaubertTokenizer",
                                                               "FunnelTokenizer",
                                                               "GPTNeoXJapaneseTokenizer",
                                                               "GPTSw3Tokenizer",
                                                               "HerbertTokenizer",
                                                               "LEDTokenizer",
                                                               "LasrTokenizer",
                                                               "LayoutLMv2Tokenizer",
                                                               "LayoutLMv3Tokenizer",
                                                               "LayoutXLMTokenizer",
                                                               "LukeTokenizer",
                                                               "LxmertTokenizer",
                                                               "M2M100Tokenizer",
                                                               "MBart50Tokenizer",
                                                               "MBartTokenizer",
                                                               "MLukeTokenizer",
                                                               "MPNetTokenizer",
                                                               "MarianTokenizer",
                                                               "MarkupLMTokenizer",
                                                               "MobileBertTokenizer",
                                                               "MvpTokenizer",
                                                               "NllbTokenizer",
                                                               "NougatTokenizer",
                                                               "OpenAIGPTTokenizer",
                                                               "PLBartTokenizer",
                                                               "PegasusTokenizer",
                                                               "PerceiverTokenizer",
                                                               "PhobertTokenizer",
                                                               "ProphetNetTokenizer",
                                                               "ReformerTokenizer",
                                                               "RemBertTokenizer",
                                                               "RoFormerTokenizer",
                                                               "RobertaTokenizer",
                                                               "SeamlessM4TTokenizer",
                                                               "Siglip2Tokenizer",
                                                               "SiglipTokenizer",
                                                               "Speech2TextTokenizer",
                                                               "SplinterTokenizer",
                                                               "SqueezeBertTokenizer",
                                                               "T5Tokenizer",
                                                               "TapasTokenizer",
                                                               "UdopTokenizer",
                                                               "WhisperTokenizer",
                                                               "XGLMTokenizer",
                                                               "XLMRobertaTokenizer",
                                                               "XLMTokenizer",
                                                               "XLNetTokenizer"});

template <typename Table>
std::string_view Lookup(const Table& table, std::string_view key) {
  const auto it = std::find_if(table.begin(), table.end(),
                               [&](const auto& entry) { return entry.first == key; });
  return it == table.end() ? std::string_view() : it->second;
}

template <typename Table>
bool Contains(const Table& table, std::string_view key) {
  return std::find(table.begin(), table.end(), key) != table.end();
}

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
  const bool declared_is_wrong = Contains(kDeclaredIsWrong, model_type);
  std::string_view registered = Lookup(kRegistered, model_type);
  if (registered.empty() && declared_is_wrong) registered = kBackend;
  if (name.empty()) return registered;
  if (name == "LlamaTokenizer" && mentions_byte_level && !declared_is_wrong) return kBackend;
  if (registered.empty() || registered == name) return name;
  if (registered == kBackend) return kBackend;
  return declared_is_wrong ? registered : name;
}

Json Typed(std::string_view type) {
  Json out = Json::object();
  out["type"] = type;
  return out;
}

Json ReplaceComponent(std::string_view from, std::string_view to) {
  Json out = Typed("Replace");
  out["pattern"]["String"] = from;
  out["content"] = to;
  return out;
}

Json SplitComponent(std::string_view kind, std::string_view pattern, std::string_view behavior) {
  Json out = Typed("Split");
  out["pattern"][std::string(kind)] = pattern;
  out["behavior"] = behavior;
  out["invert"] = false;
  return out;
}

Json ByteLevelComponent(bool add_prefix_space, bool use_regex) {
  Json out = Typed("ByteLevel");
  out["add_prefix_space"] = add_prefix_space;
  out["trim_offsets"] = true;
  out["use_regex"] = use_regex;
  return out;
}

Json Sequence(std::string_view key, std::vector<Json> members) {
  Json out = Typed("Sequence");
  Json& list = out[std::string(key)];
  list = Json::array();
  for (Json& member : members) list.push_back(std::move(member));
  return out;
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
  Json metaspace = Typed("Metaspace");
  metaspace["replacement"] = kMetaspaceText;
  metaspace["prepend_scheme"] = !prefix ? "never" : (legacy ? "always" : "first");
  metaspace["split"] = false;
  tokenizer["pre_tokenizer"] = std::move(metaspace);
  std::vector<Json> decoders = {ReplaceComponent(kMetaspaceText, " "), Typed("ByteFallback"),
                                Typed("Fuse")};
  if (prefix) {
    Json strip = Typed("Strip");
    strip["content"] = " ";
    strip["start"] = 1;
    strip["stop"] = 0;
    decoders.push_back(std::move(strip));
  }
  tokenizer["decoder"] = Sequence("decoders", std::move(decoders));
  return OkStatus();
}

void RewriteGemma(const SpecialTokens& special, Json& tokenizer) {
  const auto unk = special.Content("unk_token");
  SetBpeOptions(tokenizer["model"], true, true, unk ? Json(*unk) : Json(nullptr));
  tokenizer["normalizer"] = ReplaceComponent(" ", kMetaspaceText);
  tokenizer["pre_tokenizer"] = SplitComponent("String", " ", "MergedWithPrevious");
  tokenizer["decoder"] = Sequence(
      "decoders", {ReplaceComponent(kMetaspaceText, " "), Typed("ByteFallback"), Typed("Fuse")});
}

// The byte-level classes differ in normalizer and pre-tokenizer.
Status RewriteByteLevel(TokenizerClass tokenizer_class, const Json& config, Json& tokenizer) {
  ASSIGN_OR_RETURN(const bool prefix,
                   OptionalBool(config, "add_prefix_space", false, "tokenizer_config.json"));
  SetBpeOptions(tokenizer["model"], false, false, nullptr);
  tokenizer["normalizer"] = tokenizer_class == TokenizerClass::kGpt2 ? Json(nullptr) : Typed("NFC");
  tokenizer["decoder"] = ByteLevelComponent(true, true);
  switch (tokenizer_class) {
    case TokenizerClass::kQwen2:
    case TokenizerClass::kQwen3_5: {
      const std::string_view pattern =
          tokenizer_class == TokenizerClass::kQwen2 ? kQwen2Pattern : kQwen3_5Pattern;
      tokenizer["pre_tokenizer"] = Sequence(
          "pretokenizers",
          {SplitComponent("Regex", pattern, "Isolated"), ByteLevelComponent(prefix, false)});
      break;
    }
    case TokenizerClass::kCohere: {
      Json digits = Typed("Digits");
      digits["individual_digits"] = true;
      tokenizer["pre_tokenizer"] =
          Sequence("pretokenizers", {std::move(digits), ByteLevelComponent(prefix, true)});
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
    name = Lookup(kRegistered4, options.model_type);
  }
  if (IsPlain(name)) return TokenizerClass::kAsIs;
  for (const KnownClass& known : kKnown) {
    if (known.name == name) return known.tokenizer_class;
  }
  if (name == "CodeLlamaTokenizer" && !is_5) return TokenizerClass::kLlama;
  if (name == "CodeGenTokenizer" && !is_5) return TokenizerClass::kGpt2;
  if (is_5 && Contains(kUnsupported, name)) {
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

Result<std::optional<Generation4Template>> FindGeneration4Template(TokenizerClass tokenizer_class,
                                                                   Generation generation,
                                                                   const Json& config) {
  const bool llama_type = tokenizer_class == TokenizerClass::kLlama ||
                          tokenizer_class == TokenizerClass::kGemma ||
                          tokenizer_class == TokenizerClass::kCohere;
  if (generation != Generation::k4 || !llama_type) return std::optional<Generation4Template>();
  constexpr std::string_view kWhere = "tokenizer_config.json";
  Generation4Template out;
  ASSIGN_OR_RETURN(out.add_bos, OptionalBool(config, "add_bos_token", true, kWhere));
  ASSIGN_OR_RETURN(out.add_eos, OptionalBool(config, "add_eos_token", false, kWhere));
  return std::optional<Generation4Template>(out);
}

}  // namespace koeval::tokenizer
