// The forward pass: one decoder for every family, steered by the fields of its DecoderSpec.
#pragma once

#include <cstdint>
#include <vector>

#include "common/model/decoder_spec.h"
#include "worker/engine/attention.h"
#include "worker/engine/torch_ops.h"
#include "worker/engine/weights.h"

namespace koeval::engine {

// Immutable after construction. Functions throw c10 exceptions; the caller holds an
// c10::InferenceMode guard. Numerics follow the reference implementation: norms and softmax in
// float32 rounded to the compute dtype, everything else in the compute dtype.
class Decoder {
 public:
  Decoder(model::DecoderSpec spec, Weights weights, at::ScalarType dtype, at::Device device);

  // Runs `tokens` at `positions` through all layers: hidden states (tokens, hidden) before the
  // final norm. When `keep` is not null it receives each layer's keys and values. `range` is that
  // of the inputs which the tokens belong to; keys of one range answer no queries of the other.
  at::Tensor Forward(const std::vector<int32_t>& tokens, const std::vector<int32_t>& positions,
                     Attention& attention, std::vector<KeyValues>* keep,
                     model::RopeRange range = model::RopeRange::kOriginal) const;

  // Logits (rows, vocabulary) in the compute dtype of hidden states (rows, hidden).
  at::Tensor Head(const at::Tensor& hidden) const;

  const model::DecoderSpec& spec() const { return spec_; }
  at::ScalarType dtype() const { return dtype_; }
  at::Device device() const { return device_; }

 private:
  // Cosines and sines of a forward, (tokens, 1, dim/2) each; undefined: nothing rotates.
  struct Rotation {
    int64_t dim = 0;
    bool interleaved = false;
    at::Tensor cos;
    at::Tensor sin;
  };
  struct Qkv {
    at::Tensor q, k, v;  // (tokens, heads, head_dim)
  };
  // One per DecoderSpec::ropes.
  std::vector<Rotation> MakeRotations(const at::Tensor& positions, model::RopeRange range) const;
  static at::Tensor Rotate(const at::Tensor& x, const Rotation& rotation);
  at::Tensor Embed(const at::Tensor& ids, const at::Tensor& positions) const;
  at::Tensor Norm(const at::Tensor& x, const NormWeights& norm) const;
  Qkv Project(const at::Tensor& x, const LayerWeights& layer) const;
  void NormQk(const LayerWeights& layer, Qkv& qkv) const;
  at::Tensor SelfAttention(size_t index, const at::Tensor& x, const Rotation& rotation,
                           Attention& attention, std::vector<KeyValues>* keep) const;
  at::Tensor FeedForward(size_t index, const at::Tensor& x) const;
  at::Tensor Layer(size_t index, const at::Tensor& x, const Rotation& rotation,
                   Attention& attention, std::vector<KeyValues>* keep) const;

  const model::DecoderSpec spec_;
  const Weights weights_;
  const at::ScalarType dtype_;
  const at::Device device_;
  // (dim/2) float32 on the device, for each of DecoderSpec::ropes; undefined: nothing rotates.
  std::vector<at::Tensor> frequencies_, extended_frequencies_;
};

}  // namespace koeval::engine
