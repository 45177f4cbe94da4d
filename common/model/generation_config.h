// generation_config.json: what decides a greedily generated text besides the weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/json.h"

namespace koeval::model {

struct GenerationConfig {
  std::vector<int32_t> end_ids;  // tokens that end a text
  double repetition_penalty =
      1;                // logits of tokens seen before: positive divided, others multiplied
  std::string problem;  // why texts cannot be generated with this file; "" when they can
};

// Reads MODEL_DIR/generation_config.json, or where there is none the same fields of `config`
// (config.json), as transformers does. Sampling settings have no meaning here and are not looked
// at. Never fails, because most tasks generate nothing: `problem` says "BAD_CHECKPOINT: ..." for a
// damaged file or value, or a setting that changes greedy texts and is not supported.
GenerationConfig ReadGenerationConfig(const std::string& model_dir, const Json& config);

}  // namespace koeval::model
