// Attention of one forward pass, in two independent forms: packed tries in blocks, and one sequence
// in one piece.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "common/model/decoder_spec.h"
#include "worker/engine/block_plan.h"
#include "worker/engine/torch_ops.h"

namespace koeval::engine {

// Keys and values of one layer, each (rows, kv heads, head_dim), positions already applied.
struct KeyValues {
  at::Tensor keys;
  at::Tensor values;
};

// What a layer knows about its attention.
struct AttentionShape {
  int64_t window = 0;  // as LayerSpec::window
  double score_scale = 1;
  double softcap = 0;                       // as DecoderSpec::score_softcap
  bool float32_scores = false;              // as in DecoderSpec
  const model::AlibiSpec* alibi = nullptr;  // null: no biases
};

// cap * tanh(x / cap), rounded after each step as the reference implementation does; x when `cap`
// is 0. Works in place.
at::Tensor Softcap(at::Tensor x, double cap);

// Answers the queries of one forward, layer by layer.
class Attention {
 public:
  virtual ~Attention() = default;
  // `queries` (tokens, heads, head_dim), `fresh` of the same tokens -> (tokens, heads * head_dim).
  virtual at::Tensor Run(size_t layer, const AttentionShape& shape, const at::Tensor& queries,
                         const KeyValues& fresh) = 0;
};

// What `alibi` adds to the scores of keys at `positions` (keys): (keys, heads), float32.
at::Tensor AlibiBiases(const model::AlibiSpec& alibi, const at::Tensor& positions);

// softmax(capped(queries keys^T * scale) + biases + mask) values, with `queries` (n, heads,
// head_dim) over `keys` and `values` (columns, kv heads, head_dim): (n, heads * head_dim). `biases`
// (columns, heads), or undefined. `mask` (n, masked columns) belongs to the last columns;
// undefined: every query sees all.
at::Tensor Attend(const at::Tensor& queries, const at::Tensor& keys, const at::Tensor& values,
                  const AttentionShape& shape, const at::Tensor& biases, const at::Tensor& mask);

// A micro-batch over a stored prefix. Scores (unless float32_scores) and probabilities in the
// compute dtype, softmax in float32. Equal micro-batches give equal bits on one hardware class;
// which rows share a block is fixed by the plan alone.
class PackedAttention final : public Attention {
 public:
  // `micro_batch` and `prefix` (one entry per layer, or empty) must outlive the object.
  PackedAttention(const plan::MicroBatch& micro_batch, const std::vector<KeyValues>& prefix,
                  at::ScalarType dtype, at::Device device);
  at::Tensor Run(size_t layer, const AttentionShape& shape, const at::Tensor& queries,
                 const KeyValues& fresh) override;

 private:
  struct Block {
    AttentionBlock plan;
    at::Tensor mask;  // (queries, masked columns): 0 or -inf; undefined when nothing is hidden
  };
  const std::vector<Block>& BlocksFor(int64_t window);
  // (prefix and packed tokens, heads), float32; undefined without biases.
  at::Tensor KeyBiases(const model::AlibiSpec* alibi);

  const plan::MicroBatch& micro_batch_;
  const std::vector<KeyValues>& prefix_;
  const int64_t prefix_tokens_;
  const at::ScalarType dtype_;
  const at::Device device_;
  std::map<int64_t, std::vector<Block>> blocks_;  // by window
  at::Tensor key_biases_;
};

// One sequence from position 0, full causal scores at once: the plain way, for comparison. With
// `cache` (empty at first, one entry per layer later) each forward goes on behind the ones before.
class CausalAttention final : public Attention {
 public:
  explicit CausalAttention(std::vector<KeyValues>* cache = nullptr) : cache_(cache) {}
  at::Tensor Run(size_t layer, const AttentionShape& shape, const at::Tensor& queries,
                 const KeyValues& fresh) override;

 private:
  // All keys and values of the layer, `fresh` ones last.
  KeyValues WithCache(size_t layer, const KeyValues& fresh);

  std::vector<KeyValues>* const cache_;
};

}  // namespace koeval::engine
