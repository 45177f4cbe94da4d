// The filters that look for an answer in a text.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/filter.h"

namespace koeval::evaluation {

// What a filter of answers iterates over, as Python would: the items of a list, the characters of a
// text.
std::vector<Json> FilterItems(const Json& value);

struct RegexFilterOptions {
  std::string pattern = R"(#### (\-?[0-9\.\,]+))";
  std::string fallback = "[invalid]";
  int64_t group_select = 0;  // of the matches; negative from the end
  // multi_choice_regex alone.
  bool ignore_case = false;
  bool ignore_punctuation = false;
  std::vector<std::string> regexes_to_ignore;
};

// `regex`: the selected match, or its first group that is not empty, stripped; the fallback where
// there is none (the harness breaks off where there are matches, but not so many).
// INVALID_ARGUMENT for a pattern that cannot be read.
Result<std::shared_ptr<const Filter>> MakeRegexFilter(const RegexFilterOptions& options);

// `multi_choice_regex`: the pattern, else a choice of the row's "choices" as "(A)", else a letter
// behind a colon.
Result<std::shared_ptr<const Filter>> MakeMultiChoiceRegexFilter(const RegexFilterOptions& options);

// `format_span`: "person: a, b" into "per: a $ per: b".
Result<std::string> FormatSpan(std::string_view text);

}  // namespace koeval::evaluation
