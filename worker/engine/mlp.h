// The feed-forward part of a layer: one MLP, or a router with experts.
#pragma once

#include "common/model/decoder_spec.h"
#include "worker/engine/torch_ops.h"
#include "worker/engine/weights.h"

namespace koeval::engine {

at::Tensor ApplyLinear(const at::Tensor& x, const LinearWeights& linear);

// (tokens, hidden) -> (tokens, hidden), as MlpSpec says, every step rounded to the dtype of `x`.
at::Tensor ApplyMlp(const at::Tensor& x, const MlpWeights& mlp, model::Activation activation);

// Every token through the experts that the router chooses for it, the results weighted and summed
// in ascending order of experts, so that equal inputs give equal bits; `shared` is the MLP of every
// token where spec.shared_gate is there. Weights of the experts are rounded to the dtype of `x`.
// Waits for the device once, to learn which tokens each expert has.
at::Tensor ApplyExperts(const at::Tensor& x, const model::ExpertsSpec& spec,
                        const ExpertsWeights& experts, const MlpWeights& shared,
                        model::Activation activation);

}  // namespace koeval::engine
