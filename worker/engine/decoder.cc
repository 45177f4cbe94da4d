// Embedding, layers, norms and head.
#include "worker/engine/decoder.h"

#include <utility>

namespace koeval::engine {
namespace {

using model::Activation;
using model::NormKind;
using model::QkvLayout;
using model::RopeKind;

at::Tensor Linear(const at::Tensor& x, const LinearWeights& linear) {
  return at::linear(x, linear.weight, linear.bias);
}

at::Tensor ToDevice(const std::vector<int32_t>& values, at::Device device) {
  return at::tensor(values, at::TensorOptions(at::kInt)).to(device);
}

}  // namespace

Decoder::Decoder(model::DecoderSpec spec, Weights weights, at::ScalarType dtype, at::Device device)
    : spec_(std::move(spec)), weights_(std::move(weights)), dtype_(dtype), device_(device) {
  const std::vector<float> frequencies = model::RopeFrequencies(spec_.rope);
  if (!frequencies.empty()) {
    frequencies_ = at::tensor(frequencies, at::TensorOptions(at::kFloat)).to(device);
  }
}

Decoder::Rotation Decoder::MakeRotation(const at::Tensor& positions) const {
  if (spec_.rope.kind == RopeKind::kNone) return {};
  const at::Tensor angles = positions.to(at::kFloat).unsqueeze(1) * frequencies_.unsqueeze(0);
  const double scaling = spec_.rope.attention_scaling;
  return {(at::cos(angles) * scaling).to(dtype_).unsqueeze(1),
          (at::sin(angles) * scaling).to(dtype_).unsqueeze(1)};
}

at::Tensor Decoder::Rotate(const at::Tensor& x, const Rotation& rotation) const {
  if (!rotation.cos.defined()) return x;
  const int64_t half = spec_.rope.dim / 2;
  const at::Tensor a = x.narrow(2, 0, half);
  const at::Tensor b = x.narrow(2, half, half);
  std::vector<at::Tensor> parts = {a * rotation.cos - b * rotation.sin,
                                   b * rotation.cos + a * rotation.sin};
  if (spec_.rope.dim < x.size(2)) {
    parts.push_back(x.narrow(2, spec_.rope.dim, x.size(2) - spec_.rope.dim));
  }
  return at::cat(parts, 2);
}

at::Tensor Decoder::Norm(const at::Tensor& x, const NormWeights& norm) const {
  if (spec_.norm == NormKind::kLayerNorm) {
    return at::layer_norm(x, {spec_.hidden_size}, norm.weight, norm.bias, spec_.norm_epsilon);
  }
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor inverse =
      at::rsqrt(wide.square().mean({-1}, /*keepdim=*/true) + spec_.norm_epsilon);
  return (wide * inverse).to(dtype_) * norm.weight;
}

Decoder::Qkv Decoder::Project(const at::Tensor& x, const LayerWeights& layer) const {
  const int64_t n = x.size(0), head_dim = spec_.head_dim;
  if (spec_.qkv_layout == QkvLayout::kSeparate) {
    return {Linear(x, layer.q).view({n, spec_.heads, head_dim}),
            Linear(x, layer.k).view({n, spec_.kv_heads, head_dim}),
            Linear(x, layer.v).view({n, spec_.kv_heads, head_dim})};
  }
  const at::Tensor fused = Linear(x, layer.qkv);
  if (spec_.qkv_layout == QkvLayout::kFusedPerHead) {
    const at::Tensor heads = fused.view({n, spec_.heads, 3, head_dim});
    return {heads.select(2, 0), heads.select(2, 1), heads.select(2, 2)};
  }
  const int64_t q = spec_.heads * head_dim, kv = spec_.kv_heads * head_dim;
  return {fused.narrow(1, 0, q).unflatten(1, {spec_.heads, head_dim}),
          fused.narrow(1, q, kv).unflatten(1, {spec_.kv_heads, head_dim}),
          fused.narrow(1, q + kv, kv).unflatten(1, {spec_.kv_heads, head_dim})};
}

at::Tensor Decoder::SelfAttention(size_t index, const at::Tensor& x, const Rotation& rotation,
                                  Attention& attention, std::vector<KeyValues>* keep) const {
  const LayerWeights& layer = weights_.layers[index];
  const model::LayerSpec& spec = spec_.layers[index];
  const Qkv qkv = Project(x, layer);
  // Contiguous: keys and values are read in row ranges, and fused projections are strided.
  const KeyValues fresh{Rotate(qkv.k, rotation).contiguous(), qkv.v.contiguous()};
  if (keep != nullptr) keep->push_back(fresh);
  const at::Tensor queries = Rotate(qkv.q, rotation).contiguous();
  const at::Tensor out = attention.Run(index, {spec.window, spec.score_scale}, queries, fresh);
  return Linear(out, layer.attention_out);
}

at::Tensor Decoder::Activate(const at::Tensor& x) const {
  switch (spec_.activation) {
    case Activation::kSilu:
      return at::silu(x);
    case Activation::kGelu:
      return at::gelu(x, "none");
    case Activation::kGeluTanh:
      return at::gelu(x, "tanh");
    case Activation::kRelu:
      return at::relu(x);
  }
  return x;
}

at::Tensor Decoder::Mlp(const at::Tensor& x, const LayerWeights& layer) const {
  if (!spec_.gated_mlp) return Linear(Activate(Linear(x, layer.up)), layer.down);
  return Linear(Activate(Linear(x, layer.gate)).mul_(Linear(x, layer.up)), layer.down);
}

at::Tensor Decoder::Forward(const std::vector<int32_t>& tokens,
                            const std::vector<int32_t>& positions, Attention& attention,
                            std::vector<KeyValues>* keep) const {
  const at::Tensor ids = ToDevice(tokens, device_);
  const at::Tensor places = ToDevice(positions, device_);
  at::Tensor x = at::embedding(weights_.embedding, ids);
  if (weights_.position_embedding.defined()) {
    x = x + at::embedding(weights_.position_embedding, places);
  }
  const Rotation rotation = MakeRotation(places);
  for (size_t i = 0; i < weights_.layers.size(); ++i) {
    const LayerWeights& layer = weights_.layers[i];
    const at::Tensor attended =
        SelfAttention(i, Norm(x, layer.attention_norm), rotation, attention, keep);
    if (spec_.parallel_residual) {
      x = Mlp(Norm(x, layer.mlp_norm), layer) + attended + x;
    } else {
      x = x + attended;
      x = x + Mlp(Norm(x, layer.mlp_norm), layer);
    }
  }
  return x;
}

at::Tensor Decoder::Head(const at::Tensor& hidden) const {
  return at::linear(Norm(hidden, weights_.final_norm), weights_.head);
}

}  // namespace koeval::engine
