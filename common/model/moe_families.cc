// Families whose layers send each token to a few of many experts.
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>

#include "common/model/families.h"
#include "common/model/family_fields.h"
#include "common/model/llama_parts.h"

namespace koeval::model {
namespace {

struct Routing {
  int64_t experts = 0;
  int64_t chosen = 0;
  bool renormalised = false;
};

// Both names of the number of experts in each of `layers`; at least one is chosen, at most all.
Routing ReadRouting(ConfigReader& config, std::string_view count_key, int64_t experts,
                    int64_t chosen, size_t layers) {
  const std::string_view other = count_key == "num_experts" ? "num_local_experts" : "num_experts";
  Routing out;
  const int64_t stated = config.Int(other, experts, 1, kExpertsMax);
  out.experts = config.Int(count_key, stated, 1, kExpertsMax);
  out.chosen = config.Int("num_experts_per_tok", chosen, 1, kExpertsMax);
  if (out.chosen > out.experts) {
    config.Fail("num_experts_per_tok",
                fmt::format("is {}, but there are {} experts", out.chosen, out.experts));
    out.chosen = out.experts;
  }
  if (out.experts * static_cast<int64_t>(layers) > kExpertsOfAllLayersMax) {
    config.Fail(count_key,
                fmt::format("is {} in {} layers; at most {} experts in all can be loaded",
                            out.experts, layers, kExpertsOfAllLayersMax));
    out.experts = out.chosen = 1;
  }
  // Weights of losses and noise of training.
  for (const std::string_view key :
       {"output_router_logits", "router_aux_loss_coef", "router_jitter_noise"}) {
    config.MarkRead(key);
  }
  return out;
}

// The router NAME.gate and the experts, each of which `make_expert` names by NAME.experts.{e}.
template <typename MakeExpert>
ExpertsSpec NameExperts(const DecoderSpec& spec, const Routing& routing, const std::string& name,
                        const MakeExpert& make_expert) {
  ExpertsSpec out;
  out.router = Linear(name + ".gate", spec.hidden_size, routing.experts, false);
  out.chosen = routing.chosen;
  out.renormalised = routing.renormalised;
  for (int64_t e = 0; e < routing.experts; ++e) {
    out.experts.push_back(make_expert(fmt::format("{}.experts.{}", name, e)));
  }
  return out;
}

// Indices of mlp_only_layers.
std::set<int64_t> ReadDenseLayers(ConfigReader& config) {
  std::set<int64_t> out;
  const Json* list = config.Find("mlp_only_layers");
  if (list == nullptr) return out;
  for (const Json& index : *list) {
    if (!list->is_array() || !index.is_number_integer()) {
      config.Fail("mlp_only_layers", "must be a list of layer numbers");
      return out;
    }
    out.insert(index.get<int64_t>());
  }
  return out;
}

// Puts experts into every decoder_sparse_step-th layer that is not in mlp_only_layers; with
// `shared_size` they have a shared expert beside them.
void AddQwenExperts(ConfigReader& config, const Routing& routing, int64_t size, int64_t shared_size,
                    DecoderSpec& spec) {
  const auto step = static_cast<size_t>(config.Int("decoder_sparse_step", 1, 1, kLayersMax));
  const std::set<int64_t> dense = ReadDenseLayers(config);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if ((i + 1) % step != 0 || dense.contains(static_cast<int64_t>(i))) continue;
    const std::string name = LlamaLayer(i) + "mlp";
    LayerSpec& layer = spec.layers[i];
    layer.experts = NameExperts(spec, routing, name, [&](const std::string& expert) {
      return LlamaMlp(spec, expert, size, false);
    });
    layer.mlp = {};
    if (shared_size == 0) continue;
    layer.mlp = LlamaMlp(spec, name + ".shared_expert", shared_size, false);
    layer.experts.shared_gate = Linear(name + ".shared_expert_gate", spec.hidden_size, 1, false);
  }
}

MlpSpec MixtralExpert(const DecoderSpec& spec, const std::string& name) {
  MlpSpec out;
  out.gate = Linear(name + ".w1", spec.hidden_size, spec.mlp_size, false);
  out.up = Linear(name + ".w3", spec.hidden_size, spec.mlp_size, false);
  out.down = Linear(name + ".w2", spec.mlp_size, spec.hidden_size, false);
  return out;
}

void FillMixtral(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.mlp_size = 14336;
  defaults.kv_heads = 8;
  defaults.max_positions = 131072;
  defaults.norm_epsilon = 1e-5;
  defaults.theta = 1'000'000;
  FillLlamaSizes(config, defaults, spec);
  const int64_t window = ReadWindow(config, "sliding_window", 0);
  NameLlamaTensors({}, LayerCount(config, "num_hidden_layers", 32), spec);
  Routing routing = ReadRouting(config, "num_local_experts", 8, 2, spec.layers.size());
  routing.renormalised = true;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    layer.window = window;
    layer.mlp = {};
    layer.experts =
        NameExperts(spec, routing, LlamaLayer(i) + "block_sparse_moe",
                    [&](const std::string& expert) { return MixtralExpert(spec, expert); });
  }
}

