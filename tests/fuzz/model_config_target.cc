// Fuzz target: config.json to DecoderSpec, and what is computed from an accepted one. The input is
// the file.
#include <cmath>
#include <set>
#include <string>

#include "common/base/check.h"
#include "common/model/config.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {
namespace {

constexpr int64_t kElementBytes = 4;
constexpr int64_t kTokens = 4096;

void CheckRope(const model::RopeSpec& rope) {
  for (const auto range : {model::RopeRange::kOriginal, model::RopeRange::kExtended}) {
    const std::vector<float> frequencies = model::RopeFrequencies(rope, range);
    const int64_t wanted = rope.kind == model::RopeKind::kNone ? 0 : rope.dim / 2;
    KOEVAL_CHECK(static_cast<int64_t>(frequencies.size()) == wanted, "dim/2 frequencies");
    for (const float frequency : frequencies) {
      KOEVAL_CHECK(!std::isnan(frequency), "frequencies are numbers");
    }
  }
}

void CheckSpec(const model::DecoderSpec& spec) {
  KOEVAL_CHECK(spec.vocab_size > 0 && spec.hidden_size > 0 && spec.heads > 0 && spec.kv_heads > 0 &&
                   spec.head_dim > 0 && spec.mlp_size > 0 && !spec.layers.empty(),
               "sizes are positive");
  KOEVAL_CHECK(spec.heads % spec.kv_heads == 0, "heads share keys evenly");
  KOEVAL_CHECK(!spec.ropes.empty(), "layers have ropes to choose from");
  for (const model::RopeSpec& rope : spec.ropes) CheckRope(rope);
  for (const model::LayerSpec& layer : spec.layers) {
    KOEVAL_CHECK(layer.rope < spec.ropes.size() && layer.window >= 0,
                 "layers choose what is there");
  }
  std::set<std::string> names;
  for (const model::TensorNeed& need : model::NeededTensors(spec)) {
    KOEVAL_CHECK(names.insert(need.name).second, "every tensor is needed once");
    for (const int64_t dim : need.shape) KOEVAL_CHECK(dim > 0, "shapes are positive");
  }
  KOEVAL_CHECK(model::ParameterCount(spec) > 0, "a model has parameters");
  const model::MemoryNeed need = model::EstimateMemory(spec, kElementBytes, kTokens, kTokens);
  KOEVAL_CHECK(need.weights > 0 && need.key_values > 0 && need.activations > 0 && need.Total() > 0,
               "memory needs are positive");
}

}  // namespace

void FuzzModelConfig(std::string_view input) {
  auto json = ParseJson(input);
  if (!json.ok()) return;
  auto spec = model::ParseDecoderSpec(*json);
  CheckClearStatus(spec.status());
  if (!spec.ok()) return;
  CheckSpec(*spec);
  const model::ModelConfig config{*std::move(json), *std::move(spec)};
  KOEVAL_CHECK(model::EvaluationMaxLength(config, 2048) > 0, "inputs have a length");
}

}  // namespace koeval::fuzz
