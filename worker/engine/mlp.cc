// MLPs and experts.
#include "worker/engine/mlp.h"

#include <tuple>
#include <vector>

namespace koeval::engine {
namespace {

using model::Activation;

at::Tensor Activate(const at::Tensor& x, Activation activation) {
  switch (activation) {
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

// Which tokens go to an expert, ascending, and where their weights stand.
struct Share {
  std::vector<int64_t> tokens;
  std::vector<int64_t> places;  // of the flattened (tokens, chosen) weights
};

// `chosen` (tokens, k) of expert numbers, on the CPU.
std::vector<Share> Distribute(const at::Tensor& chosen, size_t experts) {
  std::vector<Share> out(experts);
  const int64_t* expert = chosen.const_data_ptr<int64_t>();
  const int64_t each = chosen.size(1);
  for (int64_t place = 0; place < chosen.numel(); ++place) {
    Share& share = out[static_cast<size_t>(expert[place])];
    share.tokens.push_back(place / each);
    share.places.push_back(place);
  }
  return out;
}

at::Tensor Indices(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values, at::TensorOptions(at::kLong)).to(device);
}

}  // namespace

at::Tensor ApplyLinear(const at::Tensor& x, const LinearWeights& linear) {
  return at::linear(x, linear.weight, linear.bias);
}

at::Tensor ApplyMlp(const at::Tensor& x, const MlpWeights& mlp, Activation activation) {
  if (mlp.gate_up.weight.defined()) {
    const at::Tensor both = ApplyLinear(x, mlp.gate_up);
    const int64_t size = both.size(1) / 2;
    return ApplyLinear(
        Activate(both.narrow(1, 0, size), activation).mul_(both.narrow(1, size, size)), mlp.down);
  }
  if (!mlp.gate.weight.defined()) {
    return ApplyLinear(Activate(ApplyLinear(x, mlp.up), activation), mlp.down);
  }
  at::Tensor gate = Activate(ApplyLinear(x, mlp.gate), activation);
  return ApplyLinear(gate.mul_(ApplyLinear(x, mlp.up)), mlp.down);
}

at::Tensor ApplyExperts(const at::Tensor& x, const model::ExpertsSpec& spec,
                        const ExpertsWeights& experts, const MlpWeights& shared,
                        Activation activation) {
  const at::Tensor odds = at::softmax(ApplyLinear(x, experts.router), -1, at::kFloat);
  const auto [best, chosen] = at::topk(odds, spec.chosen, -1);
  at::Tensor weights = best;
  if (spec.renormalised) weights = weights / weights.sum(-1, /*keepdim=*/true);
  weights = weights.to(x.scalar_type()).view({-1});
  const auto shares = Distribute(chosen.to(at::kCPU).contiguous(), experts.experts.size());
  at::Tensor out = at::zeros_like(x);
  for (size_t e = 0; e < shares.size(); ++e) {
    if (shares[e].tokens.empty()) continue;
    const at::Tensor tokens = Indices(shares[e].tokens, x.device());
    const at::Tensor weight =
        weights.index_select(0, Indices(shares[e].places, x.device())).unsqueeze(1);
    out.index_add_(0, tokens,
                   ApplyMlp(x.index_select(0, tokens), experts.experts[e], activation) * weight);
  }
  if (!experts.shared_gate.weight.defined()) return out;
  return out + at::sigmoid(ApplyLinear(x, experts.shared_gate)) * ApplyMlp(x, shared, activation);
}

}  // namespace koeval::engine
