// config.json -> DecoderSpec, and the context length that an evaluation uses.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/model/decoder_spec.h"

namespace koeval::model {

struct ModelConfig {
  Json json;
  DecoderSpec spec;
};

// The spec of a parsed config.json. An absent key means the default of the family's config class.
// Errors:
//   UNIMPLEMENTED "UNSUPPORTED_ARCHITECTURE: ..."  no such family, or a field whose meaning is not
//       implemented or not known, naming it and what is supported
//   UNIMPLEMENTED "REMOTE_CODE_REQUIRED: ..."      auto_map names code of the repository and there
//       is no native family
//   INVALID_ARGUMENT "BAD_CHECKPOINT: ..."         wrong types, impossible sizes
Result<DecoderSpec> ParseDecoderSpec(const Json& config);

// Reads MODEL_DIR/config.json. Also NOT_FOUND "BAD_CHECKPOINT: ..." when there is none.
Result<ModelConfig> ReadModelConfig(const std::string& model_dir);

// The longest input of an evaluation, by the harness's rule: the first of n_positions,
// max_position_embeddings and n_ctx that config.json (or its class default) has, then
// tokenizer_config.json's model_max_length unless it is the "unset" number, then 2048.
// Sliding windows, rope scaling and other length fields are not consulted.
int64_t EvaluationMaxLength(const ModelConfig& config,
                            std::optional<int64_t> tokenizer_model_max_length = std::nullopt);

}  // namespace koeval::model
