// A Llama checkpoint of 60 million random parameters, made on the spot.
#pragma once

#include <cstdint>
#include <string>

namespace koeval::bench {

struct ModelShape {
  int64_t vocab_size = 32000;
  int64_t hidden_size = 512;
  int64_t mlp_size = 1536;
  int64_t layers = 8;
  int64_t heads = 8;
};

// Writes config.json and model.safetensors (float32) into `dir`. The same bytes for the same seed.
void MakeRandomLlama(const std::string& dir, const ModelShape& shape, uint64_t seed);

}  // namespace koeval::bench
