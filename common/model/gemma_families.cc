// Gemma 1 to 3 (text): (1 + w) norms, scaled embeddings, tanh softcaps, tied by default.
#include <array>
#include <cmath>
#include <string>

#include "common/model/families.h"
#include "common/model/family_fields.h"
#include "common/model/llama_parts.h"
#include "common/model/rope_config.h"

namespace koeval::model {
namespace {

void FillGemmaSizes(ConfigReader& config, LlamaDefaults defaults, DecoderSpec& spec) {
  defaults.head_dim = 256;
  defaults.tied = true;
  defaults.activation = "gelu_pytorch_tanh";
  FillLlamaSizes(config, defaults, spec);
  spec.norm = NormKind::kRmsOnePlus;
  spec.embedding_scale = std::sqrt(static_cast<double>(spec.hidden_size));
  RefuseTrue(config, "use_bidirectional_attention", "attention to later tokens");
}

void NameGemmaTensors(ConfigReader& config, int64_t layers, DecoderSpec& spec) {
  const bool bias = config.Bool("attention_bias", false);
  NameLlamaTensors({bias, bias, false}, LayerCount(config, "num_hidden_layers", layers), spec);
}

// The four norms of a layer of Gemma 2 and 3.
void NameFourNorms(DecoderSpec& spec) {
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.attention_post_norm = layer.mlp_norm;
    layer.mlp_norm = {LlamaLayer(i) + "pre_feedforward_layernorm.weight", ""};
    layer.mlp_post_norm = {LlamaLayer(i) + "post_feedforward_layernorm.weight", ""};
  }
}

void ReadScoreScale(ConfigReader& config, DecoderSpec& spec) {
  const double scalar = config.Double("query_pre_attn_scalar", 256, 1e-9, kScaleMax);
  for (LayerSpec& layer : spec.layers) layer.score_scale = 1 / std::sqrt(scalar);
}

// Absent means `fallback`, null means none (0).
double ReadSoftcap(ConfigReader& config, std::string_view key, double fallback) {
  return config.Double(key, config.IsNull(key) ? 0 : fallback, 0, kScaleMax);
}

// Every `pattern`th layer is global, the others have the window, unless layer_types says it.
void ReadGemmaWindows(ConfigReader& config, int64_t window, size_t pattern, DecoderSpec& spec) {
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if ((i + 1) % pattern != 0) spec.layers[i].window = window;
  }
  ReadLayerTypes(config, window, spec);
}

void FillGemma(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 256000;
  defaults.hidden_size = 3072;
  defaults.mlp_size = 24576;
  defaults.heads = 16;
  defaults.kv_heads = 16;
  defaults.max_positions = 8192;
  FillGemmaSizes(config, defaults, spec);
  // The first files said "gelu" and meant the tanh form; a second key came later to correct it.
  if (spec.activation == Activation::kGelu) spec.activation = Activation::kGeluTanh;
  if (config.Find("hidden_activation") != nullptr &&
      ReadActivation(config, "hidden_activation", "") != spec.activation) {
    config.Unsupported("hidden_activation", "differs from hidden_act; make them agree");
  }
  NameGemmaTensors(config, 28, spec);
}

void FillGemma2(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 256000;
  defaults.hidden_size = 2304;
  defaults.mlp_size = 9216;
  defaults.heads = 8;
  defaults.kv_heads = 4;
  defaults.max_positions = 8192;
  defaults.activation_key = "hidden_activation";
  FillGemmaSizes(config, defaults, spec);
  config.MarkRead("hidden_act");  // a copy that the class does not read
  NameGemmaTensors(config, 26, spec);
  NameFourNorms(spec);
  ReadScoreScale(config, spec);
  spec.score_softcap = ReadSoftcap(config, "attn_logit_softcapping", 50);
  spec.logit_softcap = ReadSoftcap(config, "final_logit_softcapping", 30);
  const int64_t window = ReadWindow(config, "sliding_window", 4096);
  if (config.Int("sliding_window_size", window, 0, kPositionsMax) != window) {
    config.Fail("sliding_window_size", "differs from sliding_window; make them agree");
  }
  ReadGemmaWindows(config, window, 2, spec);
}

void FillGemma3Text(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 262208;
  defaults.hidden_size = 2304;
  defaults.mlp_size = 9216;
  defaults.heads = 8;
  defaults.kv_heads = 4;
  defaults.max_positions = 131072;
  defaults.activation_key = "hidden_activation";
  defaults.has_ropes = false;
  FillGemmaSizes(config, defaults, spec);
  NameGemmaTensors(config, 26, spec);
  NameFourNorms(spec);
  NameQkNorms(QkNorm::kPerHead, spec);
  ReadScoreScale(config, spec);
  spec.logit_softcap = ReadSoftcap(config, "final_logit_softcapping", 0);
  if (config.Find("attn_logit_softcapping") != nullptr) {
    config.Unsupported("attn_logit_softcapping",
                       "is set, but the reference implementation of this family does not use it; "
                       "remove it");
  }
  const int64_t pattern = config.Int("sliding_window_pattern", 6, 1, kLayersMax);
  ReadGemmaWindows(config, ReadWindow(config, "sliding_window", 4096), static_cast<size_t>(pattern),
                   spec);
  spec.ropes =
      ReadGlobalAndLocalRope(config, {1'000'000, 10'000}, spec.head_dim, spec.max_positions);
  for (LayerSpec& layer : spec.layers) layer.rope = layer.window > 0 ? 1 : 0;
}

constexpr std::array kGemmaFamilies = {
    Family{"GemmaForCausalLM", "gemma", "max_position_embeddings", 8192, FillGemma,
           kOlderFloat32Logits},
    Family{"Gemma2ForCausalLM", "gemma2", "max_position_embeddings", 8192, FillGemma2,
           kOlderFloat32Logits},
    Family{"Gemma3ForCausalLM", "gemma3_text", "max_position_embeddings", 131072, FillGemma3Text},
    Family{"Gemma3ForConditionalGeneration", "gemma3", "max_position_embeddings", 131072,
           FillGemma3Text, !kOlderFloat32Logits, /*text_part=*/true},
};

}  // namespace

std::span<const Family> GemmaFamilies() {
  return kGemmaFamilies;
}

}  // namespace koeval::model
