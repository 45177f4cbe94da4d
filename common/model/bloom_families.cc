// BLOOM and Falcon, which keep queries, keys and values of each key head together and may have
// attention with linear biases. Defaults are those of the family's config class, which is what an
// absent key means.
#include <fmt/core.h>

#include <array>
#include <string>
#include <utility>

#include "common/model/families.h"
#include "common/model/family_fields.h"
#include "common/model/rope_config.h"

namespace koeval::model {
namespace {

// An integer that has two names, of which a file may use either, or both with one value.
int64_t ReadEither(ConfigReader& config, std::string_view key, std::string_view other,
                   int64_t fallback, int64_t high) {
  const int64_t value = config.Int(key, config.Int(other, fallback, 1, high), 1, high);
  if (config.Find(other) != nullptr && config.Int(other, value, 1, high) != value) {
    config.Fail(other, fmt::format("differs from \"{}\", which means the same", key));
  }
  return value;
}

void NameTensors(int64_t layer_count, bool bias, DecoderSpec& spec) {
  spec.base_prefix = "transformer.";
  spec.embedding = "transformer.word_embeddings.weight";
  spec.final_norm = LayerNorm("transformer.ln_f");
  NameHead("lm_head", spec.hidden_size, false, spec);
  const int64_t h = spec.hidden_size;
  const int64_t rows = (spec.heads + 2 * spec.kv_heads) * spec.head_dim;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("transformer.h.{}.", i);
    LayerSpec layer;
    layer.attention_norm = LayerNorm(at + "input_layernorm");
    if (spec.residual == Residual::kSerial) {
      layer.mlp_norm = LayerNorm(at + "post_attention_layernorm");
    } else if (spec.residual == Residual::kParallel) {
      layer.attention_norm = LayerNorm(at + "ln_attn");
      layer.mlp_norm = LayerNorm(at + "ln_mlp");
    }
    layer.qkv = Linear(at + "self_attention.query_key_value", h, rows, bias);
    layer.attention_out = Linear(at + "self_attention.dense", h, h, bias);
    layer.mlp.up = Linear(at + "mlp.dense_h_to_4h", h, spec.mlp_size, bias);
    layer.mlp.down = Linear(at + "mlp.dense_4h_to_h", spec.mlp_size, h, bias);
    layer.score_scale = HeadScale(spec);
    spec.layers.push_back(std::move(layer));
  }
}

void FillBloom(ConfigReader& config, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", 250880, 1, kVocabMax);
  spec.hidden_size = ReadEither(config, "n_embed", "hidden_size", 64, kSizeMax);
  spec.heads = spec.kv_heads = ReadEither(config, "n_head", "num_attention_heads", 8, kSizeMax);
  spec.head_dim = HeadDim(config, "hidden_size", spec);
  spec.mlp_size = 4 * spec.hidden_size;
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = config.Double("layer_norm_epsilon", 1e-5, 0, 1);
  spec.activation = Activation::kGeluTanh;
  spec.qkv_layout = QkvLayout::kFusedGrouped;
  spec.alibi.slopes = AlibiSlopes(spec.heads);
  spec.float32_scores = true;
  spec.tied_head = config.Bool("tie_word_embeddings", true);
  RefuseTrue(config, "apply_residual_connection_post_layernorm",
             "residuals that start behind the norms");
  // Left-overs of the training code, which the class never read, and orders of equal sums.
  for (const std::string_view key :
       {"attention_softmax_in_fp32", "bias_dropout_fusion", "masked_softmax_fusion", "n_inner",
        "offset_alibi", "seq_length", "skip_bias_add", "skip_bias_add_qkv", "slow_but_exact"}) {
    config.MarkRead(key);
  }
  const int64_t layers = ReadEither(config, "n_layer", "num_hidden_layers", 2, kLayersMax);
  NameTensors(layers, true, spec);
  spec.embedding_norm = LayerNorm("transformer.word_embeddings_layernorm");
}

// Key heads and norms of Falcon's three generations of layers.
void ReadFalconLayers(ConfigReader& config, DecoderSpec& spec) {
  const int64_t stated = config.Int("num_kv_heads", spec.heads, 1, kSizeMax);
  const bool multi_query = config.Bool("multi_query", true);
  const bool parallel = config.Bool("parallel_attn", true);
  const bool newer = config.Bool("new_decoder_architecture", false);
  const int64_t norms = config.Int("num_ln_in_parallel_attn", newer ? 2 : 1, 1, 2);
  if (newer) {
    spec.kv_heads = stated;
    spec.residual = norms == 2 ? Residual::kParallel : Residual::kParallelOneNorm;
    if (!parallel) {
      config.Fail("parallel_attn", "is false, which new_decoder_architecture does not allow");
    }
  } else {
    spec.kv_heads = multi_query ? 1 : spec.heads;
    spec.residual = parallel ? Residual::kParallelOneNorm : Residual::kSerial;
    if (parallel && norms == 2) {
      config.Fail("num_ln_in_parallel_attn", "is 2, which needs new_decoder_architecture");
    }
  }
  if (spec.heads % spec.kv_heads != 0) {
    config.Fail("num_kv_heads", fmt::format("is {}, which does not divide the {} heads",
                                            spec.kv_heads, spec.heads));
    spec.kv_heads = spec.heads;
  }
}

void FillFalcon(ConfigReader& config, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", 65024, 1, kVocabMax);
  spec.hidden_size = ReadEither(config, "n_embed", "hidden_size", 4544, kSizeMax);
  spec.heads = config.Int("num_attention_heads", 71, 1, kSizeMax);
  spec.head_dim = HeadDim(config, "hidden_size", spec);
  spec.mlp_size = config.Int("ffn_hidden_size", 4 * spec.hidden_size, 1, 4 * kSizeMax);
  spec.max_positions = config.Int("max_position_embeddings", 2048, 1, kPositionsMax);
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = config.Double("layer_norm_epsilon", 1e-5, 0, 1);
  spec.activation = ReadActivation(config, "activation", "gelu");
  spec.qkv_layout = QkvLayout::kFusedGrouped;
  spec.tied_head = config.Bool("tie_word_embeddings", true);
  const RopeSpec rope = ReadRope(config, {}, spec.head_dim, spec.max_positions);
  if (config.Bool("alibi", false)) {
    // Biases join the scores before these are scaled, and are rounded whatever the dtype.
    const double scale = HeadScale(spec);
    spec.alibi = {AlibiSlopes(spec.heads), scale, true};
    spec.float32_scores = true;
  } else {
    spec.ropes = {rope};
  }
  ReadFalconLayers(config, spec);
  const bool bias = config.Bool("bias", false);
  NameTensors(LayerCount(config, "num_hidden_layers", 32), bias, spec);
}

constexpr std::array kBloomFamilies = {
    Family{"BloomForCausalLM", "bloom", "", 0, FillBloom},
    Family{"FalconForCausalLM", "falcon", "max_position_embeddings", 2048, FillFalcon},
};

}  // namespace

std::span<const Family> BloomFamilies() {
  return kBloomFamilies;
}

}  // namespace koeval::model
