// Other layouts in which checkpoints store the tensors that a DecoderSpec names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/model/decoder_spec.h"
#include "common/model/safetensors.h"

namespace koeval::model {

// Generation 5 of transformers stores the experts of a layer as one tensor for gate and up,
// NAME.experts.gate_up_proj (experts, [gate; up] rows, hidden), and one for down,
// NAME.experts.down_proj (experts, hidden, size). The tensors of each expert inside `whole`, under
// the names NAME.experts.{e}.gate_proj.weight, up_proj and down_proj; none when `whole` is no such
// tensor or cannot be cut into them. At most 4096 experts.
std::vector<TensorInfo> ExpertSlices(const TensorInfo& whole);

// The further names under which a tensor that `spec` names `name` may be stored: without the prefix
// of the base model, with the experts' names of generation 5, and for the text part of a multimodal
// model below the places that either generation gives it.
std::vector<std::string> OtherNames(const DecoderSpec& spec, const std::string& name);

// Whether a tensor of a multimodal model belongs to a part that no text passes.
bool IsOtherPart(std::string_view name);

}  // namespace koeval::model
