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
    const StoredTensor* stored = checkpoint_.Find(name, spec_.base_prefix);
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

  NormWeights Norm(const NormSpec& norm) const { return {Tensor(norm.weight), Tensor(norm.bias)}; }

 private:
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
  out.position_embedding = loader.Tensor(spec.position_embedding);
  for (const model::LayerSpec& layer : spec.layers) {
    LayerWeights weights;
    weights.attention_norm = loader.Norm(layer.attention_norm);
    weights.mlp_norm = loader.Norm(layer.mlp_norm);
    weights.qkv = loader.Linear(layer.qkv);
    weights.q = loader.Linear(layer.q);
    weights.k = loader.Linear(layer.k);
    weights.v = loader.Linear(layer.v);
    weights.attention_out = loader.Linear(layer.attention_out);
    weights.gate = loader.Linear(layer.gate);
    weights.up = loader.Linear(layer.up);
    weights.down = loader.Linear(layer.down);
    out.layers.push_back(std::move(weights));
  }
  out.final_norm = loader.Norm(spec.final_norm);
  out.head = spec.tied_head ? out.embedding : loader.Tensor(spec.head.weight);
  return out;
}

}  // namespace koeval::engine
