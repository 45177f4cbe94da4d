// What tells delta weights, differences to a base model that score as noise, from whole ones.
//
// Nothing in the files does: a delta has the tensors, shapes and configuration of a whole model. So
// its name and its card are read, and because many ordinary models have "delta" in their names, one
// sign alone is a warning. Deltas that are known: lmsys/vicuna-13b-delta-v1.1 ("This "delta model"
// cannot be used directly"), CarperAI/stable-vicuna-13b-delta, OpenAssistant's -xor weights.
#pragma once

#include <string>
#include <string_view>

#include "common/hub/model_card.h"

namespace koeval::hub {

enum class DeltaVerdict { kNone, kPerhaps, kIs };

struct DeltaSigns {
  DeltaVerdict verdict = DeltaVerdict::kNone;
  std::string what;  // the signs, for people: `its name ends with "-delta-v1.1"`
};

// `name`: of the repository without its owner, or of the folder. `readme`: the whole card.
//   kIs       the header declares it (base_model_relation or a tag), or the name says it and the
//             text speaks of delta weights
//   kPerhaps  the name alone says it (it ends with delta or xor, a version after it apart), or the
//             text alone, with the words that a delta cannot be used directly or has to be applied
DeltaSigns FindDeltaSigns(std::string_view name, const ModelCard& card, std::string_view readme);

}  // namespace koeval::hub
