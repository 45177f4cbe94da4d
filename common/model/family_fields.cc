// Fields and names that several families share.
#include "common/model/family_fields.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "common/base/utf8.h"

namespace koeval::model {

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
                                      Utf8Prefix(name, 100)));
  return Activation::kSilu;
}

LinearSpec Linear(const std::string& name, int64_t in, int64_t out, bool bias) {
  return {name + ".weight", bias ? name + ".bias" : "", in, out, false};
}

void NameHead(const std::string& name, int64_t in, bool bias, DecoderSpec& spec) {
  spec.head = Linear(name, in, spec.vocab_size, bias);
  if (spec.tied_head) spec.head.weight = spec.embedding;
}

void NameSquareAttention(const std::string& at, bool bias, const DecoderSpec& spec,
                         LayerSpec& layer) {
  const int64_t h = spec.hidden_size;
  layer.q = Linear(at + ".q_proj", h, h, bias);
  layer.k = Linear(at + ".k_proj", h, h, bias);
  layer.v = Linear(at + ".v_proj", h, h, bias);
  layer.attention_out = Linear(at + ".out_proj", h, h, bias);
  layer.score_scale = HeadScale(spec);
}

double HeadScale(const DecoderSpec& spec) {
  return 1 / std::sqrt(static_cast<double>(spec.head_dim));
}

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

NormSpec LayerNorm(const std::string& name) {
  return {name + ".weight", name + ".bias"};
}

int64_t LayerCount(ConfigReader& config, std::string_view key, int64_t fallback) {
  return config.Int(key, fallback, 1, kLayersMax);
}

int64_t ReadWindow(ConfigReader& config, std::string_view key, int64_t fallback) {
  const bool none = config.IsNull(key);
  return config.Int(key, none ? 0 : fallback, 0, kPositionsMax);
}

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
      if (window == 0) {
        config.Fail("layer_types", fmt::format("has \"sliding_attention\" at {}, but no "
                                               "sliding_window is in use; set it, or write "
                                               "\"full_attention\"",
                                               i));
      }
      spec.layers[i].window = window;
    } else if (type == "full_attention") {
      spec.layers[i].window = 0;
    } else {
      config.Unsupported("layer_types",
                         fmt::format("has {} at {}", Utf8Prefix(type.dump(), 100), i));
    }
  }
}

void RefuseTrue(ConfigReader& config, std::string_view key, std::string_view meaning) {
  if (config.Bool(key, false)) {
    config.Unsupported(key, fmt::format("is true; {} has no implementation here", meaning));
  }
}

}  // namespace koeval::model
