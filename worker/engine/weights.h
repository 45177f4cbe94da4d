// The tensors of a DecoderSpec in memory, in the compute dtype, on the device.
#pragma once

#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/model/checkpoint.h"
#include "common/model/decoder_spec.h"
#include "worker/engine/torch_ops.h"

namespace koeval::engine {

// y = x weight^T + bias, with `weight` seen as (out, in) however it is stored. Undefined: absent.
struct LinearWeights {
  at::Tensor weight;
  at::Tensor bias;
};

// `weight` is float32 for the norms that multiply in float32, and holds 1 + w for kRmsOnePlus. It
// is (heads, head_dim) for QkNorm::kEachHead.
struct NormWeights {
  at::Tensor weight;  // undefined: no norm
  at::Tensor bias;
};

struct MlpWeights {
  LinearWeights gate_up, gate, up, down;
};

struct ExpertsWeights {
  LinearWeights router;
  std::vector<MlpWeights> experts;
  LinearWeights shared_gate;
};

struct LayerWeights {
  NormWeights attention_norm, attention_post_norm, mlp_norm, mlp_post_norm, q_norm, k_norm;
  LinearWeights qkv, q, k, v, attention_out;
  MlpWeights mlp;
  ExpertsWeights experts;
};

struct Weights {
  at::Tensor embedding;  // (vocabulary, embedding size)
  LinearWeights embedding_in;
  at::Tensor position_embedding;  // (positions, hidden), or undefined
  NormWeights embedding_norm;
  NormWeights final_norm;
  LinearWeights head_in;
  LinearWeights head;  // its weight is the embedding itself when tied
  std::vector<LayerWeights> layers;
};

// Reads what `spec` needs. Tensors already in `dtype` on the CPU stay in the file's mapping; others
// are converted one at a time. Throws c10 exceptions when memory runs out.
// REQUIRES: TensorStatus(CheckTensors(spec, checkpoint)) is OK.
Weights LoadWeights(const model::DecoderSpec& spec, const model::Checkpoint& checkpoint,
                    at::ScalarType dtype, at::Device device);

}  // namespace koeval::engine
