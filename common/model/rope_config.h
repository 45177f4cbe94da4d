// The rotary fields of config.json in both generations of their spelling.
#pragma once

#include <cstdint>

#include "common/model/config_reader.h"
#include "common/model/decoder_spec.h"

namespace koeval::model {

struct RopeDefaults {
  double theta = 10000;
  double partial_factor = 1;  // share of head_dim that rotates
  // Older names of the same fields in this family's config, or empty.
  std::string_view theta_key = "rope_theta";
  std::string_view partial_key = "partial_rotary_factor";
};

// Reads rope_parameters{rope_theta, rope_type, ...}, or rope_theta with rope_scaling{type |
// rope_type, ...}. Kinds: default, linear, llama3, yarn; others, and fields of these that are not
// understood, are noted as errors in `config`.
RopeSpec ReadRope(ConfigReader& config, const RopeDefaults& defaults, int64_t head_dim,
                  int64_t max_positions);

}  // namespace koeval::model
