// The fields of generation_config.json.
#include "common/model/generation_config.h"

#include <cmath>
#include <filesystem>

#include "common/base/file.h"

namespace koeval::model {
namespace {

constexpr const char* kFile = "generation_config.json";
constexpr size_t kFileBytesMax = size_t{1} << 20;

// Settings that change greedy texts, with the value that changes nothing.
struct Neutral {
  const char* key;
  double value;
};
constexpr Neutral kNeutral[] = {
    {"num_beams", 1},      {"num_beam_groups", 1},
    {"min_length", 0},     {"no_repeat_ngram_size", 0},
    {"min_new_tokens", 0}, {"encoder_no_repeat_ngram_size", 0},
    {"guidance_scale", 1}, {"encoder_repetition_penalty", 1},
    {"penalty_alpha", 0},
};
// Lists and words of that kind: absent, null or empty changes nothing.
constexpr const char* kAbsent[] = {
    "bad_words_ids",       "suppress_tokens",     "begin_suppress_tokens",
    "forced_bos_token_id", "forced_eos_token_id", "exponential_decay_length_penalty",
    "sequence_bias",       "force_words_ids",     "constraints",
    "stop_strings",        "dola_layers",
};

std::string Problem(const std::string& what) {
  return std::string("BAD_CHECKPOINT: ") + kFile + ": " + what;
}

// "" when `json` asks for nothing that greedy decoding here lacks.
std::string Unsupported(const Json& json) {
  const auto refuse = [](const char* key) {
    return Problem(std::string(key) + " is not supported; remove it to generate greedily");
  };
  for (const Neutral& setting : kNeutral) {
    const Json* value = JsonFind(json, setting.key);
    if (value == nullptr || value->is_null()) continue;
    if (!value->is_number() || value->get<double>() != setting.value) return refuse(setting.key);
  }
  for (const char* key : kAbsent) {
    const Json* value = JsonFind(json, key);
    const bool empty = value == nullptr || value->is_null() ||
                       ((value->is_array() || value->is_object()) && value->empty());
    if (!empty) return refuse(key);
  }
  return "";
}

// Appends one id; false when it is none.
bool AddId(const Json& value, std::vector<int32_t>& ids) {
  if (!value.is_number_integer() || value < 0 || value > INT32_MAX) return false;
  ids.push_back(value.get<int32_t>());
  return true;
}

bool ReadEndIds(const Json& json, std::vector<int32_t>& ids) {
  const Json* value = JsonFind(json, "eos_token_id");
  if (value == nullptr || value->is_null()) return true;
  if (!value->is_array()) return AddId(*value, ids);
  for (const Json& id : *value) {
    if (!AddId(id, ids)) return false;
  }
  return true;
}

bool ReadPenalty(const Json& json, double& penalty) {
  const Json* value = JsonFind(json, "repetition_penalty");
  if (value == nullptr || value->is_null()) return true;
  if (!value->is_number()) return false;
  penalty = value->get<double>();
  return std::isfinite(penalty) && penalty > 0;
}

GenerationConfig FromJson(const Json& json) {
  GenerationConfig out;
  if (!json.is_object()) {
    out.problem = Problem("must be an object; publish the model's own file");
    return out;
  }
  if (!ReadEndIds(json, out.end_ids)) {
    out.problem = Problem("eos_token_id must be a token id or a list of them");
  } else if (!ReadPenalty(json, out.repetition_penalty)) {
    out.problem = Problem("repetition_penalty must be a number above 0");
  } else {
    out.problem = Unsupported(json);
  }
  return out;
}

}  // namespace

GenerationConfig ReadGenerationConfig(const std::string& model_dir, const Json& config) {
  const std::string path = (std::filesystem::path(model_dir) / kFile).string();
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return FromJson(config);
  GenerationConfig damaged;
  const auto text = ReadFile(path, kFileBytesMax);
  if (!text.ok()) {
    damaged.problem = Problem(text.status().message());
    return damaged;
  }
  const auto json = ParseJson(*text);
  if (!json.ok()) {
    damaged.problem = Problem(json.status().message());
    return damaged;
  }
  return FromJson(*json);
}

}  // namespace koeval::model
