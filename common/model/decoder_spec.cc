// Tensors, sizes and rotary frequencies that follow from a DecoderSpec.
#include "common/model/decoder_spec.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace koeval::model {
namespace {

// Rows of vocabulary logits that the engine holds at once are bounded by these bytes.
constexpr int64_t kHeadChunkBytes = int64_t{64} << 20;
// Buffers of about this many hidden-sized rows per token live at once inside a layer.
constexpr int64_t kLiveHiddenRows = 6;
constexpr int64_t kLiveMlpRows = 3;
// What experts read, give back, and are summed up in.
constexpr int64_t kLiveExpertRows = 3;

// Sums and products of sizes that a config.json states: they stop at the largest number.
int64_t Times(int64_t a, int64_t b) {
  int64_t out = 0;
  return __builtin_mul_overflow(a, b, &out) ? INT64_MAX : out;
}

int64_t Plus(int64_t a, int64_t b) {
  int64_t out = 0;
  return __builtin_add_overflow(a, b, &out) ? INT64_MAX : out;
}

void AddLinear(const LinearSpec& linear, std::vector<TensorNeed>& out) {
  if (linear.weight.empty()) return;
  if (linear.transposed) {
    out.push_back({linear.weight, {linear.in, linear.out}});
  } else {
    out.push_back({linear.weight, {linear.out, linear.in}});
  }
  if (!linear.bias.empty()) out.push_back({linear.bias, {linear.out}});
}

void AddNorm(const NormSpec& norm, int64_t size, std::vector<TensorNeed>& out) {
  if (norm.weight.empty()) return;
  out.push_back({norm.weight, {size}});
  if (!norm.bias.empty()) out.push_back({norm.bias, {size}});
}

// The norm of `heads` query or key heads.
void AddQkNorm(const DecoderSpec& spec, const NormSpec& norm, int64_t heads,
               std::vector<TensorNeed>& out) {
  if (spec.qk_norm == QkNorm::kWholeProjection) return AddNorm(norm, heads * spec.head_dim, out);
  if (spec.qk_norm == QkNorm::kPerHead) return AddNorm(norm, spec.head_dim, out);
  if (!norm.weight.empty()) out.push_back({norm.weight, {heads, spec.head_dim}});
  for (const std::string& name : norm.head_weights) out.push_back({name, {spec.head_dim}});
}

void AddMlp(const MlpSpec& mlp, std::vector<TensorNeed>& out) {
  for (const LinearSpec* linear : {&mlp.gate_up, &mlp.gate, &mlp.up, &mlp.down}) {
    AddLinear(*linear, out);
  }
}

void AddLayer(const DecoderSpec& spec, const LayerSpec& layer, std::vector<TensorNeed>& out) {
  AddNorm(layer.attention_norm, spec.hidden_size, out);
  for (const LinearSpec* linear : {&layer.qkv, &layer.q, &layer.k, &layer.v}) {
    AddLinear(*linear, out);
  }
  AddQkNorm(spec, layer.q_norm, spec.heads, out);
  AddQkNorm(spec, layer.k_norm, spec.kv_heads, out);
  AddLinear(layer.attention_out, out);
  AddNorm(layer.attention_post_norm, spec.hidden_size, out);
  AddNorm(layer.mlp_norm, spec.hidden_size, out);
  AddLinear(layer.experts.router, out);
  for (const MlpSpec& expert : layer.experts.experts) AddMlp(expert, out);
  AddLinear(layer.experts.shared_gate, out);
  AddMlp(layer.mlp, out);
  AddNorm(layer.mlp_post_norm, spec.hidden_size, out);
}

// Rows of the size of an MLP, and of the hidden size, that a token holds in a layer's MLP: those of
// the widest one, since experts run one after the other and each may be given all tokens.
int64_t LiveMlpElements(const DecoderSpec& spec) {
  int64_t most = 0;
  for (const LayerSpec& layer : spec.layers) {
    int64_t elements = kLiveMlpRows * layer.mlp.down.in;
    for (const MlpSpec& expert : layer.experts.experts) {
      elements =
          std::max(elements, kLiveMlpRows * expert.down.in + kLiveExpertRows * spec.hidden_size);
    }
    most = std::max(most, elements);
  }
  return most;
}

// The blend of the llama3 scaling for one frequency.
double Llama3Frequency(const RopeSpec& rope, double frequency) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  if (wavelength > rope.original_positions / rope.low_freq_factor) return frequency / rope.factor;
  if (wavelength < rope.original_positions / rope.high_freq_factor) return frequency;
  const double smooth = (rope.original_positions / wavelength - rope.low_freq_factor) /
                        (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

// The dimension at which `rotations` full turns fit into the original context.
double YarnCorrectionDim(const RopeSpec& rope, double rotations) {
  return static_cast<double>(rope.dim) *
         std::log(rope.original_positions / (rotations * 2 * std::numbers::pi)) /
         (2 * std::log(rope.theta));
}

// Share of the interpolated frequency at pair `j`: 0 keeps the frequency, 1 divides it by factor.
double YarnInterpolatedShare(const RopeSpec& rope, int64_t j) {
  double low = YarnCorrectionDim(rope, rope.beta_fast);
  double high = YarnCorrectionDim(rope, rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, static_cast<double>(rope.dim - 1));
  if (low == high) high += 0.001;
  return std::clamp((static_cast<double>(j) - low) / (high - low), 0.0, 1.0);
}

}  // namespace

std::vector<float> RopeFrequencies(const RopeSpec& rope, RopeRange range) {
  std::vector<float> out;
  if (rope.kind == RopeKind::kNone) return out;
  const std::vector<double>& divisors =
      range == RopeRange::kOriginal ? rope.short_factors : rope.long_factors;
  for (int64_t j = 0; j < rope.dim / 2; ++j) {
    const double exponent = static_cast<double>(2 * j) / static_cast<double>(rope.dim);
    const auto wavelength = static_cast<float>(std::pow(rope.theta, exponent));
    // Float32 before any scaling, as the tables of the reference implementation are.
    double frequency = 1.0f / wavelength;
    if (rope.kind == RopeKind::kLinear) {
      frequency /= rope.factor;
    } else if (rope.kind == RopeKind::kLlama3) {
      frequency = Llama3Frequency(rope, frequency);
    } else if (rope.kind == RopeKind::kYarn) {
      const double share = YarnInterpolatedShare(rope, j);
      frequency = frequency / rope.factor * share + frequency * (1 - share);
    } else if (rope.kind == RopeKind::kLongRope) {
      frequency = 1.0f / (static_cast<float>(divisors[static_cast<size_t>(j)]) * wavelength);
    }
    out.push_back(static_cast<float>(frequency));
  }
  return out;
}

std::vector<float> AlibiSlopes(int64_t heads) {
  int64_t power = 1;
  while (2 * power <= heads) power *= 2;
  // Float32 powers of a float32 base, as the reference implementation takes them.
  const auto base = [](int64_t count) {
    return static_cast<float>(std::exp2(-8.0 / static_cast<double>(count)));
  };
  std::vector<float> out;
  for (int64_t i = 1; i <= power; ++i) out.push_back(std::pow(base(power), static_cast<float>(i)));
  for (int64_t i = 1; static_cast<int64_t>(out.size()) < heads; i += 2) {
    out.push_back(std::pow(base(2 * power), static_cast<float>(i)));
  }
  return out;
}

std::vector<TensorNeed> NeededTensors(const DecoderSpec& spec) {
  std::vector<TensorNeed> out;
  out.push_back({spec.embedding, {spec.vocab_size, spec.EmbeddingSize()}});
  AddLinear(spec.embedding_in, out);
  if (!spec.position_embedding.empty()) {
    out.push_back(
        {spec.position_embedding, {spec.max_positions + spec.position_offset, spec.hidden_size}});
  }
  AddNorm(spec.embedding_norm, spec.hidden_size, out);
  for (const LayerSpec& layer : spec.layers) AddLayer(spec, layer, out);
  AddNorm(spec.final_norm, spec.hidden_size, out);
  AddLinear(spec.head_in, out);
  if (!spec.tied_head) {
    AddLinear(spec.head, out);
  } else if (!spec.head.bias.empty()) {
    out.push_back({spec.head.bias, {spec.head.out}});
  }
  return out;
}

int64_t ParameterCount(const DecoderSpec& spec) {
  int64_t count = 0;
  for (const TensorNeed& need : NeededTensors(spec)) {
    int64_t elements = 1;
    for (const int64_t size : need.shape) elements = Times(elements, size);
    count = Plus(count, elements);
  }
  return count;
}

int64_t MemoryNeed::Total() const {
  return Plus(weights, Plus(key_values, activations));
}

MemoryNeed EstimateMemory(const DecoderSpec& spec, int64_t element_bytes, int64_t tokens,
                          int64_t stored_tokens) {
  MemoryNeed need;
  need.weights = Times(ParameterCount(spec), element_bytes);
  const int64_t kv_row = Times(2 * spec.kv_heads, Times(spec.head_dim, element_bytes));
  const auto layers = static_cast<int64_t>(spec.layers.size());
  need.key_values = Times(kv_row, Plus(Times(layers, stored_tokens), Plus(tokens, stored_tokens)));
  const int64_t attention_row = Times(spec.heads, 2 * spec.head_dim);
  const int64_t row =
      Plus(kLiveHiddenRows * spec.hidden_size + LiveMlpElements(spec), attention_row);
  need.activations = Plus(Times(tokens, Times(row, element_bytes)), 3 * kHeadChunkBytes);
  return need;
}

}  // namespace koeval::model
