// Template text into tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/template.h"
#include "common/evaluation/template_ast.h"

namespace koeval::evaluation {

struct Token {
  enum class Kind {
    kText,      // text between the markers
    kOutput,    // {{
    kTag,       // {%
    kClose,     // }} or %}
    kName,      // also keywords
    kString,    // text: the value
    kInteger,   // text: digits as written, without _
    kFloat,     // text: digits as written, without _
    kOperator,  // text
    kEnd,
  };

  Kind kind = Kind::kEnd;
  std::string text;
  Place place;
};

// "line L, column C".
std::string PlaceText(const Place& place);
// "template line L, column C: message", INVALID_ARGUMENT unless another code is given.
Status TemplateError(const Place& place, std::string_view message,
                     Code code = Code::kInvalidArgument);

// The tokens of `source`, which end with one kEnd. Comments and raw blocks are resolved, white
// space is cut where a marker has a minus, line ends become "\n".
// Source: Jinja2 3.1, with its default delimiters; trim_blocks, lstrip_blocks and the loss of the
// last line end as the dialect has them.
Result<std::vector<Token>> LexTemplate(std::string_view source, TemplateDialect dialect);

}  // namespace koeval::evaluation
