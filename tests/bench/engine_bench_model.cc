// Random weights of a Llama checkpoint.
#include "tests/bench/engine_bench_model.h"

#include <cstring>
#include <random>

#include "common/base/check.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/model/config.h"
#include "tests/common/model/checkpoint_maker.h"

namespace koeval::bench {
namespace {

// Uniform with the standard deviation that trained checkpoints start from.
constexpr float kSpread = 0.0346f;

// `count` weights; norms are ones.
std::string RandomBytes(std::mt19937_64& random, int64_t count, bool ones) {
  std::string out(static_cast<size_t>(count) * sizeof(float), '\0');
  for (int64_t i = 0; i < count; ++i) {
    const auto unit = static_cast<float>(random() >> 40) / static_cast<float>(1 << 24);
    const float value = ones ? 1.0f : (2 * unit - 1) * kSpread;
    std::memcpy(out.data() + static_cast<size_t>(i) * sizeof(float), &value, sizeof(value));
  }
  return out;
}

}  // namespace

void MakeRandomLlama(const std::string& dir, const ModelShape& shape, uint64_t seed) {
  const Json config = {{"architectures", {"LlamaForCausalLM"}},
                       {"model_type", "llama"},
                       {"dtype", "float32"},
                       {"vocab_size", shape.vocab_size},
                       {"hidden_size", shape.hidden_size},
                       {"intermediate_size", shape.mlp_size},
                       {"num_hidden_layers", shape.layers},
                       {"num_attention_heads", shape.heads},
                       {"num_key_value_heads", shape.heads},
                       {"max_position_embeddings", 2048},
                       {"bos_token_id", 1},
                       {"eos_token_id", 2},
                       {"tie_word_embeddings", false}};
  const Status written = WriteFileAtomically(dir + "/config.json", PythonJsonDumps(config));
  KOEVAL_CHECK(written.ok(), written.message().c_str());
  const auto spec = model::ParseDecoderSpec(config);
  KOEVAL_CHECK(spec.ok(), spec.status().message().c_str());
  std::mt19937_64 random(seed);
  std::vector<model::MadeTensor> tensors;
  for (const model::TensorNeed& need : model::NeededTensors(*spec)) {
    int64_t count = 1;
    for (const int64_t size : need.shape) count *= size;
    tensors.push_back(
        {need.name, "F32", need.shape, RandomBytes(random, count, need.shape.size() == 1)});
  }
  const Status stored =
      WriteFileAtomically(dir + "/model.safetensors", model::MakeSafetensors(tensors));
  KOEVAL_CHECK(stored.ok(), stored.message().c_str());
}

}  // namespace koeval::bench
