// Family choice and the checks around it.
#include "common/model/config.h"

#include <fmt/core.h>

#include <array>
#include <set>
#include <utility>

#include "common/base/file.h"
#include "common/base/utf8.h"
#include "common/model/config_reader.h"
#include "common/model/families.h"

namespace koeval::model {
namespace {

constexpr size_t kConfigBytesMax = size_t{16} << 20;
constexpr int64_t kUnknownLength = 2048;
constexpr size_t kNameShown = 100;

// Fields that do not change what the forward pass computes for loglikelihoods, of whichever class
// or tool wrote them. Keys that begin with '_' are left out as well.
const std::set<std::string, std::less<>>& HarmlessKeys() {
  static const std::set<std::string, std::less<>> keys = {"architectures",
                                                          "model_type",
                                                          "auto_map",
                                                          "transformers_version",
                                                          "dtype",
                                                          "torch_dtype",
                                                          "bos_token_id",
                                                          "eos_token_id",
                                                          "pad_token_id",
                                                          "sep_token_id",
                                                          "unk_token_id",
                                                          "decoder_start_token_id",
                                                          "forced_bos_token_id",
                                                          "forced_eos_token_id",
                                                          "begin_suppress_tokens",
                                                          "suppress_tokens",
                                                          "bad_words_ids",
                                                          "initializer_range",
                                                          "initializer_factor",
                                                          "use_cache",
                                                          "cache_implementation",
                                                          "pretraining_tp",
                                                          "attention_dropout",
                                                          "attn_pdrop",
                                                          "resid_pdrop",
                                                          "embd_pdrop",
                                                          "hidden_dropout",
                                                          "hidden_dropout_prob",
                                                          "attention_probs_dropout_prob",
                                                          "classifier_dropout",
                                                          "summary_activation",
                                                          "summary_first_dropout",
                                                          "summary_proj_to_labels",
                                                          "summary_type",
                                                          "summary_use_proj",
                                                          "n_ctx",
                                                          "is_decoder",
                                                          "is_encoder_decoder",
                                                          "tokenizer_class",
                                                          "id2label",
                                                          "label2id",
                                                          "num_labels",
                                                          "problem_type",
                                                          "finetuning_task",
                                                          "task_specific_params",
                                                          "return_dict",
                                                          "return_dict_in_generate",
                                                          "output_attentions",
                                                          "output_hidden_states",
                                                          "output_scores",
                                                          "torchscript",
                                                          "tf_legacy_loss",
                                                          "use_bfloat16",
                                                          "gradient_checkpointing",
                                                          "prefix",
                                                          "name_or_path",
                                                          "max_length",
                                                          "min_length",
                                                          "do_sample",
                                                          "early_stopping",
                                                          "num_beams",
                                                          "num_beam_groups",
                                                          "diversity_penalty",
                                                          "temperature",
                                                          "top_k",
                                                          "top_p",
                                                          "typical_p",
                                                          "repetition_penalty",
                                                          "length_penalty",
                                                          "no_repeat_ngram_size",
                                                          "encoder_no_repeat_ngram_size",
                                                          "num_return_sequences",
                                                          "exponential_decay_length_penalty",
                                                          "remove_invalid_values",
                                                          "chunk_size_feed_forward",
                                                          "cross_attention_hidden_size",
                                                          "tie_encoder_decoder",
                                                          "attn_implementation",
                                                          "unsloth_version",
                                                          "unsloth_fixed",
                                                          "mlx_version"};
  return keys;
}

// architectures[0], or empty.
std::string FirstArchitecture(const Json& config) {
  const Json* list = JsonFind(config, "architectures");
  if (list == nullptr || !list->is_array() || list->empty() || !list->front().is_string())
    return "";
  return list->front().get<std::string>();
}

Status NoFamily(const Json& config, const std::string& architecture,
                const std::string& model_type) {
  const std::string name =
      fmt::format("architecture \"{}\" (model_type \"{}\")", Utf8Prefix(architecture, kNameShown),
                  Utf8Prefix(model_type, kNameShown));
  if (JsonFind(config, "auto_map") != nullptr) {
    return Unimplemented(fmt::format(
        "REMOTE_CODE_REQUIRED: config.json: {} needs Python code from the model's repository "
        "(auto_map), which is never run; supported without it: {}",
        name, SupportedArchitectures()));
  }
  return Unimplemented(
      fmt::format("UNSUPPORTED_ARCHITECTURE: config.json: {} is not supported; supported: {}", name,
                  SupportedArchitectures()));
}

// By model_type, which is what chooses the class; an architecture of another head or family than
// that is refused rather than guessed.
Result<const Family*> ChooseFamily(const Json& config) {
  const std::string architecture = FirstArchitecture(config);
  const Json* type = JsonFind(config, "model_type");
  const std::string model_type =
      type != nullptr && type->is_string() ? type->get<std::string>() : "";
  const Family* by_type = FindFamilyByType(model_type);
  const Family* by_architecture = FindFamilyByArchitecture(architecture);
  if (model_type.empty() && by_architecture != nullptr) return by_architecture;
  if (by_type == nullptr) return NoFamily(config, architecture, model_type);
  if (architecture.empty() || by_architecture == by_type) return by_type;
  if (by_architecture != nullptr) {
    return InvalidArgument(fmt::format(
        "BAD_CHECKPOINT: config.json: architectures[0] is \"{}\" but model_type is \"{}\"; make "
        "them agree",
        architecture, model_type));
  }
  return NoFamily(config, architecture, model_type);
}

std::string ReadStoredDtype(ConfigReader& config) {
  const std::string older = config.String("torch_dtype", "");
  std::string name = config.String("dtype", older);
  if (name.starts_with("torch.")) name = name.substr(6);
  return name == "auto" ? "" : name;
}

// The fields of a multimodal config.json that its decoder has, or that belong to other parts.
constexpr std::array<std::string_view, 3> kSharedKeys = {"tie_word_embeddings",
                                                         "quantization_config", "dtype"};
constexpr std::array<std::string_view, 8> kOtherPartKeys = {
    "text_config",     "vision_config",     "mm_tokens_per_image", "boi_token_index",
    "eoi_token_index", "image_token_index", "image_token_id",      "audio_config"};

// "text_config" with what stands beside it and counts for it.
Result<Json> TextConfig(const Json& config) {
  const Json* inner = JsonFind(config, "text_config");
  if (inner != nullptr && !inner->is_object()) {
    return InvalidArgument(
        "BAD_CHECKPOINT: config.json: field \"text_config\" must be an object with the fields of "
        "the decoder");
  }
  Json text = inner == nullptr ? Json::object() : *inner;
  ConfigReader outer(config, "config.json");
  for (const std::string_view key : kOtherPartKeys) outer.MarkRead(key);
  for (const std::string_view key : kSharedKeys) {
    outer.MarkRead(key);
    if (const Json* value = JsonFind(config, key)) text[std::string(key)] = *value;
  }
  RETURN_IF_ERROR(outer.Finish(HarmlessKeys()));
  if (const Json* older = JsonFind(config, "torch_dtype"); older != nullptr) {
    if (JsonFind(text, "dtype") == nullptr) text["torch_dtype"] = *older;
  }
  return text;
}

Result<DecoderSpec> FillSpec(const Family* family, const Json& config, const std::string& place) {
  DecoderSpec spec;
  spec.architecture = family->architecture;
  spec.model_type = family->model_type;
  spec.older_float32_logits = family->older_float32_logits;
  spec.text_part = family->text_part;
  ConfigReader reader(config, place);
  if (reader.Find("quantization_config") != nullptr) {
    reader.Unsupported("quantization_config",
                       "marks a quantised checkpoint; publish the weights as float32, bfloat16 or "
                       "float16 safetensors");
  }
  spec.stored_dtype = ReadStoredDtype(reader);
  family->fill(reader, spec);
  RETURN_IF_ERROR(reader.Finish(HarmlessKeys()));
  return spec;
}

}  // namespace

Result<DecoderSpec> ParseDecoderSpec(const Json& config) {
  if (!config.is_object()) {
    return InvalidArgument("BAD_CHECKPOINT: config.json: must be a JSON object");
  }
  ASSIGN_OR_RETURN(const Family* family, ChooseFamily(config));
  if (!family->text_part) return FillSpec(family, config, "config.json");
  ASSIGN_OR_RETURN(const Json text, TextConfig(config));
  return FillSpec(family, text, "config.json: text_config");
}

Result<ModelConfig> ReadModelConfig(const std::string& model_dir) {
  const std::string path = model_dir + "/config.json";
  Result<std::string> text = ReadFile(path, kConfigBytesMax);
  if (!text.ok()) {
    const Code code = text.status().code();
    return Status(code, fmt::format("BAD_CHECKPOINT: {}; a model folder needs its config.json",
                                    text.status().message()));
  }
  Result<Json> json = ParseJson(*text);
  if (!json.ok()) return json.status().WithContext("BAD_CHECKPOINT: " + path);
  ModelConfig out{std::move(json).value(), {}};
  ASSIGN_OR_RETURN(out.spec, ParseDecoderSpec(out.json));
  return out;
}

int64_t EvaluationMaxLength(const ModelConfig& config,
                            std::optional<int64_t> tokenizer_model_max_length) {
  const Family* family = FindFamilyByType(config.spec.model_type);
  const Json* text = config.spec.text_part ? JsonFind(config.json, "text_config") : nullptr;
  const Json& fields = text == nullptr ? config.json : *text;
  for (const std::string_view key : {"n_positions", "max_position_embeddings", "n_ctx"}) {
    const Json* value = JsonFind(fields, key);
    if (value != nullptr && value->is_number_integer()) return value->get<int64_t>();
    if (family != nullptr && family->length_key == key) return family->length_default;
  }
  return tokenizer_model_max_length.value_or(kUnknownLength);
}

}  // namespace koeval::model
