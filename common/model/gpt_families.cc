// Families in the line of GPT: LayerNorm, plain MLP. Defaults are those of the family's config
// class, which is what an absent key means.
#include <fmt/core.h>

#include <array>
#include <string>
#include <utility>

#include "common/model/families.h"
#include "common/model/family_fields.h"
#include "common/model/rope_config.h"

namespace koeval::model {
namespace {

void NameGptNeoxTensors(bool attention_bias, int64_t layer_count, DecoderSpec& spec) {
  spec.base_prefix = "gpt_neox.";
  spec.embedding = "gpt_neox.embed_in.weight";
  spec.final_norm = LayerNorm("gpt_neox.final_layer_norm");
  NameHead("embed_out", spec.hidden_size, false, spec);
  const int64_t h = spec.hidden_size;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("gpt_neox.layers.{}.", i);
    LayerSpec layer;
    layer.attention_norm = LayerNorm(at + "input_layernorm");
    layer.mlp_norm = LayerNorm(at + "post_attention_layernorm");
    layer.qkv = Linear(at + "attention.query_key_value", h, 3 * h, attention_bias);
    layer.attention_out = Linear(at + "attention.dense", h, h, attention_bias);
    layer.mlp.up = Linear(at + "mlp.dense_h_to_4h", h, spec.mlp_size, true);
    layer.mlp.down = Linear(at + "mlp.dense_4h_to_h", spec.mlp_size, h, true);
    layer.score_scale = HeadScale(spec);
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
  const bool parallel = config.Bool("use_parallel_residual", true);
  spec.residual = parallel ? Residual::kParallel : Residual::kSerial;
  spec.qkv_layout = QkvLayout::kFusedGrouped;
  spec.tied_head = config.Bool("tie_word_embeddings", false);
  RopeDefaults rope;
  rope.partial_factor = 0.25;
  rope.theta_key = "rotary_emb_base";
  rope.partial_key = "rotary_pct";
  spec.ropes = {ReadRope(config, rope, spec.head_dim, spec.max_positions)};
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
  spec.final_norm = LayerNorm("transformer.ln_f");
  NameHead("lm_head", spec.hidden_size, false, spec);
  const int64_t h = spec.hidden_size;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("transformer.h.{}.", i);
    LayerSpec layer;
    layer.attention_norm = LayerNorm(at + "ln_1");
    layer.mlp_norm = LayerNorm(at + "ln_2");
    layer.qkv = Conv1D(at + "attn.c_attn", h, 3 * h);
    layer.attention_out = Conv1D(at + "attn.c_proj", h, h);
    layer.mlp.up = Conv1D(at + "mlp.c_fc", h, spec.mlp_size);
    layer.mlp.down = Conv1D(at + "mlp.c_proj", spec.mlp_size, h);
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
    double factor = scale ? HeadScale(spec) : 1;
    if (by_layer) factor /= static_cast<double>(i + 1);
    spec.layers[i].score_scale = factor;
  }
}

void NameGptjTensors(int64_t layer_count, DecoderSpec& spec) {
  spec.base_prefix = "transformer.";
  spec.embedding = "transformer.wte.weight";
  spec.final_norm = LayerNorm("transformer.ln_f");
  NameHead("lm_head", spec.hidden_size, true, spec);
  const int64_t h = spec.hidden_size;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("transformer.h.{}.", i);
    LayerSpec layer;
    layer.attention_norm = LayerNorm(at + "ln_1");
    NameSquareAttention(at + "attn", false, spec, layer);
    layer.mlp.up = Linear(at + "mlp.fc_in", h, spec.mlp_size, true);
    layer.mlp.down = Linear(at + "mlp.fc_out", spec.mlp_size, h, true);
    spec.layers.push_back(std::move(layer));
  }
}

void FillGptj(ConfigReader& config, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", 50400, 1, kVocabMax);
  spec.hidden_size = config.Int("n_embd", 4096, 1, kSizeMax);
  spec.heads = spec.kv_heads = config.Int("n_head", 16, 1, kSizeMax);
  spec.head_dim = HeadDim(config, "n_embd", spec);
  spec.mlp_size = config.Int("n_inner", 4 * spec.hidden_size, 1, 4 * kSizeMax);
  spec.max_positions = config.Int("n_positions", 2048, 1, kPositionsMax);
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = config.Double("layer_norm_epsilon", 1e-5, 0, 1);
  spec.activation = ReadActivation(config, "activation_function", "gelu_new");
  spec.residual = Residual::kParallelOneNorm;
  spec.float32_scores = true;
  spec.tied_head = config.Bool("tie_word_embeddings", false);
  // The class reads neither; it always rotates and always scales.
  for (const std::string_view key : {"rotary", "scale_attn_weights"}) config.MarkRead(key);
  RopeSpec rope;
  rope.kind = RopeKind::kDefault;
  rope.interleaved = true;
  rope.dim = config.Int("rotary_dim", 64, 2, kSizeMax);
  if (config.IsNull("rotary_dim") || rope.dim > spec.head_dim || rope.dim % 2 != 0) {
    config.Fail("rotary_dim",
                fmt::format("must be even and at most the {} dimensions of a head", spec.head_dim));
  }
  spec.ropes = {rope};
  NameGptjTensors(LayerCount(config, "n_layer", 28), spec);
}

