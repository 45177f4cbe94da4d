// re.sub of Python, as far as task files use it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/status.h"

namespace koeval::evaluation {

// re.sub(pattern, to, text, count); all matches for count 0. `to` may use \1..\9, \g<1>, \g<0>,
// \n, \t and \\. INVALID_ARGUMENT for a bad pattern or replacement, for a match that needs more
// than a million steps back, and for a result over `bytes_max`; no message has text of `text`.
// Source: Python 3.11, re.sub. Matching is Oniguruma's, with Python's syntax and Unicode classes.
Result<std::string> RegexReplace(std::string_view text, const std::string& pattern,
                                 std::string_view to, int64_t count, size_t bytes_max);

}  // namespace koeval::evaluation
