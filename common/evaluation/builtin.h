// Named built-ins: what task files of the harness call in Python, by the same names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

bool IsDocsBuiltin(std::string_view name);
// "hellaswag, ...", for messages.
std::string DocsBuiltins();
// `process_docs`: rows into rows, some of which may be left out. INVALID_ARGUMENT names row and
// column. REQUIRES: IsDocsBuiltin.
Result<std::vector<Json>> RunDocsBuiltin(std::string_view name, std::vector<Json> rows);

}  // namespace koeval::evaluation
