// Families with Llama's names whose norms are LayerNorms. Defaults are those of the family's config
// class, which is what an absent key means.
#include <fmt/core.h>

#include <array>
#include <string>
#include <vector>

#include "common/model/families.h"
#include "common/model/family_fields.h"
#include "common/model/llama_parts.h"
#include "common/model/rope_config.h"

namespace koeval::model {
namespace {

// A field that the class does not read because its code has the one value.
void Expect(ConfigReader& config, std::string_view key, const Json& value) {
  const Json* stated = config.Find(key);
  if (stated != nullptr && *stated != value) {
    config.Unsupported(
        key, fmt::format("is {}; supported: {}", stated->dump().substr(0, 100), value.dump()));
  }
}

// Llama's norms with their biases; no second one where a layer needs one norm.
void NameNormsWithBias(DecoderSpec& spec) {
  spec.final_norm = LayerNorm("model.norm");
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const std::string at = LlamaLayer(i);
    LayerSpec& layer = spec.layers[i];
    layer.attention_norm = LayerNorm(at + "input_layernorm");
    layer.mlp_norm = {};
    if (spec.residual == Residual::kSerial) {
      layer.mlp_norm = LayerNorm(at + "post_attention_layernorm");
    }
  }
}

LlamaDefaults CohereDefaults() {
  LlamaDefaults defaults;
  defaults.vocab_size = 256000;
  defaults.hidden_size = 8192;
  defaults.mlp_size = 22528;
  defaults.heads = 64;
  defaults.max_positions = 8192;
  defaults.tied = true;
  return defaults;
}

// What both generations of Cohere's layers share.
void FillCohereLayers(ConfigReader& config, DecoderSpec& spec) {
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = config.Double("layer_norm_eps", 1e-5, 0, 1);
  spec.residual = Residual::kParallelOneNorm;
  spec.logit_scale = config.Double("logit_scale", 0.0625, -kScaleMax, kScaleMax);
  spec.ropes[0].interleaved = true;
  const bool bias = config.Bool("attention_bias", false);
  NameLlamaTensors({bias, bias, false}, LayerCount(config, "num_hidden_layers", 40), spec);
  for (LayerSpec& layer : spec.layers) layer.mlp_norm = {};
  config.MarkRead("model_max_length");  // of the tokenizer
}

void FillCohere(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults = CohereDefaults();
  defaults.theta = 500000;
  FillLlamaSizes(config, defaults, spec);
  FillCohereLayers(config, spec);
  if (config.Bool("use_qk_norm", false)) NameQkNorms(QkNorm::kEachHead, spec);
}

void FillCohere2(ConfigReader& config, DecoderSpec& spec) {
  FillLlamaSizes(config, CohereDefaults(), spec);
  FillCohereLayers(config, spec);
  Expect(config, "position_embedding_type", "rope_gptj");
  Expect(config, "order_of_interleaved_layers", "local_attn_first");
  Expect(config, "rotary_pct", 1.0);
  Expect(config, "use_parallel_block", true);
  Expect(config, "use_gated_activation", true);
  // Names for what other fields say.
  for (const std::string_view key : {"layer_switch", "use_embedding_sharing"}) config.MarkRead(key);
  const int64_t window = ReadWindow(config, "sliding_window", 4096);
  if (window == 0)
    config.Fail("sliding_window", "is null or 0; layers without it have no positions");
  const auto every = static_cast<size_t>(config.Int("sliding_window_pattern", 4, 1, kLayersMax));
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    spec.layers[i].window = (i + 1) % every != 0 ? window : 0;
  }
  ReadLayerTypes(config, window, spec);
  // Global layers have no positions.
  spec.ropes.push_back({});
  for (LayerSpec& layer : spec.layers) layer.rope = layer.window > 0 ? 0 : 1;
}

std::vector<std::string> HeadWeights(const std::string& name, int64_t heads) {
  std::vector<std::string> out;
  for (int64_t h = 0; h < heads; ++h) out.push_back(fmt::format("{}.norms.{}.weight", name, h));
  return out;
}

void NameStableLmHeadNorms(DecoderSpec& spec) {
  spec.qk_norm = QkNorm::kEachHead;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const std::string at = LlamaLayer(i);
    LayerSpec& layer = spec.layers[i];
    layer.q_norm.head_weights = HeadWeights(at + "self_attn.q_layernorm", spec.heads);
    layer.k_norm.head_weights = HeadWeights(at + "self_attn.k_layernorm", spec.kv_heads);
  }
}

void FillStableLm(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 50304;
  defaults.hidden_size = 2560;
  defaults.mlp_size = 6912;
  defaults.kv_heads = 32;
  defaults.max_positions = 4096;
  defaults.has_ropes = false;
  FillLlamaSizes(config, defaults, spec);
  RopeDefaults rope;
  rope.partial_factor = 0.25;
  spec.ropes = {ReadRope(config, rope, spec.head_dim, spec.max_positions)};
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = config.Double("layer_norm_eps", 1e-5, 0, 1);
  const bool parallel = config.Bool("use_parallel_residual", false);
  spec.residual = parallel ? Residual::kParallelOneNorm : Residual::kSerial;
  const bool bias = config.Bool("use_qkv_bias", false);
  NameLlamaTensors({bias, false, false}, LayerCount(config, "num_hidden_layers", 32), spec);
  NameNormsWithBias(spec);
  if (config.Bool("qk_layernorm", false)) NameStableLmHeadNorms(spec);
}

void FillStarcoder2(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 49152;
  defaults.hidden_size = 3072;
  defaults.mlp_size = 12288;
  defaults.heads = 24;
  defaults.kv_heads = 2;
  defaults.max_positions = 4096;
  defaults.activation = "gelu_pytorch_tanh";
  defaults.tied = true;
  FillLlamaSizes(config, defaults, spec);
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = config.Double("norm_epsilon", 1e-5, 0, 1);
  const bool bias = config.Bool("use_bias", true);
  NameLlamaTensors({bias, bias, bias}, LayerCount(config, "num_hidden_layers", 30), spec);
  NameNormsWithBias(spec);
  const int64_t window = ReadWindow(config, "sliding_window", 0);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.window = window;
    layer.mlp = {};
    layer.mlp.up = Linear(LlamaLayer(i) + "mlp.c_fc", spec.hidden_size, spec.mlp_size, bias);
    layer.mlp.down = Linear(LlamaLayer(i) + "mlp.c_proj", spec.mlp_size, spec.hidden_size, bias);
  }
  Expect(config, "mlp_type", "default");
  Expect(config, "norm_type", "layer_norm");
  // Second names, and settings of other code, which the class never read.
  for (const std::string_view key :
       {"activation_function", "layer_norm_epsilon", "attention_softmax_in_fp32",
        "scale_attention_softmax_in_fp32", "scale_attn_weights", "residual_dropout",
        "embedding_dropout"}) {
    config.MarkRead(key);
  }
}

constexpr std::array kLayerNormFamilies = {
    Family{"CohereForCausalLM", "cohere", "max_position_embeddings", 8192, FillCohere,
           kOlderFloat32Logits},
    Family{"Cohere2ForCausalLM", "cohere2", "max_position_embeddings", 8192, FillCohere2},
    Family{"StableLmForCausalLM", "stablelm", "max_position_embeddings", 4096, FillStableLm,
           kOlderFloat32Logits},
    Family{"Starcoder2ForCausalLM", "starcoder2", "max_position_embeddings", 4096, FillStarcoder2,
           kOlderFloat32Logits},
};

}  // namespace

std::span<const Family> LayerNormFamilies() {
  return kLayerNormFamilies;
}

}  // namespace koeval::model
