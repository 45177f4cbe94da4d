// ast.literal_eval: Python literals out of text.
#pragma once

#include <string_view>

#include "common/base/status.h"
#include "common/evaluation/python_value.h"

namespace koeval::evaluation {

// The value of one Python expression that consists of literals only: text (with prefixes r and u,
// triple quotes, adjacent pieces), numbers, True, False, None, tuples, lists, dicts, + and - before
// a number. INVALID_ARGUMENT, with the byte offset but without the text, for everything else, for
// whole numbers over 64 bits and for nesting deeper than 100.
// Source: Python 3.11, ast.literal_eval; sets, bytes and complex numbers are left out.
Result<Value> LiteralEval(std::string_view text);

// Appends what the escape sequence after a backslash stands for, and moves `at`, which is just
// behind the backslash, past it. False for a sequence that Python refuses. Unknown sequences keep
// their backslash. Source: Python's "unicode-escape" codec, without \N{...}.
bool AppendEscape(std::string_view text, size_t& at, std::string& out);

}  // namespace koeval::evaluation
