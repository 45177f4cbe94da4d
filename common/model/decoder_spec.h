// What a decoder-only transformer computes, as data: the engine reads these fields and never a
// family's name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace koeval::model {

// What a norm does after it divided by the root mean square, or by mean and deviation.
enum class NormKind {
  kRms,         // rounds to the compute dtype, then multiplies by the weight
  kRmsWide,     // multiplies by the weight in float32, then rounds
  kRmsOnePlus,  // multiplies by (1 + weight) in float32, then rounds
  kLayerNorm,
};
// kGelu is the exact one (erf); kGeluTanh the tanh approximation ("gelu_new").
enum class Activation { kSilu, kGelu, kGeluTanh, kRelu };
enum class RopeKind { kNone, kDefault, kLinear, kLlama3, kYarn, kLongRope };
// What one norm of queries and of keys spans, before positions are applied. kEachHead: one head,
// whose weights are its own.
enum class QkNorm { kNone, kPerHead, kEachHead, kWholeProjection };
// How query, key and value projections are stored.
enum class QkvLayout {
  kSeparate,      // three matrices
  kFusedStacked,  // one matrix, rows [all q; all k; all v]
  kFusedGrouped,  // one matrix, rows per key head [the q of its heads; k; v]
};
// How a layer adds to its input x.
enum class Residual {
  kSerial,           // y = x + attention(norm(x)); y + mlp(norm(y))
  kParallel,         // x + attention(norm(x)) + mlp(norm(x)), each with its norm
  kParallelOneNorm,  // the same, both with attention_norm
  kNormOfSum,        // y = norm(x + attention(x)); norm(y + mlp(y)), with the post norms
};

// Rotary positions on the first `dim` entries of a head, in pairs (j, j + dim/2), or (2j, 2j + 1)
// when `interleaved`.
struct RopeSpec {
  RopeKind kind = RopeKind::kNone;
  int64_t dim = 0;
  bool interleaved = false;
  double theta = 10000;
  double factor = 1;              // linear, llama3, yarn
  double low_freq_factor = 1;     // llama3
  double high_freq_factor = 4;    // llama3
  double original_positions = 0;  // llama3, yarn, longrope
  double beta_fast = 32;          // yarn
  double beta_slow = 1;           // yarn
  bool truncate = true;           // yarn: correction range to whole dimensions
  // longrope: divisors of the dim/2 frequencies, for inputs of at most `original_positions` tokens
  // and for longer ones.
  std::vector<double> short_factors;
  std::vector<double> long_factors;
  double attention_scaling = 1;  // multiplies cosines and sines

  friend bool operator==(const RopeSpec&, const RopeSpec&) = default;
};

// The length of an input, as far as rotary frequencies depend on it: kExtended is an input of more
// tokens than the `original_positions` of a longrope.
enum class RopeRange { kOriginal, kExtended };

// The dim/2 inverse frequencies in radians per position, rounded to float32 where the reference
// implementation rounds. Empty for kNone.
std::vector<float> RopeFrequencies(const RopeSpec& rope, RopeRange range = RopeRange::kOriginal);

// Attention with linear biases (arXiv:2108.12409) in its form without the query's position: adds
// scale * slope * (position of the key) to the scaled scores of a head, in float32.
struct AlibiSpec {
  std::vector<float> slopes;  // of each head; empty: no biases
  double scale = 1;
  bool bfloat16 = false;  // slope, position and product are rounded to bfloat16

  friend bool operator==(const AlibiSpec&, const AlibiSpec&) = default;
};

// The slopes of the paper for `heads` heads, of which the reference implementations take the odd
// powers of the next larger set when `heads` is no power of two.
std::vector<float> AlibiSlopes(int64_t heads);

// y = x W^T + b. `weight` is (out, in), or (in, out) when `transposed`. An empty name: no tensor.
struct LinearSpec {
  std::string weight;
  std::string bias;
  int64_t in = 0;
  int64_t out = 0;
  bool transposed = false;

  friend bool operator==(const LinearSpec&, const LinearSpec&) = default;
};

// An empty weight: no norm, what comes in goes out.
struct NormSpec {
  std::string weight;
  std::string bias;  // empty: none
  // kEachHead stored as one tensor for each head, in place of `weight`.
  std::vector<std::string> head_weights = {};

  friend bool operator==(const NormSpec&, const NormSpec&) = default;
};

// down(act(gate(x)) * up(x)), or down(act(up(x))) without a gate.
struct MlpSpec {
  LinearSpec gate_up;   // one matrix, rows [gate; up]; else the two below
  LinearSpec gate, up;  // an empty gate: not gated
  LinearSpec down;

  friend bool operator==(const MlpSpec&, const MlpSpec&) = default;
};

