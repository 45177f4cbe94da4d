// Reads files and their digest; vocab.json with merges.txt as GPT-2's classes read them.
#include "common/tokenizer/tokenizer_files.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/file.h"
#include "common/base/sha256.h"
#include "common/base/utf8.h"
#include "common/tokenizer/components.h"
#include "common/tokenizer/fields.h"

namespace koeval::tokenizer {
namespace {

constexpr size_t kFileBytesMax = size_t{256} << 20;
constexpr JsonLimits kJsonLimits = {.depth_max = 32, .bytes_max = kFileBytesMax};
constexpr std::string_view kTokenizerFile = "tokenizer.json";
constexpr std::string_view kModelFile = "tokenizer.model";
constexpr std::string_view kVocabFile = "vocab.json";
constexpr std::string_view kMergesFile = "merges.txt";
constexpr std::string_view kDigestVersion = "koeval-tokenizer-1";

std::string Join(const std::string& folder, std::string_view name) {
  return fmt::format("{}/{}", folder, name);
}

// NOT_FOUND when there is no tokenizer of any kind, else what is there and what to do.
Status NoTokenizer(const std::string& model_dir) {
  for (std::string_view other : {"spiece.model", "tekken.json", "vocab.json", "vocab.txt"}) {
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

// The bytes of one file, which go into the digest too; nothing for an absent file.
Result<std::optional<std::string>> ReadBytes(const std::string& model_dir, std::string_view name,
                                             Sha256& digest) {
  auto bytes = ReadFile(Join(model_dir, name), kFileBytesMax);
  if (bytes.status().code() == Code::kNotFound) {
    digest.AddInt(-1);
    return std::optional<std::string>();
  }
  if (!bytes.ok()) return bytes.status();
  digest.AddInt(static_cast<int64_t>(bytes->size()));
  digest.Add(*bytes);
  return std::optional<std::string>(std::move(bytes).value());
}

Result<Json> ParseObject(std::string_view bytes, std::string_view name) {
  auto parsed = ParseJson(bytes, kJsonLimits);
  if (!parsed.ok()) return parsed.status().WithContext(name);
  if (!parsed->is_object()) return InvalidArgument(fmt::format("{}: must be an object", name));
  return parsed;
}

// Reads one file into `json` and the digest; an absent file is null.
Status ReadJsonFile(const std::string& model_dir, std::string_view name, Sha256& digest,
                    Json& json) {
  ASSIGN_OR_RETURN(const auto bytes, ReadBytes(model_dir, name, digest));
  if (!bytes) return OkStatus();
  ASSIGN_OR_RETURN(json, ParseObject(*bytes, name));
  return OkStatus();
}

// What a repository without tokenizer.json has instead.
Status ReadOlderFiles(const std::string& model_dir, Sha256& digest, TokenizerFiles& files) {
  ASSIGN_OR_RETURN(const auto model, ReadBytes(model_dir, kModelFile, digest));
  if (model) {
    ASSIGN_OR_RETURN(files.sentencepiece, ParseSentencePiece(*model, kModelFile));
    return OkStatus();
  }
  ASSIGN_OR_RETURN(const auto vocab, ReadBytes(model_dir, kVocabFile, digest));
  ASSIGN_OR_RETURN(const auto merges, ReadBytes(model_dir, kMergesFile, digest));
  if (!vocab || !merges) return NoTokenizer(model_dir);
  ASSIGN_OR_RETURN(Json parsed, ParseObject(*vocab, kVocabFile));
  if (!IsValidUtf8(*merges)) {
    return InvalidArgument(fmt::format("{}: is not UTF-8", kMergesFile));
  }
  files.bpe.emplace(std::move(parsed), *merges);
  return OkStatus();
}

// The lines of merges.txt. Generation 4 drops the first line and what follows the last line break,
// generation 5 every line that begins with "#version".
Result<Json> ReadMerges(std::string_view text, Generation generation) {
  Json out = Json::array();
  const bool is_4 = generation == Generation::k4;
  size_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == std::string_view::npos && is_4) break;
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (is_4 ? number == 1 : line.starts_with("#version")) continue;
    if (line.ends_with('\r')) line.remove_suffix(1);
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || line.find(' ', space + 1) != std::string_view::npos) {
      return InvalidArgument(
          fmt::format("{}:{}: must be two tokens with one space between", kMergesFile, number));
    }
    out.push_back(
        Json::array({std::string(line.substr(0, space)), std::string(line.substr(space + 1))}));
  }
  return out;
}

Result<Json> ConvertBpe(TokenizerClass tokenizer_class, Generation generation,
                        TokenizerFiles& files) {
  const bool reads = generation == Generation::k4
                         ? tokenizer_class == TokenizerClass::kGpt2
                         : tokenizer_class == TokenizerClass::kGpt2 ||
                               tokenizer_class == TokenizerClass::kGptNeoX ||
                               tokenizer_class == TokenizerClass::kRoberta ||
                               tokenizer_class == TokenizerClass::kQwen2 ||
                               tokenizer_class == TokenizerClass::kQwen3_5;
  if (!reads) {
    return Unimplemented(fmt::format(
        "the repository has {} and {} but no tokenizer.json, and its tokenizer class does not read "
        "them; load it with AutoTokenizer of transformers and save_pretrained()",
        kVocabFile, kMergesFile));
  }
  Json out = Json::object();
  out["pre_tokenizer"] = ByteLevelComponent(false, true);
  out["decoder"] = ByteLevelComponent(true, true);
  out["model"] = TypedComponent("BPE");
  out["model"]["vocab"] = std::move(files.bpe->first);
  ASSIGN_OR_RETURN(out["model"]["merges"], ReadMerges(files.bpe->second, generation));
  return out;
}

}  // namespace

