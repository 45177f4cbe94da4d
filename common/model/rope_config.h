// The rotary fields of config.json in both generations of their spelling.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/model/config_reader.h"
#include "common/model/decoder_spec.h"

namespace koeval::model {

struct RopeDefaults {
  double theta = 10000;
  double partial_factor = 1;  // share of head_dim that rotates
  // Older names of the same fields in this family's config, or empty.
  std::string_view theta_key = "rope_theta";
  std::string_view partial_key = "partial_rotary_factor";
  // The class's own original_max_position_embeddings; 0: max_position_embeddings.
  int64_t original_positions = 0;
  // The names "su" and "yarn" mean longrope, as Phi-3's older files have it.
  bool long_rope_names = false;
};

// Reads rope_parameters{rope_theta, rope_type, ...}, or rope_theta with rope_scaling{type |
// rope_type, ...}. Kinds: default, linear, llama3, yarn, longrope; others, and fields of these that
// are not understood, are noted as errors in `config`.
RopeSpec ReadRope(ConfigReader& config, const RopeDefaults& defaults, int64_t head_dim,
                  int64_t max_positions);

struct GlobalAndLocalTheta {
  double global = 0;
  double local = 0;
};
// The ropes of global layers [0] and of layers with a window [1]: rope_parameters{full_attention{},
// sliding_attention{}}, or rope_theta with rope_scaling for the first and rope_local_base_freq for
// the second.
std::vector<RopeSpec> ReadGlobalAndLocalRope(ConfigReader& config,
                                             const GlobalAndLocalTheta& defaults, int64_t head_dim,
                                             int64_t max_positions);

}  // namespace koeval::model