void NameOptTensors(int64_t layer_count, bool bias, DecoderSpec& spec) {
  spec.base_prefix = "model.";
  spec.embedding = "model.decoder.embed_tokens.weight";
  spec.position_embedding = "model.decoder.embed_positions.weight";
  const int64_t h = spec.hidden_size;
  const bool before = spec.residual == Residual::kSerial;
  for (int64_t i = 0; i < layer_count; ++i) {
    const std::string at = fmt::format("model.decoder.layers.{}.", i);
    LayerSpec layer;
    (before ? layer.attention_norm : layer.attention_post_norm) =
        LayerNorm(at + "self_attn_layer_norm");
    (before ? layer.mlp_norm : layer.mlp_post_norm) = LayerNorm(at + "final_layer_norm");
    NameSquareAttention(at + "self_attn", bias, spec, layer);
    layer.mlp.up = Linear(at + "fc1", h, spec.mlp_size, bias);
    layer.mlp.down = Linear(at + "fc2", spec.mlp_size, h, bias);
    spec.layers.push_back(std::move(layer));
  }
}

void FillOpt(ConfigReader& config, DecoderSpec& spec) {
  spec.vocab_size = config.Int("vocab_size", 50272, 1, kVocabMax);
  spec.hidden_size = config.Int("hidden_size", 768, 1, kSizeMax);
  spec.heads = spec.kv_heads = config.Int("num_attention_heads", 12, 1, kSizeMax);
  spec.head_dim = HeadDim(config, "hidden_size", spec);
  spec.mlp_size = config.Int("ffn_dim", 3072, 1, kSizeMax);
  spec.max_positions = config.Int("max_position_embeddings", 2048, 1, kPositionsMax);
  spec.position_offset = 2;
  spec.norm = NormKind::kLayerNorm;
  spec.norm_epsilon = 1e-5;  // fixed in the class
  spec.activation = ReadActivation(config, "activation_function", "relu");
  const bool before = config.Bool("do_layer_norm_before", true);
  spec.residual = before ? Residual::kSerial : Residual::kNormOfSum;
  spec.tied_head = config.Bool("tie_word_embeddings", true);
  if (!config.Bool("layer_norm_elementwise_affine", true)) {
    config.Unsupported("layer_norm_elementwise_affine", "is false; norms need their weights here");
  }
  // Used in training only.
  for (const std::string_view key : {"dropout", "activation_dropout", "layerdrop", "init_std"}) {
    config.MarkRead(key);
  }
  const bool no_final_norm = config.Bool("_remove_final_layer_norm", false);
  NameOptTensors(LayerCount(config, "num_hidden_layers", 12), config.Bool("enable_bias", true),
                 spec);
  if (before && !no_final_norm) spec.final_norm = LayerNorm("model.decoder.final_layer_norm");
  const int64_t size = config.Int("word_embed_proj_dim", spec.hidden_size, 1, kSizeMax);
  if (size != spec.hidden_size) {
    spec.embedding_in = Linear("model.decoder.project_in", size, spec.hidden_size, false);
    spec.head_in = Linear("model.decoder.project_out", spec.hidden_size, size, false);
  }
  NameHead("lm_head", size, false, spec);
}

constexpr std::array kGptFamilies = {
    Family{"GPTNeoXForCausalLM", "gpt_neox", "max_position_embeddings", 2048, FillGptNeox},
    Family{"GPT2LMHeadModel", "gpt2", "n_positions", 1024, FillGpt2},
    Family{"GPTJForCausalLM", "gptj", "n_positions", 2048, FillGptj, kOlderFloat32Logits},
    Family{"OPTForCausalLM", "opt", "max_position_embeddings", 2048, FillOpt},
};

}  // namespace

std::span<const Family> GptFamilies() {
  return kGptFamilies;
}

}  // namespace koeval::model
