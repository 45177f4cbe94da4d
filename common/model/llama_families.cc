// Families built like Llama: the same tensor names, gated MLP and rotary positions.
#include <fmt/core.h>

#include <array>
#include <string>
#include <utility>

#include "common/model/families.h"
#include "common/model/family_fields.h"
#include "common/model/llama_parts.h"
#include "common/model/rope_config.h"

namespace koeval::model {
namespace {

void SetWindows(int64_t window, DecoderSpec& spec) {
  for (LayerSpec& layer : spec.layers) layer.window = window;
}

// Qwen's window: in use when told so, on the layers from max_window_layers on.
void ReadQwenWindows(ConfigReader& config, DecoderSpec& spec) {
  const bool use_window = config.Bool("use_sliding_window", false);
  const int64_t stated = ReadWindow(config, "sliding_window", 4096);
  const int64_t first = config.Int("max_window_layers", 28, 0, kLayersMax);
  const int64_t window = use_window ? stated : 0;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (static_cast<int64_t>(i) >= first) spec.layers[i].window = window;
  }
  ReadLayerTypes(config, window, spec);
}

// EXAONE 4's pattern: an integer N makes every Nth layer global, a text such as "LLLG" repeats.
// layer_types, where present, decides instead.
void ReadExaoneWindows(ConfigReader& config, DecoderSpec& spec) {
  const int64_t window = ReadWindow(config, "sliding_window", 4096);
  const Json* pattern = config.Find("sliding_window_pattern");
  const bool typed = config.Find("layer_types") != nullptr;
  const size_t count = spec.layers.size();
  if (window > 0 && !typed && pattern != nullptr && pattern->is_string()) {
    const std::string letters = pattern->get<std::string>();
    if (letters.empty() || letters.find_first_not_of("LG") != std::string::npos ||
        letters[(count - 1) % letters.size()] != 'G') {
      config.Unsupported("sliding_window_pattern",
                         "does not end in a global layer; write layer_types, which says it for "
                         "every layer");
      return;
    }
    for (size_t i = 0; i < count; ++i) {
      spec.layers[i].window = letters[i % letters.size()] == 'L' ? window : 0;
    }
  } else if (window > 0 && !typed) {
    const auto every = static_cast<size_t>(config.Int("sliding_window_pattern", 4, 1, kLayersMax));
    for (size_t i = 0; i < count; ++i) spec.layers[i].window = (i + 1) % every != 0 ? window : 0;
  }
  ReadLayerTypes(config, window, spec);
}

// The fused matrices of Phi-3 in place of Llama's.
void FuseProjections(DecoderSpec& spec) {
  spec.qkv_layout = QkvLayout::kFusedStacked;
  const int64_t rows = (spec.heads + 2 * spec.kv_heads) * spec.head_dim;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.q = layer.k = layer.v = {};
    layer.qkv = Linear(LlamaLayer(i) + "self_attn.qkv_proj", spec.hidden_size, rows, false);
    layer.mlp.gate = layer.mlp.up = {};
    layer.mlp.gate_up =
        Linear(LlamaLayer(i) + "mlp.gate_up_proj", spec.hidden_size, 2 * spec.mlp_size, false);
  }
}

// Llama's blocks under GPT-2's names.
void NameExaoneTensors(int64_t layer_count, DecoderSpec& spec) {
  spec.base_prefix = "transformer.";
  spec.embedding = "transformer.wte.weight";
  spec.final_norm = {"transformer.ln_f.weight", ""};
  NameHead("lm_head", spec.hidden_size, false, spec);
  const int64_t h = spec.hidden_size;
  const int64_t q_size = spec.heads * spec.head_dim;
  const int64_t kv_size = spec.kv_heads * spec.head_dim;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("transformer.h.{}.", i);
    const std::string attention = at + "attn.attention.";
    LayerSpec layer;
    layer.attention_norm = {at + "ln_1.weight", ""};
    layer.mlp_norm = {at + "ln_2.weight", ""};
    layer.q = Linear(attention + "q_proj", h, q_size, false);
    layer.k = Linear(attention + "k_proj", h, kv_size, false);
    layer.v = Linear(attention + "v_proj", h, kv_size, false);
    layer.attention_out = Linear(attention + "out_proj", q_size, h, false);
    layer.mlp.gate = Linear(at + "mlp.c_fc_0", h, spec.mlp_size, false);
    layer.mlp.up = Linear(at + "mlp.c_fc_1", h, spec.mlp_size, false);
    layer.mlp.down = Linear(at + "mlp.c_proj", spec.mlp_size, h, false);
    layer.score_scale = HeadScale(spec);
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
  LlamaDefaults defaults;
  defaults.mlp_size = 14336;
  defaults.kv_heads = 8;
  defaults.max_positions = 131072;
  FillLlamaSizes(config, defaults, spec);
  NameLlamaTensors({}, LayerCount(config, "num_hidden_layers", 32), spec);
  SetWindows(ReadWindow(config, "sliding_window", 4096), spec);
}

void FillQwen2(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 151936;
  defaults.mlp_size = 22016;
  defaults.kv_heads = 32;
  defaults.max_positions = 32768;
  FillLlamaSizes(config, defaults, spec);
  NameLlamaTensors({true, false, false}, LayerCount(config, "num_hidden_layers", 32), spec);
  ReadQwenWindows(config, spec);
}

