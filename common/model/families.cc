// Families that are built like Llama, and the list of all. Defaults are those of the family's
// config class, which is what an absent key means.
#include "common/model/families.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <vector>

#include "common/model/family_fields.h"
#include "common/model/rope_config.h"

namespace koeval::model {
namespace {

struct LlamaDefaults {
  int64_t vocab_size = 32000;
  int64_t mlp_size = 11008;
  int64_t kv_heads = 0;  // 0: as many as heads
  int64_t max_positions = 2048;
};

// Sizes, norms, rope and head of everything that is built like Llama.
void FillLlamaSizes(ConfigReader& config, const LlamaDefaults& defaults, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", defaults.vocab_size, 1, kVocabMax);
  spec.hidden_size = config.Int("hidden_size", 4096, 1, kSizeMax);
  spec.mlp_size = config.Int("intermediate_size", defaults.mlp_size, 1, kSizeMax);
  spec.heads = config.Int("num_attention_heads", 32, 1, kSizeMax);
  // An absent key is the class default, a null one means "as many as heads".
  const bool as_heads = defaults.kv_heads == 0 || config.IsNull("num_key_value_heads");
  const int64_t fallback = as_heads ? spec.heads : defaults.kv_heads;
  spec.kv_heads = config.Int("num_key_value_heads", fallback, 1, kSizeMax);
  spec.head_dim = config.Find("head_dim") != nullptr ? config.Int("head_dim", 1, 1, kSizeMax)
                                                     : HeadDim(config, "hidden_size", spec);
  spec.max_positions =
      config.Int("max_position_embeddings", defaults.max_positions, 1, kPositionsMax);
  spec.norm = NormKind::kRms;
  spec.norm_epsilon = config.Double("rms_norm_eps", 1e-6, 0, 1);
  spec.activation = ReadActivation(config, "hidden_act", "silu");
  spec.gated_mlp = true;
  spec.qkv_layout = QkvLayout::kSeparate;
  spec.tied_head = config.Bool("tie_word_embeddings", false);
  spec.rope = ReadRope(config, {}, spec.head_dim, spec.max_positions);
  CheckHeads(config, spec);
}

struct LlamaBiases {
  bool qkv = false;
  bool out = false;
  bool mlp = false;
};

void NameLlamaTensors(const LlamaBiases& biases, int64_t layer_count, DecoderSpec& spec) {
  spec.base_prefix = "model.";
  spec.embedding = "model.embed_tokens.weight";
  spec.final_norm = {"model.norm.weight", ""};
  spec.head = Linear("lm_head", spec.hidden_size, spec.vocab_size, false);
  if (spec.tied_head) spec.head.weight = spec.embedding;
  const int64_t q_size = spec.heads * spec.head_dim;
  const int64_t kv_size = spec.kv_heads * spec.head_dim;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("model.layers.{}.", i);
    LayerSpec layer;
    layer.attention_norm = {at + "input_layernorm.weight", ""};
    layer.mlp_norm = {at + "post_attention_layernorm.weight", ""};
    layer.q = Linear(at + "self_attn.q_proj", spec.hidden_size, q_size, biases.qkv);
    layer.k = Linear(at + "self_attn.k_proj", spec.hidden_size, kv_size, biases.qkv);
    layer.v = Linear(at + "self_attn.v_proj", spec.hidden_size, kv_size, biases.qkv);
    layer.attention_out = Linear(at + "self_attn.o_proj", q_size, spec.hidden_size, biases.out);
    layer.gate = Linear(at + "mlp.gate_proj", spec.hidden_size, spec.mlp_size, biases.mlp);
    layer.up = Linear(at + "mlp.up_proj", spec.hidden_size, spec.mlp_size, biases.mlp);
    layer.down = Linear(at + "mlp.down_proj", spec.mlp_size, spec.hidden_size, biases.mlp);
    layer.score_scale = 1 / std::sqrt(static_cast<double>(spec.head_dim));
    spec.layers.push_back(std::move(layer));
  }
}

void FillLlama(ConfigReader& config, DecoderSpec& spec) {
  FillLlamaSizes(config, {}, spec);
  // The class has no window; files that were converted from other families keep the fields.
  for (const std::string_view key : {"sliding_window", "use_sliding_window", "max_window_layers"}) {
    config.MarkRead(key);
  }
  LlamaBiases biases;
  biases.qkv = biases.out = config.Bool("attention_bias", false);
  biases.mlp = config.Bool("mlp_bias", false);
  NameLlamaTensors(biases, LayerCount(config, "num_hidden_layers", 32), spec);
}

void FillMistral(ConfigReader& config, DecoderSpec& spec) {
  FillLlamaSizes(config, {32000, 14336, 8, 131072}, spec);
  // Absent means 4096, null means no window.
  const bool none = config.IsNull("sliding_window");
  const int64_t window = config.Int("sliding_window", none ? 0 : 4096, 0, kPositionsMax);
  NameLlamaTensors({}, LayerCount(config, "num_hidden_layers", 32), spec);
  for (LayerSpec& layer : spec.layers) layer.window = window;
}

// "sliding_attention" or "full_attention" per layer, where the file gives it.
void ReadLayerTypes(ConfigReader& config, int64_t window, DecoderSpec& spec) {
  const Json* types = config.Find("layer_types");
  if (types == nullptr) return;
  if (!types->is_array() || types->size() != spec.layers.size()) {
    config.Fail("layer_types", fmt::format("must be a list of {} names", spec.layers.size()));
    return;
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const Json& type = (*types)[i];
    if (type == "sliding_attention") {
      spec.layers[i].window = window;
    } else if (type == "full_attention") {
      spec.layers[i].window = 0;
    } else {
      config.Unsupported("layer_types", fmt::format("has {} at {}", type.dump().substr(0, 100), i));
    }
  }
}

void FillQwen2(ConfigReader& config, DecoderSpec& spec) {
  FillLlamaSizes(config, {151936, 22016, 32, 32768}, spec);
  NameLlamaTensors({true, false, false}, LayerCount(config, "num_hidden_layers", 32), spec);
  const bool use_window = config.Bool("use_sliding_window", false);
  const bool none = config.IsNull("sliding_window");
  const int64_t stated = config.Int("sliding_window", none ? 0 : 4096, 0, kPositionsMax);
  const int64_t first = config.Int("max_window_layers", 28, 0, kLayersMax);
  const int64_t window = use_window ? stated : 0;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (static_cast<int64_t>(i) >= first) spec.layers[i].window = window;
  }
  ReadLayerTypes(config, window, spec);
}

constexpr std::array kLlamaFamilies = {
    Family{"LlamaForCausalLM", "llama", "max_position_embeddings", 2048, FillLlama},
    Family{"MistralForCausalLM", "mistral", "max_position_embeddings", 131072, FillMistral},
    Family{"Qwen2ForCausalLM", "qwen2", "max_position_embeddings", 32768, FillQwen2},
};

std::vector<Family> AllFamilies() {
  std::vector<Family> all(kLlamaFamilies.begin(), kLlamaFamilies.end());
  const std::span<const Family> others = GptFamilies();
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

}  // namespace

std::span<const Family> Families() {
  static const std::vector<Family> families = AllFamilies();
  return families;
}

const Family* FindFamilyByType(std::string_view model_type) {
  for (const Family& family : Families()) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

const Family* FindFamilyByArchitecture(std::string_view architecture) {
  for (const Family& family : Families()) {
    if (family.architecture == architecture) return &family;
  }
  return nullptr;
}

std::string SupportedArchitectures() {
  std::string out;
  for (const Family& family : Families()) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", family.architecture);
  }
  return out;
}

}  // namespace koeval::model
