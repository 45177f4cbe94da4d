// Normalizers: what happens to a text before it is split into words.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::tokenizer {

// Immutable; safe from several threads.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  // Rewrites `text`, which is valid UTF-8 before and after. Sets `lost_start` when the first
  // characters of the text are gone: a Metaspace that prepends to the first word only looks at
  // that. RESOURCE_EXHAUSTED when a pattern backtracks without end.
  virtual Status Apply(std::string& text, bool& lost_start) const = 0;
};

// The component as tokenizer.json has it; null for null. `where` is its place in the file.
Result<std::unique_ptr<Normalizer>> ReadNormalizer(const Json& component, const std::string& where);

}  // namespace koeval::tokenizer
