// Weights from safetensors.
#include "worker/engine/weights.h"

#include <cstring>
#include <memory>

#include "common/base/check.h"

namespace koeval::engine {
namespace {

using model::Checkpoint;
using model::DecoderSpec;
using model::LinearSpec;
using model::NormKind;
using model::NormSpec;
using model::StoredTensor;

at::ScalarType StoredType(const std::string& dtype) {
  if (dtype == "F32") return at::kFloat;
  if (dtype == "BF16") return at::kBFloat16;
  if (dtype == "F16") return at::kHalf;
  KOEVAL_CHECK(dtype == "F64", "tensors were checked before they are loaded");
  return at::kDouble;
}

class Loader {
 public:
  Loader(const DecoderSpec& spec, const Checkpoint& checkpoint, at::ScalarType dtype,
         at::Device device)
      : spec_(spec), checkpoint_(checkpoint), dtype_(dtype), device_(device) {}

  // The tensor in the compute dtype on the device; undefined for an empty name.
  at::Tensor Tensor(const std::string& name) const {
    if (name.empty()) return {};
    const StoredTensor* stored = checkpoint_.Find(name, spec_);
    KOEVAL_CHECK(stored != nullptr, "tensors were checked before they are loaded");
    const at::Tensor mapped = Map(*stored);
    const at::Tensor out = mapped.to(device_, dtype_);
    return out;
  }

  LinearWeights Linear(const LinearSpec& linear) const {
    if (linear.weight.empty()) return {};
    at::Tensor weight = Tensor(linear.weight);
    if (linear.transposed) weight = weight.t();
    return {weight, Tensor(linear.bias)};
  }

  NormWeights Norm(const NormSpec& norm) const {
    NormWeights out{norm.head_weights.empty() ? Tensor(norm.weight) : Stack(norm.head_weights),
                    Tensor(norm.bias)};
    if (!out.weight.defined()) return out;
    if (spec_.norm == NormKind::kRmsWide) out.weight = out.weight.to(at::kFloat);
    if (spec_.norm == NormKind::kRmsOnePlus) out.weight = out.weight.to(at::kFloat) + 1;
    return out;
  }

  MlpWeights Mlp(const model::MlpSpec& mlp) const {
    return {Linear(mlp.gate_up), Linear(mlp.gate), Linear(mlp.up), Linear(mlp.down)};
  }

  LayerWeights Layer(const model::LayerSpec& layer) const {
    LayerWeights out;
    out.attention_norm = Norm(layer.attention_norm);
    out.attention_post_norm = Norm(layer.attention_post_norm);
    out.mlp_norm = Norm(layer.mlp_norm);
    out.mlp_post_norm = Norm(layer.mlp_post_norm);
    out.q_norm = Norm(layer.q_norm);
    out.k_norm = Norm(layer.k_norm);
    out.qkv = Linear(layer.qkv);
    out.q = Linear(layer.q);
    out.k = Linear(layer.k);
    out.v = Linear(layer.v);
    out.attention_out = Linear(layer.attention_out);
    out.mlp = Mlp(layer.mlp);
    out.experts.router = Linear(layer.experts.router);
    for (const model::MlpSpec& expert : layer.experts.experts) {
      out.experts.experts.push_back(Mlp(expert));
    }
    out.experts.shared_gate = Linear(layer.experts.shared_gate);
    return out;
  }

 private:
  at::Tensor Stack(const std::vector<std::string>& names) const {
    std::vector<at::Tensor> parts;
    for (const std::string& name : names) parts.push_back(Tensor(name).unsqueeze(0));
    return at::cat(parts);
  }

  // A view of the mapping that keeps it alive, or a copy where the file does not align elements.
  static at::Tensor Map(const StoredTensor& stored) {
    const at::ScalarType type = StoredType(stored.info->dtype);
    const std::string_view bytes = stored.Bytes();
    if (reinterpret_cast<uintptr_t>(bytes.data()) % c10::elementSize(type) != 0) {
      at::Tensor copy = at::empty(stored.info->shape, at::TensorOptions(type));
      std::memcpy(copy.mutable_data_ptr(), bytes.data(), bytes.size());
      return copy;
    }
    auto file = stored.file;
    // Nothing writes through this pointer: the engine runs inference only.
    void* data = const_cast<char*>(bytes.data());
    return at::from_blob(
        data, stored.info->shape, [file](void*) {}, at::TensorOptions(type));
  }

  const DecoderSpec& spec_;
  const Checkpoint& checkpoint_;
  const at::ScalarType dtype_;
  const at::Device device_;
};

}  // namespace

Weights LoadWeights(const DecoderSpec& spec, const Checkpoint& checkpoint, at::ScalarType dtype,
                    at::Device device) {
  const Loader loader(spec, checkpoint, dtype, device);
  Weights out;
  out.embedding = loader.Tensor(spec.embedding);
  out.embedding_in = loader.Linear(spec.embedding_in);
  out.position_embedding = loader.Tensor(spec.position_embedding);
  out.embedding_norm = loader.Norm(spec.embedding_norm);
  for (const model::LayerSpec& layer : spec.layers) out.layers.push_back(loader.Layer(layer));
  out.final_norm = loader.Norm(spec.final_norm);
  out.head_in = loader.Linear(spec.head_in);
  out.head = spec.tied_head ? LinearWeights{out.embedding, loader.Tensor(spec.head.bias)}
                            : loader.Linear(spec.head);
  return out;
}

}  // namespace koeval::engine
