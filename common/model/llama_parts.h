// What families built like Llama share: sizes with the defaults of their class, tensor names.
// Internal to common/model.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/model/config_reader.h"
#include "common/model/decoder_spec.h"

namespace koeval::model {

// The values that an absent key means in a class built like Llama.
struct LlamaDefaults {
  int64_t vocab_size = 32000;
  int64_t hidden_size = 4096;
  int64_t mlp_size = 11008;
  int64_t heads = 32;
  int64_t kv_heads = 0;  // 0: as many as heads
  int64_t head_dim = 0;  // 0: hidden / heads
  int64_t max_positions = 2048;
  double norm_epsilon = 1e-6;
  double theta = 10000;
  bool tied = false;
  std::string_view activation_key = "hidden_act";
  std::string_view activation = "silu";
  // As in RopeDefaults.
  int64_t original_positions = 0;
  bool long_rope_names = false;
  bool has_ropes = true;  // false: the family reads its own
};

// Sizes, norms, rope and head of everything that is built like Llama.
void FillLlamaSizes(ConfigReader& config, const LlamaDefaults& defaults, DecoderSpec& spec);

struct LlamaBiases {
  bool qkv = false;
  bool out = false;
  bool mlp = false;
};

// "model.layers.{i}."
std::string LlamaLayer(size_t index);
// Layers with Llama's tensor names, `layer_count` of them.
void NameLlamaTensors(const LlamaBiases& biases, int64_t layer_count, DecoderSpec& spec);
// NAME.gate_proj, NAME.up_proj, NAME.down_proj.
MlpSpec LlamaMlp(const DecoderSpec& spec, const std::string& name, int64_t size, bool bias);
// Gives every layer the norms self_attn.q_norm and self_attn.k_norm.
void NameQkNorms(QkNorm kind, DecoderSpec& spec);
// Moves each layer's norms behind attention and MLP: post_attention_layernorm and
// post_feedforward_layernorm.
void NamePostNorms(DecoderSpec& spec);

}  // namespace koeval::model
