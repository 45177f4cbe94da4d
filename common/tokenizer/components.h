// Components of tokenizer.json, built as JSON where transformers builds a pipeline itself.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/json.h"

namespace koeval::tokenizer {

// An object with "type" alone.
Json TypedComponent(std::string_view type);
// Replace of a literal text.
Json ReplaceComponent(std::string_view from, std::string_view to);
// Split by a pattern of `kind`, "String" or "Regex".
Json SplitComponent(std::string_view kind, std::string_view pattern, std::string_view behavior);
Json ByteLevelComponent(bool add_prefix_space, bool use_regex);
Json StripComponent(std::string_view content, int64_t start, int64_t stop);
// A Sequence whose members are listed under `key`.
Json SequenceComponent(std::string_view key, std::vector<Json> members);

}  // namespace koeval::tokenizer