Result<TokenizerFiles> ReadTokenizerFiles(const std::string& model_dir,
                                          const LoadOptions& options) {
  TokenizerFiles files;
  Sha256 digest;
  digest.Add(kDigestVersion);
  digest.AddInt(static_cast<int64_t>(options.generation));
  digest.AddInt(static_cast<int64_t>(options.model_type.size()));
  digest.Add(options.model_type);
  ASSIGN_OR_RETURN(const auto text, ReadBytes(model_dir, kTokenizerFile, digest));
  files.has_tokenizer_json = text.has_value();
  if (text) {
    files.mentions_byte_level = text->find("\"ByteLevel\"") != std::string::npos;
    ASSIGN_OR_RETURN(files.json.tokenizer, ParseObject(*text, kTokenizerFile));
  } else {
    RETURN_IF_ERROR(ReadOlderFiles(model_dir, digest, files));
  }
  RETURN_IF_ERROR(ReadJsonFile(model_dir, "tokenizer_config.json", digest, files.json.config));
  RETURN_IF_ERROR(
      ReadJsonFile(model_dir, "special_tokens_map.json", digest, files.json.special_tokens));
  RETURN_IF_ERROR(ReadJsonFile(model_dir, "added_tokens.json", digest, files.json.added_tokens));
  files.digest = digest.FinishHex();
  return files;
}

Status ConvertTokenizerFiles(TokenizerClass tokenizer_class, Generation generation,
                             TokenizerFiles& files) {
  if (files.bpe) {
    ASSIGN_OR_RETURN(files.json.tokenizer, ConvertBpe(tokenizer_class, generation, files));
    return OkStatus();
  }
  SentencePieceRules rules = SentencePieceRules::kGeneric5;
  const bool is_llama =
      tokenizer_class == TokenizerClass::kLlama || tokenizer_class == TokenizerClass::kCodeLlama;
  if (generation == Generation::k4 && is_llama) {
    rules = SentencePieceRules::kLlama4;
  } else if (generation == Generation::k5 &&
             (is_llama || tokenizer_class == TokenizerClass::kGemma)) {
    rules = SentencePieceRules::kOwnBpe5;
  } else if (generation == Generation::k4 || tokenizer_class != TokenizerClass::kAsIs) {
    return Unimplemented(fmt::format(
        "the repository has {} but no tokenizer.json, and how its tokenizer class converts that is "
        "not supported; load it with AutoTokenizer of transformers and save_pretrained()",
        kModelFile));
  }
  ASSIGN_OR_RETURN(files.json.tokenizer,
                   ConvertSentencePiece(*files.sentencepiece, rules, files.json.config));
  return OkStatus();
}

void AddSentencePieceDefaults(const TokenizerFiles& files, TokenDefaults& defaults) {
  if (!files.sentencepiece) return;
  const SentencePieceModel& model = *files.sentencepiece;
  if (model.bos_id >= 0) defaults.emplace_back("bos_token", model.bos_piece);
  if (model.eos_id >= 0) defaults.emplace_back("eos_token", model.eos_piece);
  if (model.unk_id >= 0) defaults.emplace_back("unk_token", model.unk_piece);
}

void AddSentencePieceTokens(const TokenizerFiles& files, SpecialTokens& special) {
  if (!files.sentencepiece) return;
  for (const char* key : {"extra_special_tokens", "additional_special_tokens"}) {
    if (files.json.config.is_object() && files.json.config.contains(key)) return;
  }
  special.extra = SentencePieceAddedTokens(*files.sentencepiece);
}

}  // namespace koeval::tokenizer
