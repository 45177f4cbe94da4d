// The rules of transformers 5.23 (models/auto/tokenization_auto.py and the tokenizer classes) and
// of generation 4 (models/llama/tokenization_llama_fast.py and its kin), as facts in tables.
#include "common/tokenizer/transformers_rules.h"

#include <fmt/core.h>

#include <array>

#include "common/tokenizer/fields.h"
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
    KnownClass{"CodeLlamaTokenizer", TokenizerClass::kCodeLlama},
    KnownClass{"RobertaTokenizer", TokenizerClass::kRoberta},
    KnownClass{"XGLMTokenizer", TokenizerClass::kXglm},
    KnownClass{"T5Tokenizer", TokenizerClass::kT5},
    KnownClass{"BertTokenizer", TokenizerClass::kBert},
    KnownClass{"MobileBertTokenizer", TokenizerClass::kBert},
    KnownClass{"SqueezeBertTokenizer", TokenizerClass::kBert},
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

// The classes of generation 5 that set a post-processor of their own.
std::optional<TokensAround> AlwaysAround5(TokenizerClass tokenizer_class) {
  TokensAround out;
  out.needs_tokens = true;
  switch (tokenizer_class) {
    case TokenizerClass::kRoberta:
      out.front.attribute = "cls_token";
      out.back.attribute = "sep_token";
      return out;
    case TokenizerClass::kBert:
      out.front = {"cls_token", 2};
      out.back = {"sep_token", 3};
      return out;
    case TokenizerClass::kXglm:
      out.front.attribute = "eos_token";
      return out;
    case TokenizerClass::kT5:
      out.back.attribute = "eos_token";
      return out;
    default:
      return std::nullopt;
  }
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
  if (is_5 && IsUnsupportedClass5(name)) {
    return Unimplemented(fmt::format(
        "tokenizer_config.json: transformers 5 builds the pipeline of tokenizer_class \"{}\" anew, "
        "which is not supported; if tokenizer.json is complete, set tokenizer_class to "
        "\"PreTrainedTokenizerFast\"",
        name));
  }
  return TokenizerClass::kAsIs;
}

bool IsLlamaType(TokenizerClass tokenizer_class) {
  return tokenizer_class == TokenizerClass::kLlama ||
         tokenizer_class == TokenizerClass::kCodeLlama ||
         tokenizer_class == TokenizerClass::kGemma || tokenizer_class == TokenizerClass::kCohere;
}

Result<std::optional<TokensAround>> FindTokensAround(TokenizerClass tokenizer_class,
                                                     Generation generation, const Json& config,
                                                     bool has_tokenizer_json) {
  constexpr std::string_view kWhere = "tokenizer_config.json";
  const bool is_4 = generation == Generation::k4;
  const bool llama_type = IsLlamaType(tokenizer_class);
  if (!is_4) {
    if (auto always = AlwaysAround5(tokenizer_class)) return always;
  }
  // In generation 5 tokenizer.json takes both flags away, and CodeLlama sets one of them again.
  const bool code_llama_5 = !is_4 && tokenizer_class == TokenizerClass::kCodeLlama;
  const bool reads_flags = is_4 ? llama_type || !has_tokenizer_json : !has_tokenizer_json;
  if (!reads_flags && !code_llama_5) return std::optional<TokensAround>();
  TokensAround out;
  out.needs_tokens = is_4;
  bool add_bos = code_llama_5 || (is_4 && llama_type);
  bool add_eos = false;
  if (reads_flags) {
    ASSIGN_OR_RETURN(add_bos, OptionalBool(config, "add_bos_token", add_bos, kWhere));
    if (!is_4 || llama_type) {
      ASSIGN_OR_RETURN(add_eos, OptionalBool(config, "add_eos_token", false, kWhere));
    }
  }
  if (add_bos) out.front.attribute = "bos_token";
  if (add_eos) out.back.attribute = "eos_token";
  return std::optional(out);
}

}  // namespace koeval::tokenizer