// A router that sends each token to `chosen` experts. Its softmax over all experts is taken in
// float32; the weights of the chosen ones are summed up to one when `renormalised`.
struct ExpertsSpec {
  LinearSpec router;  // (experts, hidden); empty: the layer has no experts
  std::vector<MlpSpec> experts;
  int64_t chosen = 0;
  bool renormalised = false;
  // (1, hidden): its sigmoid scales LayerSpec::mlp, which every token passes besides its experts.
  // Empty: such a layer has no LayerSpec::mlp.
  LinearSpec shared_gate;

  friend bool operator==(const ExpertsSpec&, const ExpertsSpec&) = default;
};

struct LayerSpec {
  NormSpec attention_norm;       // of what attention reads
  NormSpec attention_post_norm;  // of what attention adds
  NormSpec mlp_norm;
  NormSpec mlp_post_norm;
  LinearSpec qkv;           // fused layouts
  LinearSpec q, k, v;       // kSeparate
  NormSpec q_norm, k_norm;  // of the kind of DecoderSpec::qk_norm
  LinearSpec attention_out;
  MlpSpec mlp;
  ExpertsSpec experts;
  int64_t window = 0;      // a key is visible when query - key < window; 0: no window
  double score_scale = 1;  // multiplies query . key
  size_t rope = 0;         // of DecoderSpec::ropes

  friend bool operator==(const LayerSpec&, const LayerSpec&) = default;
};

struct DecoderSpec {
  std::string architecture;  // "LlamaForCausalLM"
  std::string model_type;    // "llama"
  std::string
      stored_dtype;  // "float32", "bfloat16", "float16", or empty when config.json is silent

  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;
  int64_t mlp_size = 0;
  int64_t max_positions =
      0;  // as config.json or its class default says; rotary models may exceed it

  NormKind norm = NormKind::kRms;
  double norm_epsilon = 1e-6;
  Activation activation = Activation::kSilu;
  Residual residual = Residual::kSerial;
  QkvLayout qkv_layout = QkvLayout::kSeparate;
  QkNorm qk_norm = QkNorm::kNone;
  std::vector<RopeSpec> ropes = {RopeSpec{}};  // what the layers choose from, never empty
  AlibiSpec alibi;
  double embedding_scale = 1;   // multiplies embeddings, rounded to the compute dtype
  double score_softcap = 0;     // scaled scores s become cap * tanh(s / cap); 0: they do not
  bool float32_scores = false;  // scores are not rounded to the compute dtype
  double logit_scale = 1;
  double logit_softcap = 0;  // as score_softcap, of logits
  // longrope: a text that outgrows the original length while it is generated has all its keys made
  // anew; of other classes it keeps those that it has.
  bool rope_restarts = false;
  // The class cast its logits to float32 in transformers before 4.45; none does since.
  bool older_float32_logits = false;

  // The decoder is a part of a multimodal model, and lies under that one's names (stored_names.h).
  bool text_part = false;
  // Names may also occur without this prefix in checkpoints of the headless base model.
  std::string base_prefix;
  std::string embedding;           // (vocab_size, EmbeddingSize())
  LinearSpec embedding_in;         // embeddings to hidden_size; empty: they have it
  std::string position_embedding;  // (max_positions + position_offset, hidden_size), or empty
  int64_t position_offset = 0;     // rows of position_embedding before that of position 0
  NormSpec embedding_norm;
  NormSpec final_norm;
  LinearSpec head_in;  // from hidden_size to what the head reads; empty: the same
  LinearSpec head;     // head.weight == embedding when tied
  bool tied_head = false;
  std::vector<LayerSpec> layers;

  int64_t EmbeddingSize() const {
    return embedding_in.weight.empty() ? hidden_size : embedding_in.in;
  }
  friend bool operator==(const DecoderSpec&, const DecoderSpec&) = default;
};

// A tensor that the spec needs.
struct TensorNeed {
  std::string name;
  std::vector<int64_t> shape;
};

// Every tensor that `spec` needs, each once (a tied head is the embedding), in model order.
std::vector<TensorNeed> NeededTensors(const DecoderSpec& spec);
// Number of parameters: the elements of NeededTensors. INT64_MAX when they are more than that.
int64_t ParameterCount(const DecoderSpec& spec);

// What a forward pass takes, in bytes; an estimate for placement, on the high side.
struct MemoryNeed {
  int64_t weights = 0;
  int64_t key_values = 0;   // all layers of stored tokens, one layer of a forward
  int64_t activations = 0;  // of one layer and of the vocabulary rows in flight
  int64_t Total() const;
};
// INT64_MAX where a size is more than that. `element_bytes` of the compute dtype; `tokens` of the
// largest forward; `stored_tokens` of which all layers are kept, as Plan::stored_tokens.
MemoryNeed EstimateMemory(const DecoderSpec& spec, int64_t element_bytes, int64_t tokens,
                          int64_t stored_tokens);

}  // namespace koeval::model