void FillQwen3(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 151936;
  defaults.mlp_size = 22016;
  defaults.kv_heads = 32;
  defaults.head_dim = 128;
  defaults.max_positions = 32768;
  FillLlamaSizes(config, defaults, spec);
  const bool bias = config.Bool("attention_bias", false);
  NameLlamaTensors({bias, bias, false}, LayerCount(config, "num_hidden_layers", 32), spec);
  NameQkNorms(QkNorm::kPerHead, spec);
  ReadQwenWindows(config, spec);
}

void FillPhi3(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 32064;
  defaults.hidden_size = 3072;
  defaults.mlp_size = 8192;
  defaults.max_positions = 4096;
  defaults.norm_epsilon = 1e-5;
  defaults.original_positions = 4096;
  defaults.long_rope_names = true;
  FillLlamaSizes(config, defaults, spec);
  spec.rope_restarts = true;
  // Left-overs of other models of the name, which the class never read.
  for (const std::string_view key : {"full_attn_mod", "interpolate_factor"}) config.MarkRead(key);
  NameLlamaTensors({}, LayerCount(config, "num_hidden_layers", 32), spec);
  FuseProjections(spec);
  SetWindows(ReadWindow(config, "sliding_window", 0), spec);
}

void FillOlmo2(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 50304;
  defaults.norm_epsilon = 1e-5;
  FillLlamaSizes(config, defaults, spec);
  spec.norm = NormKind::kRmsWide;
  const bool bias = config.Bool("attention_bias", false);
  NameLlamaTensors({bias, bias, false}, LayerCount(config, "num_hidden_layers", 32), spec);
  NameQkNorms(QkNorm::kWholeProjection, spec);
  NamePostNorms(spec);
}

void FillExaone4(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 102400;
  defaults.mlp_size = 16384;
  defaults.kv_heads = 32;
  defaults.norm_epsilon = 1e-5;
  FillLlamaSizes(config, defaults, spec);
  NameLlamaTensors({}, LayerCount(config, "num_hidden_layers", 32), spec);
  NameQkNorms(QkNorm::kPerHead, spec);
  NamePostNorms(spec);
  ReadExaoneWindows(config, spec);
  // Global layers of a model with a window have no positions.
  if (ReadWindow(config, "sliding_window", 4096) == 0) return;
  spec.ropes.push_back({});
  for (LayerSpec& layer : spec.layers) layer.rope = layer.window > 0 ? 0 : 1;
}

void FillExaone(ConfigReader& config, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", 102400, 1, kVocabMax);
  spec.hidden_size = config.Int("hidden_size", 2048, 1, kSizeMax);
  spec.mlp_size = config.Int("intermediate_size", 4 * spec.hidden_size, 1, 4 * kSizeMax);
  spec.heads = config.Int("num_attention_heads", 32, 1, kSizeMax);
  spec.kv_heads = config.Int("num_key_value_heads", spec.heads, 1, kSizeMax);
  // The class derives it; files state it besides.
  spec.head_dim = HeadDim(config, "hidden_size", spec);
  if (config.Int("head_dim", spec.head_dim, 1, kSizeMax) != spec.head_dim) {
    config.Fail("head_dim", "differs from hidden_size / num_attention_heads");
  }
  spec.max_positions = config.Int("max_position_embeddings", 2048, 1, kPositionsMax);
  spec.norm = NormKind::kRms;
  spec.norm_epsilon = config.Double("layer_norm_epsilon", 1e-5, 0, 1);
  spec.activation = ReadActivation(config, "activation_function", "silu");
  spec.tied_head = config.Bool("tie_word_embeddings", true);
  spec.ropes = {ReadRope(config, {}, spec.head_dim, spec.max_positions)};
  config.MarkRead("embed_dropout");
  CheckHeads(config, spec);
  // Both names of the class.
  const int64_t layers = LayerCount(config, "num_hidden_layers", 32);
  NameExaoneTensors(LayerCount(config, "num_layers", layers), spec);
}

constexpr std::array kLlamaFamilies = {
    Family{"LlamaForCausalLM", "llama", "max_position_embeddings", 2048, FillLlama,
           kOlderFloat32Logits},
    Family{"MistralForCausalLM", "mistral", "max_position_embeddings", 131072, FillMistral,
           kOlderFloat32Logits},
    Family{"Qwen2ForCausalLM", "qwen2", "max_position_embeddings", 32768, FillQwen2,
           kOlderFloat32Logits},
    Family{"Qwen3ForCausalLM", "qwen3", "max_position_embeddings", 32768, FillQwen3},
    Family{"Phi3ForCausalLM", "phi3", "max_position_embeddings", 4096, FillPhi3,
           kOlderFloat32Logits},
    Family{"Olmo2ForCausalLM", "olmo2", "max_position_embeddings", 2048, FillOlmo2},
    Family{"ExaoneForCausalLM", "exaone", "max_position_embeddings", 2048, FillExaone},
    Family{"Exaone4ForCausalLM", "exaone4", "max_position_embeddings", 2048, FillExaone4},
};

}  // namespace

std::span<const Family> LlamaFamilies() {
  return kLlamaFamilies;
}

}  // namespace koeval::model
