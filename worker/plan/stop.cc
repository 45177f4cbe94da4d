// The harness's stopping criteria and its cut at stop strings.
#include "worker/plan/stop.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace koeval::plan {
namespace {

constexpr size_t kMoreTokens = 2;  // that lm-eval-0.4 looks back further

}  // namespace

Result<StopRule> StopRule::Make(const tokenizer::Tokenizer& tokenizer, evaluation::Profile profile,
                                const evaluation::GenerationLimits& limits,
                                std::vector<int32_t> end_ids) {
  std::vector<std::string> texts = limits.until;
  if (const auto eos = tokenizer.eos_id()) {
    ASSIGN_OR_RETURN(const std::string text,
                     tokenizer.Decode({&*eos, 1}, /*skip_special_tokens=*/false));
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }
  const size_t more = profile == evaluation::Profile::kLmEval04 ? kMoreTokens : 0;
  std::vector<Stop> stops;
  for (std::string& text : texts) {
    ASSIGN_OR_RETURN(const auto ids, tokenizer.Encode(text, /*add_special_tokens=*/false));
    stops.push_back({std::move(text), ids.size() + more});
  }
  return StopRule(tokenizer, std::move(stops), std::move(end_ids));
}

Result<bool> StopRule::Ends(std::span<const int32_t> ids) const {
  if (ids.empty()) return false;
  if (std::find(end_ids_.begin(), end_ids_.end(), ids.back()) != end_ids_.end()) return true;
  for (const Stop& stop : stops_) {
    const size_t count = stop.tokens == 0 ? ids.size() : std::min(stop.tokens, ids.size());
    ASSIGN_OR_RETURN(const std::string text,
                     Decode(ids.last(count), /*skip_special_tokens=*/false));
    if (text.find(stop.text) != std::string::npos) return true;
  }
  return false;
}

Result<std::string> StopRule::Text(std::span<const int32_t> ids) const {
  ASSIGN_OR_RETURN(std::string text, Decode(ids, /*skip_special_tokens=*/true));
  for (const Stop& stop : stops_) {
    if (!stop.text.empty()) text = text.substr(0, text.find(stop.text));
  }
  return text;
}

Result<std::string> StopRule::Decode(std::span<const int32_t> ids, bool skip_special_tokens) const {
  std::vector<int32_t> known;
  const int32_t end = tokenizer_->vocab_size();
  std::copy_if(ids.begin(), ids.end(), std::back_inserter(known),
               [end](int32_t id) { return id >= 0 && id < end; });
  return tokenizer_->Decode(known, skip_special_tokens);
}

}  // namespace koeval::plan
