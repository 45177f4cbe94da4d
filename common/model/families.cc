// Spec and tensor names of each family. Defaults are those of the family's config class, which is
// what an absent key means.
#include "common/model/families.h"

#include <fmt/core.h>

#include <array>
#include <cmath>

#include "common/model/rope_config.h"

namespace koeval::model {
namespace {

// Bounds of config.json: no product of two of these overflows.
constexpr int64_t kSizeMax = int64_t{1} << 24;
constexpr int64_t kVocabMax = int64_t{1} << 28;
constexpr int64_t kLayersMax = 2048;
constexpr int64_t kPositionsMax = int64_t{1} << 30;

Activation ReadActivation(ConfigReader& config, std::string_view key, std::string_view fallback) {
  const std::string name = config.String(key, fallback);
  if (name == "silu" || name == "swish") return Activation::kSilu;
  if (name == "gelu") return Activation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh" || name == "gelu_fast") {
    return Activation::kGeluTanh;
  }
  if (name == "relu") return Activation::kRelu;
  config.Unsupported(key, fmt::format("is \"{}\"; supported: silu, gelu, gelu_new, "
                                      "gelu_pytorch_tanh, gelu_fast, relu",
                                      name.substr(0, 100)));
  return Activation::kSilu;
}

LinearSpec Linear(const std::string& name, int64_t in, int64_t out, bool bias) {
  return {name + ".weight", bias ? name + ".bias" : "", in, out, false};
}

// Head counts and sizes: heads divide what they must.
void CheckHeads(ConfigReader& config, const DecoderSpec& spec) {
  if (spec.heads % spec.kv_heads != 0) {
    config.Fail("num_key_value_heads", fmt::format("is {}, which does not divide the {} heads",
                                                   spec.kv_heads, spec.heads));
  }
}

int64_t HeadDim(ConfigReader& config, std::string_view hidden_key, const DecoderSpec& spec) {
  if (spec.hidden_size % spec.heads != 0) {
    config.Fail(hidden_key, fmt::format("is {}, which the {} heads do not divide", spec.hidden_size,
                                        spec.heads));
  }
  return std::max<int64_t>(1, spec.hidden_size / spec.heads);
}

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

int64_t LayerCount(ConfigReader& config, std::string_view key, int64_t fallback) {
  return config.Int(key, fallback, 1, kLayersMax);
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

void NameGptNeoxTensors(bool attention_bias, int64_t layer_count, DecoderSpec& spec) {
  spec.base_prefix = "gpt_neox.";
  spec.embedding = "gpt_neox.embed_in.weight";
  spec.final_norm = {"gpt_neox.final_layer_norm.weight", "gpt_neox.final_layer_norm.bias"};
  spec.head = Linear("embed_out", spec.hidden_size, spec.vocab_size, false);
  if (spec.tied_head) spec.head.weight = spec.embedding;
  const int64_t h = spec.hidden_size;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("gpt_neox.layers.{}.", i);
    LayerSpec layer;
    layer.attention_norm = {at + "input_layernorm.weight", at + "input_layernorm.bias"};
    layer.mlp_norm = {at + "post_attention_layernorm.weight", at + "post_attention_layernorm.bias"};
    layer.qkv = Linear(at + "attention.query_key_value", h, 3 * h, attention_bias);
    layer.attention_out = Linear(at + "attention.dense", h, h, attention_bias);
    layer.up = Linear(at + "mlp.dense_h_to_4h", h, spec.mlp_size, true);
    layer.down = Linear(at + "mlp.dense_4h_to_h", spec.mlp_size, h, true);
    layer.score_scale = 1 / std::sqrt(static_cast<double>(spec.head_dim));
    spec.layers.push_back(std::move(layer));
  }
}

void FillGptNeox(ConfigReader& config, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", 50432, 1, kVocabMax);
  spec.hidden_size = config.Int("hidden_size", 6144, 1, kSizeMax);
  spec.mlp_size = config.Int("intermediate_size", 24576, 1, kSizeMax);
  spec.heads = spec.kv_heads = config.Int("num_attention_heads", 64, 1, kSizeMax);
  spec.head_dim = HeadDim(config, "hidden_size", spec);
  spec.max_positions = config.Int("max_position_embeddings", 2048, 1, kPositionsMax);
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = config.Double("layer_norm_eps", 1e-5, 0, 1);
  spec.activation = ReadActivation(config, "hidden_act", "gelu");
  spec.gated_mlp = false;
  spec.parallel_residual = config.Bool("use_parallel_residual", true);
  spec.qkv_layout = QkvLayout::kFusedPerHead;
  spec.tied_head = config.Bool("tie_word_embeddings", false);
  spec.rope = ReadRope(config, {10000, 0.25, "rotary_emb_base", "rotary_pct"}, spec.head_dim,
                       spec.max_positions);
  const bool attention_bias = config.Bool("attention_bias", true);
  NameGptNeoxTensors(attention_bias, LayerCount(config, "num_hidden_layers", 44), spec);
}

// Conv1D keeps (in, out).
LinearSpec Conv1D(const std::string& name, int64_t in, int64_t out) {
  return {name + ".weight", name + ".bias", in, out, true};
}

void NameGpt2Tensors(int64_t layer_count, DecoderSpec& spec) {
  spec.base_prefix = "transformer.";
  spec.embedding = "transformer.wte.weight";
  spec.position_embedding = "transformer.wpe.weight";
  spec.final_norm = {"transformer.ln_f.weight", "transformer.ln_f.bias"};
  spec.head = Linear("lm_head", spec.hidden_size, spec.vocab_size, false);
  if (spec.tied_head) spec.head.weight = spec.embedding;
  const int64_t h = spec.hidden_size;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("transformer.h.{}.", i);
    LayerSpec layer;
    layer.attention_norm = {at + "ln_1.weight", at + "ln_1.bias"};
    layer.mlp_norm = {at + "ln_2.weight", at + "ln_2.bias"};
    layer.qkv = Conv1D(at + "attn.c_attn", h, 3 * h);
    layer.attention_out = Conv1D(at + "attn.c_proj", h, h);
    layer.up = Conv1D(at + "mlp.c_fc", h, spec.mlp_size);
    layer.down = Conv1D(at + "mlp.c_proj", spec.mlp_size, h);
    spec.layers.push_back(std::move(layer));
  }
}

