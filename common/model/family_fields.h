// What the families share in reading config.json and naming tensors.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/model/config_reader.h"
#include "common/model/decoder_spec.h"

namespace koeval::model {

// Bounds of config.json: no product of two of these overflows.
constexpr int64_t kSizeMax = int64_t{1} << 24;
constexpr int64_t kVocabMax = int64_t{1} << 28;
constexpr int64_t kLayersMax = 2048;
constexpr int64_t kExpertsMax = 4096;
constexpr int64_t kExpertsOfAllLayersMax = int64_t{1} << 16;
constexpr int64_t kPositionsMax = int64_t{1} << 30;
constexpr double kScaleMax = 1e9;

// An activation by its name in config.json; others are noted as unsupported.
Activation ReadActivation(ConfigReader& config, std::string_view key, std::string_view fallback);

// The tensors `name`.weight and, with `bias`, `name`.bias.
LinearSpec Linear(const std::string& name, int64_t in, int64_t out, bool bias);

// `name`.weight and `name`.bias.
NormSpec LayerNorm(const std::string& name);

// The vocabulary's projection `name` of `in` values; the embedding itself when it is tied.
// REQUIRES: spec.embedding and spec.tied_head are set.
void NameHead(const std::string& name, int64_t in, bool bias, DecoderSpec& spec);

// `at`.{q,k,v,out}_proj of a layer with as many key heads as heads.
void NameSquareAttention(const std::string& at, bool bias, const DecoderSpec& spec,
                         LayerSpec& layer);

// The usual scale of attention scores: one over the root of a head's size.
double HeadScale(const DecoderSpec& spec);

// Notes an error when the key heads do not divide the heads.
void CheckHeads(ConfigReader& config, const DecoderSpec& spec);

// hidden_size / heads; notes an error at `hidden_key` when it is no integer.
int64_t HeadDim(ConfigReader& config, std::string_view hidden_key, const DecoderSpec& spec);

// Number of layers.
int64_t LayerCount(ConfigReader& config, std::string_view key, int64_t fallback);

// A window of the class: absent means `fallback`, null means none (0).
int64_t ReadWindow(ConfigReader& config, std::string_view key, int64_t fallback);
// "sliding_attention" (gets `window`) or "full_attention" per layer, where the file has
// "layer_types"; without the key the layers stay as they are.
void ReadLayerTypes(ConfigReader& config, int64_t window, DecoderSpec& spec);
// A true `key` would change the result and has no implementation; `meaning` says what it turns on.
void RefuseTrue(ConfigReader& config, std::string_view key, std::string_view meaning);

}  // namespace koeval::model
