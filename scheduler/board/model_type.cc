// Names and signs of model types. Source: the Open LLM Leaderboard's display utilities, versions of
// 2023 and 2024.
#include "scheduler/board/model_type.h"

#include <fmt/core.h>

#include <array>

#include "common/base/check.h"

namespace koeval::board {
namespace {

struct Kind {
  ModelType type;
  std::string_view name, icon;
  // Lower-case; a text that starts with one of them is of this type.
  std::array<std::string_view, 4> spellings;
};

constexpr std::array<Kind, 7> kKinds = {{
    {ModelType::kUnknown, "unknown", "?", {"unknown"}},
    {ModelType::kPretrained, "pretrained", "🟢", {"pretrained", "pt"}},
    {ModelType::kContinuallyPretrained,
     "continually pretrained",
     "🟩",
     {"continually pretrained", "continuously pretrained", "cpt"}},
    {ModelType::kFineTuned, "fine-tuned", "🔶", {"fine-tuned", "finetuned", "fine tuned", "ft"}},
    {ModelType::kInstructionTuned,
     "instruction-tuned",
     "⭕",
     {"instruction-tuned", "instruction tuned", "ift", "chat"}},
    {ModelType::kRlTuned, "RL-tuned", "🟦", {"rl-tuned", "rl tuned", "rl"}},
    {ModelType::kMerged, "merged", "🤝", {"merge", "base merges", "moerges"}},
}};
constexpr std::string_view kChatIcon = "💬";  // of 2024: instruction- or RL-tuned

const Kind& KindOf(ModelType type) {
  const auto index = static_cast<size_t>(type);
  KOEVAL_CHECK(index < kKinds.size() && kKinds[index].type == type, "a value outside ModelType");
  return kKinds[index];
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view WithoutBlanks(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t:");
  if (first == std::string_view::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Whether `text` is `word`, or goes on behind it with something that is no letter.
bool StartsWithWord(std::string_view text, std::string_view word) {
  if (word.empty() || !text.starts_with(word)) return false;
  if (text.size() == word.size()) return true;
  const char next = text[word.size()];
  const bool plural = word == "merge" && (next == 'd' || next == 's');
  return plural || next < 'a' || next > 'z';
}

}  // namespace

std::string_view ModelTypeName(ModelType type) {
  return KindOf(type).name;
}

std::string_view ModelTypeIcon(ModelType type) {
  return KindOf(type).icon;
}

std::string ModelTypeText(ModelType type) {
  return fmt::format("{} : {}", ModelTypeIcon(type), ModelTypeName(type));
}

std::optional<ModelType> ParseModelType(std::string_view text) {
  const std::string_view trimmed = WithoutBlanks(text);
  if (trimmed.starts_with(kChatIcon)) return ModelType::kInstructionTuned;
  for (const Kind& kind : kKinds) {
    if (trimmed.starts_with(kind.icon)) return kind.type;
  }
  const std::string lower = Lower(trimmed);
  for (const Kind& kind : kKinds) {
    for (const std::string_view spelling : kind.spellings) {
      if (StartsWithWord(lower, spelling)) return kind.type;
    }
  }
  return std::nullopt;
}

ModelType ModelTypeOf(std::string_view text) {
  return ParseModelType(text).value_or(ModelType::kUnknown);
}

}  // namespace koeval::board
