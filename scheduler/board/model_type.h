// The leaderboard's types of models: names, signs, and the many ways in which files write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace koeval::board {

enum class ModelType {
  kUnknown,
  kPretrained,
  kContinuallyPretrained,
  kFineTuned,
  kInstructionTuned,
  kRlTuned,
  kMerged,
};

// "pretrained", "continually pretrained", "fine-tuned", "instruction-tuned", "RL-tuned", "merged",
// "unknown".
std::string_view ModelTypeName(ModelType type);
// One code point, as the leaderboard has it: a green circle for pretrained; "?" for unknown.
std::string_view ModelTypeIcon(ModelType type);
// "<icon> : <name>", as request files write it.
std::string ModelTypeText(ModelType type);
// Reads a sign, a name, or both, in the spellings of the leaderboard's versions ("FT", "🔶 :
// fine-tuned on domain-specific datasets", "merges and moerges"); case does not count. Where sign
// and name differ, the sign counts. Nothing for any other text.
std::optional<ModelType> ParseModelType(std::string_view text);
// The same with kUnknown for what is not known.
ModelType ModelTypeOf(std::string_view text);

}  // namespace koeval::board
