// Post-processors: the special tokens around a text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::tokenizer {

// Immutable; safe from several threads.
class PostProcessor {
 public:
  // Leaves the ids as they are.
  PostProcessor() = default;
  // One token in front and one behind, each if there.
  PostProcessor(std::optional<int32_t> front, std::optional<int32_t> back);
  // The component as tokenizer.json has it, null included; ids must be below `id_end`.
  static Result<PostProcessor> Read(const Json& component, int32_t id_end,
                                    const std::string& where);

  // Puts the tokens around `ids`; without `add_special_tokens` there are none.
  void Apply(std::vector<int32_t>& ids, bool add_special_tokens) const;

 private:
  // The text, or a token.
  struct Step {
    bool is_text = false;
    int32_t id = -1;
  };
  using Piece = std::vector<Step>;
  class Builder;

  std::vector<Step> steps_;  // none: only the text
};

}  // namespace koeval::tokenizer
