// The special tokens that tokenizer classes of transformers have by themselves, as facts.
#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "common/tokenizer/fields.h"
#include "common/tokenizer/transformers_rules.h"

namespace koeval::tokenizer {
namespace {

constexpr int64_t kExtraIdsMax = 10'000;  // of T5; 100 by default
constexpr int kMadeUpWords = 7;           // of XGLM
constexpr std::string_view kExtraId = "<extra_id_";
constexpr std::string_view kFillToken = "<FILL_ME>";

// CodeLlama's, by attribute. The last one is no token of generation 4.
constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kInfillTokens = {
    {{"prefix_token", "\u2581<PRE>"},
     {"middle_token", "\u2581<MID>"},
     {"suffix_token", "\u2581<SUF>"},
     {"eot_token", "\u2581<EOT>"},
     {"fill_token", kFillToken}}};

AddedToken SpecialToken(std::string content) {
  AddedToken token;
  token.content = std::move(content);
  token.special = true;
  return token;
}

bool IsNull(const Json& config, std::string_view key) {
  return config.is_object() && config.contains(key) && config[key].is_null();
}

// Whether tokenizer_config.json alone decides about the list, which null does too.
bool ListsExtras(const Json& config) {
  if (!config.is_object()) return false;
  if (config.contains("additional_special_tokens")) return true;
  return config.contains("extra_special_tokens") && !config["extra_special_tokens"].is_object();
}

Status AddT5Extras(const Json& config, std::vector<AddedToken>& extra) {
  int64_t count = 100;
  if (JsonFind(config, "extra_ids") != nullptr) {
    ASSIGN_OR_RETURN(count, BoundedInt(config, "extra_ids", kExtraIdsMax, "tokenizer_config.json"));
  }
  const auto listed = std::count_if(extra.begin(), extra.end(), [](const AddedToken& token) {
    return token.content.find(kExtraId) != std::string::npos;
  });
  if (listed == 0) {
    for (int64_t i = 0; i < count; ++i)
      extra.push_back(SpecialToken(fmt::format("{}{}>", kExtraId, i)));
  } else if (count > 0 && count != listed) {
    return InvalidArgument(
        fmt::format("additional_special_tokens has {} tokens \"{}...\", but field \"extra_ids\" of "
                    "tokenizer_config.json is {}; make both the same",
                    listed, kExtraId, count));
  }
  return OkStatus();
}

void AddXglmExtras(std::vector<AddedToken>& extra) {
  const auto is_listed = [&](const std::string& word) {
    return std::any_of(extra.begin(), extra.end(),
                       [&](const AddedToken& token) { return token.content == word; });
  };
  std::vector<AddedToken> missing;
  for (int i = 0; i < kMadeUpWords; ++i) {
    std::string word = fmt::format("<madeupword{}>", i);
    if (!is_listed(word)) missing.push_back(SpecialToken(std::move(word)));
  }
  extra.insert(extra.end(), missing.begin(), missing.end());
}

void AddInfillTokens(const Json& config, bool with_fill, std::vector<AddedToken>& extra) {
  for (const auto& [attribute, content] : kInfillTokens) {
    if (content == kFillToken && !with_fill) continue;
    if (!IsNull(config, attribute)) extra.push_back(SpecialToken(std::string(content)));
  }
}

// RoBERTa's mask token of generation 4 takes the white space before it along, unless a file says
// what its flags are.
void SetMaskFlags(SpecialTokens& special) {
  for (auto& [attribute, token] : special.named) {
    if (attribute != "mask_token") continue;
    const std::string& content = token.content;
    const bool listed = std::any_of(special.listed.begin(), special.listed.end(),
                                    [&](const AddedToken& t) { return t.content == content; });
    if (!listed) token.lstrip = true;
  }
}

}  // namespace

TokenDefaults ClassTokens(TokenizerClass tokenizer_class, Generation generation) {
  const bool is_5 = generation == Generation::k5;
  constexpr std::string_view kEndOfText = "<|endoftext|>";
  switch (tokenizer_class) {
    case TokenizerClass::kAsIs:
      return {};
    case TokenizerClass::kLlama:
      return {{"unk_token", "<unk>"}, {"bos_token", "<s>"}, {"eos_token", "</s>"}};
    case TokenizerClass::kCodeLlama: {
      TokenDefaults out = {{"unk_token", "<unk>"}, {"bos_token", "<s>"}, {"eos_token", "</s>"}};
      if (is_5) out.insert(out.end(), kInfillTokens.begin(), kInfillTokens.end());
      return out;
    }
    case TokenizerClass::kRoberta:
    case TokenizerClass::kXglm: {
      TokenDefaults out = {{"unk_token", "<unk>"}, {"bos_token", "<s>"},   {"eos_token", "</s>"},
                           {"sep_token", "</s>"},  {"pad_token", "<pad>"}, {"cls_token", "<s>"}};
      if (tokenizer_class == TokenizerClass::kRoberta) out.emplace_back("mask_token", "<mask>");
      return out;
    }
    case TokenizerClass::kT5:
      return {{"unk_token", "<unk>"}, {"eos_token", "</s>"}, {"pad_token", "<pad>"}};
    case TokenizerClass::kBert:
      return {{"unk_token", "[UNK]"},
              {"sep_token", "[SEP]"},
              {"pad_token", "[PAD]"},
              {"cls_token", "[CLS]"},
              {"mask_token", "[MASK]"}};
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

Status AddClassExtras(TokenizerClass tokenizer_class, Generation generation, const Json& config,
                      SpecialTokens& special) {
  const bool is_5 = generation == Generation::k5;
  if (tokenizer_class == TokenizerClass::kRoberta && !is_5) SetMaskFlags(special);
  if (is_5 && ListsExtras(config)) return OkStatus();
  switch (tokenizer_class) {
    case TokenizerClass::kT5:
      return AddT5Extras(config, special.extra);
    case TokenizerClass::kXglm:
      AddXglmExtras(special.extra);
      return OkStatus();
    case TokenizerClass::kCodeLlama:
      AddInfillTokens(config, is_5, special.extra);
      return OkStatus();
    default:
      return OkStatus();
  }
}

std::optional<std::string> InfillMark(TokenizerClass tokenizer_class, const Json& config) {
  if (tokenizer_class != TokenizerClass::kCodeLlama || IsNull(config, "fill_token")) {
    return std::nullopt;
  }
  return std::string(kFillToken);
}

}  // namespace koeval::tokenizer
