// Words of names and cards.
#include "common/hub/delta_signs.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace koeval::hub {
namespace {

constexpr size_t kNear = 160;  // bytes around "delta" that are of the same sentence or two

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

// "v1", "v0", "1", "2023"
bool IsVersion(std::string_view word) {
  if (word.starts_with('v')) word.remove_prefix(1);
  return !word.empty() &&
         std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The end of a name that says that it is a delta: "-delta-v1.1" of "vicuna-13b-delta-v1.1"; else
// "".
std::string_view DeltaEnd(std::string_view name, std::string_view lower) {
  size_t end = lower.size();
  while (end > 0) {
    const size_t at = lower.find_last_of("-_.", end - 1);
    if (at == std::string_view::npos || at == 0) return "";
    const std::string_view word = lower.substr(at + 1, end - at - 1);
    if (word == "delta" || word == "xor") return name.substr(at);
    if (!IsVersion(word)) return "";
    end = at;
  }
  return "";
}

bool SaysAny(std::string_view text, const auto& phrases) {
  return std::any_of(phrases.begin(), phrases.end(), [text](std::string_view phrase) {
    return text.find(phrase) != std::string_view::npos;
  });
}

// The card speaks of delta weights near one of `phrases`.
bool SaysNear(std::string_view lower, const auto& phrases) {
  for (size_t at = lower.find("delta"); at != std::string_view::npos;
       at = lower.find("delta", at + 1)) {
    const size_t begin = at < kNear ? 0 : at - kNear;
    if (SaysAny(lower.substr(begin, at - begin + kNear), phrases)) return true;
  }
  return false;
}

bool IsDeclared(const ModelCard& card) {
  static constexpr std::array<std::string_view, 4> kTags = {"delta-weights", "delta weights",
                                                            "weight-delta", "delta-model"};
  return Lower(card.base_model_relation) == "delta" ||
         std::any_of(card.tags.begin(), card.tags.end(), [](const std::string& tag) {
           return std::find(kTags.begin(), kTags.end(), Lower(tag)) != kTags.end();
         });
}

}  // namespace

DeltaSigns FindDeltaSigns(std::string_view name, const ModelCard& card, std::string_view readme) {
  static constexpr std::array<std::string_view, 7> kDemands = {
      "cannot be used directly", "can not be used directly", "can't be used directly",
      "must be applied",         "needs to be applied",      "need to be applied",
      "have to be applied"};
  static constexpr std::array<std::string_view, 8> kMentions = {
      "delta weight", "delta model",     "apply_delta",  "apply-delta",
      "apply delta",  "apply the delta", "weight delta", "xor weights"};
  const std::string lower_name = Lower(name);
  const std::string lower = Lower(readme);
  const std::string_view end = DeltaEnd(name, lower_name);
  const bool demands = SaysNear(lower, kDemands);
  const bool mentions = demands || SaysAny(lower, kMentions);
  const std::string named = fmt::format("its name ends with \"{}\"", end);
  if (IsDeclared(card))
    return {DeltaVerdict::kIs, "the header of README.md declares delta weights"};
  if (!end.empty() && mentions) {
    return {DeltaVerdict::kIs, named + " and README.md speaks of delta weights"};
  }
  if (!end.empty()) return {DeltaVerdict::kPerhaps, named};
  if (demands) {
    return {DeltaVerdict::kPerhaps,
            "README.md says that a delta has to be applied to a base model"};
  }
  return {};
}

}  // namespace koeval::hub
