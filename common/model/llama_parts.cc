// Sizes and names in the line of Llama.
#include "common/model/llama_parts.h"

#include <fmt/core.h>

#include <utility>

#include "common/model/family_fields.h"
#include "common/model/rope_config.h"

namespace koeval::model {

void FillLlamaSizes(ConfigReader& config, const LlamaDefaults& defaults, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", defaults.vocab_size, 1, kVocabMax);
  spec.hidden_size = config.Int("hidden_size", defaults.hidden_size, 1, kSizeMax);
  spec.mlp_size = config.Int("intermediate_size", defaults.mlp_size, 1, kSizeMax);
  spec.heads = config.Int("num_attention_heads", defaults.heads, 1, kSizeMax);
  // An absent key is the class default, a null one means "as many as heads".
  const bool as_heads = defaults.kv_heads == 0 || config.IsNull("num_key_value_heads");
  const int64_t fallback = as_heads ? spec.heads : defaults.kv_heads;
  spec.kv_heads = config.Int("num_key_value_heads", fallback, 1, kSizeMax);
  spec.head_dim = config.Find("head_dim") != nullptr || defaults.head_dim > 0
                      ? config.Int("head_dim", defaults.head_dim, 1, kSizeMax)
                      : HeadDim(config, "hidden_size", spec);
  spec.max_positions =
      config.Int("max_position_embeddings", defaults.max_positions, 1, kPositionsMax);
  spec.norm = NormKind::kRms;
  spec.norm_epsilon = config.Double("rms_norm_eps", defaults.norm_epsilon, 0, 1);
  spec.activation = ReadActivation(config, defaults.activation_key, defaults.activation);
  spec.qkv_layout = QkvLayout::kSeparate;
  spec.tied_head = config.Bool("tie_word_embeddings", defaults.tied);
  if (defaults.has_ropes) {
    RopeDefaults rope;
    rope.theta = defaults.theta;
    rope.original_positions = defaults.original_positions;
    rope.long_rope_names = defaults.long_rope_names;
    spec.ropes = {ReadRope(config, rope, spec.head_dim, spec.max_positions)};
  }
  CheckHeads(config, spec);
}

std::string LlamaLayer(size_t index) {
  return fmt::format("model.layers.{}.", index);
}

MlpSpec LlamaMlp(const DecoderSpec& spec, const std::string& name, int64_t size, bool bias) {
  MlpSpec mlp;
  mlp.gate = Linear(name + ".gate_proj", spec.hidden_size, size, bias);
  mlp.up = Linear(name + ".up_proj", spec.hidden_size, size, bias);
  mlp.down = Linear(name + ".down_proj", size, spec.hidden_size, bias);
  return mlp;
}

void NameLlamaTensors(const LlamaBiases& biases, int64_t layer_count, DecoderSpec& spec) {
  spec.base_prefix = "model.";
  spec.embedding = "model.embed_tokens.weight";
  spec.final_norm = {"model.norm.weight", ""};
  NameHead("lm_head", spec.hidden_size, false, spec);
  const int64_t q_size = spec.heads * spec.head_dim;
  const int64_t kv_size = spec.kv_heads * spec.head_dim;
  for (size_t i = 0; i < static_cast<size_t>(layer_count); ++i) {
    const std::string at = LlamaLayer(i);
    LayerSpec layer;
    layer.attention_norm = {at + "input_layernorm.weight", ""};
    layer.mlp_norm = {at + "post_attention_layernorm.weight", ""};
    layer.q = Linear(at + "self_attn.q_proj", spec.hidden_size, q_size, biases.qkv);
    layer.k = Linear(at + "self_attn.k_proj", spec.hidden_size, kv_size, biases.qkv);
    layer.v = Linear(at + "self_attn.v_proj", spec.hidden_size, kv_size, biases.qkv);
    layer.attention_out = Linear(at + "self_attn.o_proj", q_size, spec.hidden_size, biases.out);
    layer.mlp = LlamaMlp(spec, at + "mlp", spec.mlp_size, biases.mlp);
    layer.score_scale = HeadScale(spec);
    spec.layers.push_back(std::move(layer));
  }
}

void NameQkNorms(QkNorm kind, DecoderSpec& spec) {
  spec.qk_norm = kind;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i].q_norm = {LlamaLayer(i) + "self_attn.q_norm.weight", ""};
    spec.layers[i].k_norm = {LlamaLayer(i) + "self_attn.k_norm.weight", ""};
  }
}

void NamePostNorms(DecoderSpec& spec) {
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.attention_norm = {};
    layer.mlp_norm = {};
    layer.attention_post_norm = {LlamaLayer(i) + "post_attention_layernorm.weight", ""};
    layer.mlp_post_norm = {LlamaLayer(i) + "post_feedforward_layernorm.weight", ""};
  }
}

}  // namespace koeval::model
