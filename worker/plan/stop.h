// When a generated text ends and what is kept of it, as the harness decides both.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/types.h"
#include "common/tokenizer/tokenizer.h"

namespace koeval::plan {

// Immutable. Ids that the tokenizer does not know (padded rows of the vocabulary) have no text.
class StopRule {
 public:
  // `end_ids` are the model's own end tokens. The text of the tokenizer's EOS is a stop string too.
  // The tokenizer must outlive the rule. INVALID_ARGUMENT when a stop string cannot be encoded.
  static Result<StopRule> Make(const tokenizer::Tokenizer& tokenizer, evaluation::Profile profile,
                               const evaluation::GenerationLimits& limits,
                               std::vector<int32_t> end_ids);

  // Whether nothing follows `ids`, the new tokens so far; asked after each one. True behind an end
  // token, and when a stop string occurs in the text of the last tokens: as many as the stop string
  // has by itself, and with lm-eval-0.4 two more, so that other cuts of it into tokens are seen.
  Result<bool> Ends(std::span<const int32_t> ids) const;

  // The text of `ids` without special tokens, cut before each stop string in turn. Valid UTF-8:
  // bytes that are none become U+FFFD.
  Result<std::string> Text(std::span<const int32_t> ids) const;

 private:
  struct Stop {
    std::string text;
    size_t tokens = 0;  // looked back at; 0 for all
  };

  StopRule(const tokenizer::Tokenizer& tokenizer, std::vector<Stop> stops,
           std::vector<int32_t> end_ids)
      : tokenizer_(&tokenizer), stops_(std::move(stops)), end_ids_(std::move(end_ids)) {}
  Result<std::string> Decode(std::span<const int32_t> ids, bool skip_special_tokens) const;

  const tokenizer::Tokenizer* tokenizer_;
  std::vector<Stop> stops_;
  std::vector<int32_t> end_ids_;
};

}  // namespace koeval::plan
