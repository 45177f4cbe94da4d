// Embedding, layers, norms and head.
#include "worker/engine/decoder.h"

#include <utility>

#include "worker/engine/mlp.h"

namespace koeval::engine {
namespace {

using model::NormKind;
using model::QkNorm;
using model::QkvLayout;
using model::Residual;
using model::RopeRange;

at::Tensor ToDevice(const std::vector<int32_t>& values, at::Device device) {
  return at::tensor(values, at::TensorOptions(at::kInt)).to(device);
}

std::vector<at::Tensor> FrequencyTables(const model::DecoderSpec& spec, RopeRange range,
                                        at::Device device) {
  std::vector<at::Tensor> out;
  for (const model::RopeSpec& rope : spec.ropes) {
    const std::vector<float> table = model::RopeFrequencies(rope, range);
    out.push_back(table.empty() ? at::Tensor()
                                : at::tensor(table, at::TensorOptions(at::kFloat)).to(device));
  }
  return out;
}

}  // namespace

Decoder::Decoder(model::DecoderSpec spec, Weights weights, at::ScalarType dtype, at::Device device)
    : spec_(std::move(spec)),
      weights_(std::move(weights)),
      dtype_(dtype),
      device_(device),
      frequencies_(FrequencyTables(spec_, RopeRange::kOriginal, device)),
      extended_frequencies_(FrequencyTables(spec_, RopeRange::kExtended, device)) {}

std::vector<Decoder::Rotation> Decoder::MakeRotations(const at::Tensor& positions,
                                                      RopeRange range) const {
  const auto& tables = range == RopeRange::kOriginal ? frequencies_ : extended_frequencies_;
  std::vector<Rotation> out;
  for (size_t i = 0; i < tables.size(); ++i) {
    out.emplace_back();
    if (!tables[i].defined()) continue;
    const at::Tensor angles = positions.to(at::kFloat).unsqueeze(1) * tables[i].unsqueeze(0);
    const double scaling = spec_.ropes[i].attention_scaling;
    out.back() = {spec_.ropes[i].dim, spec_.ropes[i].interleaved,
                  (at::cos(angles) * scaling).to(dtype_).unsqueeze(1),
                  (at::sin(angles) * scaling).to(dtype_).unsqueeze(1)};
  }
  return out;
}

at::Tensor Decoder::Rotate(const at::Tensor& x, const Rotation& rotation) {
  if (!rotation.cos.defined()) return x;
  const int64_t half = rotation.dim / 2;
  const at::Tensor rotated = x.narrow(2, 0, rotation.dim);
  // Pairs as (tokens, heads, 2, half), or (tokens, heads, half, 2).
  const int64_t pair = rotation.interleaved ? 3 : 2;
  const at::Tensor pairs = rotated.unflatten(
      2, rotation.interleaved ? at::IntArrayRef({half, 2}) : at::IntArrayRef({2, half}));
  const at::Tensor a = pairs.select(pair, 0);
  const at::Tensor b = pairs.select(pair, 1);
  const at::Tensor turned =
      at::stack({a * rotation.cos - b * rotation.sin, b * rotation.cos + a * rotation.sin}, pair);
  if (rotation.dim == x.size(2)) return turned.flatten(2);
  return at::cat({turned.flatten(2), x.narrow(2, rotation.dim, x.size(2) - rotation.dim)}, 2);
}

at::Tensor Decoder::Norm(const at::Tensor& x, const NormWeights& norm) const {
  if (!norm.weight.defined()) return x;
  if (spec_.norm == NormKind::kLayerNorm && norm.weight.dim() == 2) {
    const at::Tensor plain =
        at::layer_norm(x.to(at::kFloat), {x.size(-1)}, {}, {}, spec_.norm_epsilon);
    return (plain * norm.weight).to(dtype_);
  }
  if (spec_.norm == NormKind::kLayerNorm) {
    return at::layer_norm(x, norm.weight.sizes(), norm.weight, norm.bias, spec_.norm_epsilon);
  }
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor inverse =
      at::rsqrt(wide.square().mean({-1}, /*keepdim=*/true) + spec_.norm_epsilon);
  if (spec_.norm == NormKind::kRms) return (wide * inverse).to(dtype_) * norm.weight;
  return (wide * inverse * norm.weight).to(dtype_);
}

Decoder::Qkv Decoder::Project(const at::Tensor& x, const LayerWeights& layer) const {
  const int64_t n = x.size(0), head_dim = spec_.head_dim;
  if (spec_.qkv_layout == QkvLayout::kSeparate) {
    return {ApplyLinear(x, layer.q).view({n, spec_.heads, head_dim}),
            ApplyLinear(x, layer.k).view({n, spec_.kv_heads, head_dim}),
            ApplyLinear(x, layer.v).view({n, spec_.kv_heads, head_dim})};
  }
  const at::Tensor fused = ApplyLinear(x, layer.qkv);
  if (spec_.qkv_layout == QkvLayout::kFusedGrouped) {
    const int64_t group = spec_.heads / spec_.kv_heads;
    const at::Tensor groups = fused.view({n, spec_.kv_heads, group + 2, head_dim});
    return {groups.narrow(2, 0, group).flatten(1, 2), groups.select(2, group),
            groups.select(2, group + 1)};
  }
  const int64_t q = spec_.heads * head_dim, kv = spec_.kv_heads * head_dim;
  return {fused.narrow(1, 0, q).unflatten(1, {spec_.heads, head_dim}),
          fused.narrow(1, q, kv).unflatten(1, {spec_.kv_heads, head_dim}),
          fused.narrow(1, q + kv, kv).unflatten(1, {spec_.kv_heads, head_dim})};
}

void Decoder::NormQk(const LayerWeights& layer, Qkv& qkv) const {
  if (spec_.qk_norm == QkNorm::kNone) return;
  if (spec_.qk_norm != QkNorm::kWholeProjection) {
    qkv.q = Norm(qkv.q, layer.q_norm);
    qkv.k = Norm(qkv.k, layer.k_norm);
    return;
  }
  qkv.q = Norm(qkv.q.flatten(1), layer.q_norm).view_as(qkv.q);
  qkv.k = Norm(qkv.k.flatten(1), layer.k_norm).view_as(qkv.k);
}

at::Tensor Decoder::SelfAttention(size_t index, const at::Tensor& x, const Rotation& rotation,
                                  Attention& attention, std::vector<KeyValues>* keep) const {
  const LayerWeights& layer = weights_.layers[index];
  const model::LayerSpec& spec = spec_.layers[index];
  Qkv qkv = Project(x, layer);
  NormQk(layer, qkv);
  // Contiguous: keys and values are read in row ranges, and fused projections are strided.
  const KeyValues fresh{Rotate(qkv.k, rotation).contiguous(), qkv.v.contiguous()};
  if (keep != nullptr) keep->push_back(fresh);
  const at::Tensor queries = Rotate(qkv.q, rotation).contiguous();
  const AttentionShape shape{spec.window, spec.score_scale, spec_.score_softcap,
                             spec_.float32_scores,
                             spec_.alibi.slopes.empty() ? nullptr : &spec_.alibi};
  return ApplyLinear(attention.Run(index, shape, queries, fresh), layer.attention_out);
}

at::Tensor Decoder::FeedForward(size_t index, const at::Tensor& x) const {
  const LayerWeights& layer = weights_.layers[index];
  const model::ExpertsSpec& experts = spec_.layers[index].experts;
  if (experts.router.weight.empty()) return ApplyMlp(x, layer.mlp, spec_.activation);
  return ApplyExperts(x, experts, layer.experts, layer.mlp, spec_.activation);
}

at::Tensor Decoder::Embed(const at::Tensor& ids, const at::Tensor& positions) const {
  at::Tensor x = at::embedding(weights_.embedding, ids);
  if (weights_.embedding_in.weight.defined()) x = ApplyLinear(x, weights_.embedding_in);
  if (weights_.position_embedding.defined()) {
    x = x + at::embedding(weights_.position_embedding, positions + spec_.position_offset);
  }
  // The factor is rounded to the compute dtype first, as the reference implementation does.
  if (spec_.embedding_scale != 1) {
    x = x * at::tensor(spec_.embedding_scale, at::TensorOptions(at::kFloat)).to(x.options());
  }
  return Norm(x, weights_.embedding_norm);
}

at::Tensor Decoder::Layer(size_t index, const at::Tensor& x, const Rotation& rotation,
                          Attention& attention, std::vector<KeyValues>* keep) const {
  const LayerWeights& layer = weights_.layers[index];
  const at::Tensor normed = Norm(x, layer.attention_norm);
  const at::Tensor attended = SelfAttention(index, normed, rotation, attention, keep);
  switch (spec_.residual) {
    case Residual::kSerial:
      break;
    case Residual::kParallel:
      return FeedForward(index, Norm(x, layer.mlp_norm)) + attended + x;
    case Residual::kParallelOneNorm:
      return FeedForward(index, normed) + attended + x;
    case Residual::kNormOfSum: {
      const at::Tensor sum = Norm(x + attended, layer.attention_post_norm);
      return Norm(sum + FeedForward(index, sum), layer.mlp_post_norm);
    }
  }
  const at::Tensor sum = x + Norm(attended, layer.attention_post_norm);
  return sum + Norm(FeedForward(index, Norm(sum, layer.mlp_norm)), layer.mlp_post_norm);
}

at::Tensor Decoder::Forward(const std::vector<int32_t>& tokens,
                            const std::vector<int32_t>& positions, Attention& attention,
                            std::vector<KeyValues>* keep, RopeRange range) const {
  const at::Tensor places = ToDevice(positions, device_);
  at::Tensor x = Embed(ToDevice(tokens, device_), places);
  const std::vector<Rotation> rotations = MakeRotations(places, range);
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    x = Layer(i, x, rotations[spec_.layers[i].rope], attention, keep);
  }
  return x;
}

at::Tensor Decoder::Head(const at::Tensor& hidden) const {
  at::Tensor x = Norm(hidden, weights_.final_norm);
  if (weights_.head_in.weight.defined()) x = ApplyLinear(x, weights_.head_in);
  at::Tensor logits = ApplyLinear(x, weights_.head);
  if (spec_.logit_scale != 1) logits.mul_(spec_.logit_scale);
  return Softcap(logits, spec_.logit_softcap);
}

}  // namespace koeval::engine
