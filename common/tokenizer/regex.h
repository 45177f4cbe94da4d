// Regular expressions of tokenizer.json over Oniguruma, the engine of Hugging Face tokenizers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"

namespace koeval::tokenizer {

// A compiled pattern in Oniguruma's Ruby syntax over UTF-8. Immutable; safe from several threads.
class Regex {
 public:
  // INVALID_ARGUMENT for a pattern that does not compile; `where` names its place.
  static Result<std::unique_ptr<Regex>> Compile(std::string_view pattern, std::string_view where);
  ~Regex();
  Regex(const Regex&) = delete;
  Regex& operator=(const Regex&) = delete;

  // Appends begin and end of every match, left to right; an empty match right after another match
  // is passed over. RESOURCE_EXHAUSTED when the pattern backtracks without end or takes 20 seconds
  // of processor time. REQUIRES: valid UTF-8.
  Status FindAll(std::string_view text, std::vector<std::pair<size_t, size_t>>& out) const;

 private:
  struct Compiled;
  explicit Regex(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace koeval::tokenizer