void FillGpt2(ConfigReader& config, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", 50257, 1, kVocabMax);
  spec.hidden_size = config.Int("n_embd", 768, 1, kSizeMax);
  spec.heads = spec.kv_heads = config.Int("n_head", 12, 1, kSizeMax);
  spec.head_dim = HeadDim(config, "n_embd", spec);
  spec.mlp_size = config.Int("n_inner", 4 * spec.hidden_size, 1, 4 * kSizeMax);
  spec.max_positions = config.Int("n_positions", 1024, 1, kPositionsMax);
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = config.Double("layer_norm_epsilon", 1e-5, 0, 1);
  spec.activation = ReadActivation(config, "activation_function", "gelu_new");
  spec.gated_mlp = false;
  spec.qkv_layout = QkvLayout::kFusedStacked;
  spec.tied_head = config.Bool("tie_word_embeddings", true);
  const bool scale = config.Bool("scale_attn_weights", true);
  const bool by_layer = config.Bool("scale_attn_by_inverse_layer_idx", false);
  // The upcast changes rounding in half precision only; scores here are summed in float32 anyway.
  config.Bool("reorder_and_upcast_attn", false);
  if (config.Bool("add_cross_attention", false)) {
    config.Unsupported("add_cross_attention", "is true; only decoders without an encoder run here");
  }
  NameGpt2Tensors(LayerCount(config, "n_layer", 12), spec);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    double factor = scale ? 1 / std::sqrt(static_cast<double>(spec.head_dim)) : 1;
    if (by_layer) factor /= static_cast<double>(i + 1);
    spec.layers[i].score_scale = factor;
  }
}

constexpr std::array kFamilies = {
    Family{"LlamaForCausalLM", "llama", "max_position_embeddings", 2048, FillLlama},
    Family{"MistralForCausalLM", "mistral", "max_position_embeddings", 131072, FillMistral},
    Family{"Qwen2ForCausalLM", "qwen2", "max_position_embeddings", 32768, FillQwen2},
    Family{"GPTNeoXForCausalLM", "gpt_neox", "max_position_embeddings", 2048, FillGptNeox},
    Family{"GPT2LMHeadModel", "gpt2", "n_positions", 1024, FillGpt2},
};

}  // namespace

std::span<const Family> Families() {
  return kFamilies;
}

const Family* FindFamilyByType(std::string_view model_type) {
  for (const Family& family : kFamilies) {
    if (family.model_type == model_type) return &family;
  }
  return nullptr;
}

const Family* FindFamilyByArchitecture(std::string_view architecture) {
  for (const Family& family : kFamilies) {
    if (family.architecture == architecture) return &family;
  }
  return nullptr;
}

std::string SupportedArchitectures() {
  std::string out;
  for (const Family& family : kFamilies) {
    out += fmt::format("{}{}", out.empty() ? "" : ", ", family.architecture);
  }
  return out;
}

}  // namespace koeval::model
