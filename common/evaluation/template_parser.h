// Template tokens into a syntax tree.
#pragma once

#include <string_view>

#include "common/base/status.h"
#include "common/evaluation/template.h"
#include "common/evaluation/template_ast.h"

namespace koeval::evaluation {

// The statements of `source`. INVALID_ARGUMENT, with line and column, for syntax errors, for tags
// that are not supported (the message lists those that are) and for nesting deeper than 100.
// Source: the grammar of Jinja2 3.1: output, if, for, set, raw, comments; for chat templates also
// macro, call, filter, with, and the break, continue and generation of transformers.
Result<Body> ParseTemplate(std::string_view source, TemplateDialect dialect);

}  // namespace koeval::evaluation