void FillQwen2Moe(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 151936;
  defaults.hidden_size = 2048;
  defaults.mlp_size = 5632;
  defaults.heads = 16;
  defaults.kv_heads = 16;
  defaults.max_positions = 32768;
  FillLlamaSizes(config, defaults, spec);
  const bool bias = config.Bool("qkv_bias", true);
  NameLlamaTensors({bias, false, false}, LayerCount(config, "num_hidden_layers", 24), spec);
  Routing routing = ReadRouting(config, "num_experts", 60, 4, spec.layers.size());
  routing.renormalised = config.Bool("norm_topk_prob", false);
  const int64_t size = config.Int("moe_intermediate_size", 1408, 1, kSizeMax);
  const int64_t shared = config.Int("shared_expert_intermediate_size", 5632, 1, kSizeMax);
  AddQwenExperts(config, routing, size, shared, spec);
  // Every other layer below max_window_layers, unless layer_types says it.
  const bool use_window = config.Bool("use_sliding_window", false);
  const int64_t stated = ReadWindow(config, "sliding_window", 4096);
  const auto last = static_cast<size_t>(config.Int("max_window_layers", 28, 0, kLayersMax));
  for (size_t i = 0; use_window && i < std::min(last, spec.layers.size()); i += 2) {
    spec.layers[i].window = stated;
  }
  ReadLayerTypes(config, use_window ? stated : 0, spec);
}

void FillQwen3Moe(ConfigReader& config, DecoderSpec& spec) {
  LlamaDefaults defaults;
  defaults.vocab_size = 151936;
  defaults.hidden_size = 2048;
  defaults.mlp_size = 6144;
  defaults.heads = 32;
  defaults.kv_heads = 4;
  defaults.max_positions = 32768;
  FillLlamaSizes(config, defaults, spec);
  const bool bias = config.Bool("attention_bias", false);
  NameLlamaTensors({bias, bias, false}, LayerCount(config, "num_hidden_layers", 24), spec);
  NameQkNorms(QkNorm::kPerHead, spec);
  Routing routing = ReadRouting(config, "num_experts", 128, 8, spec.layers.size());
  routing.renormalised = config.Bool("norm_topk_prob", false);
  const int64_t size = config.Int("moe_intermediate_size", 768, 1, kSizeMax);
  AddQwenExperts(config, routing, size, 0, spec);
  // Generations 4 and 5 put the window on different layers.
  RefuseTrue(config, "use_sliding_window", "a window in this family");
  for (const std::string_view key : {"sliding_window", "max_window_layers"}) config.MarkRead(key);
}

constexpr std::array kMoeFamilies = {
    Family{"MixtralForCausalLM", "mixtral", "max_position_embeddings", 131072, FillMixtral,
           kOlderFloat32Logits},
    Family{"Qwen2MoeForCausalLM", "qwen2_moe", "max_position_embeddings", 32768, FillQwen2Moe,
           kOlderFloat32Logits},
    Family{"Qwen3MoeForCausalLM", "qwen3_moe", "max_position_embeddings", 32768, FillQwen3Moe},
};

}  // namespace

std::span<const Family> MoeFamilies() {
  return kMoeFamilies;
}

}  // namespace koeval::model
