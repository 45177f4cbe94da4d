// Template text into tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
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
// INVALID_ARGUMENT: "template line L, column C: message".
Status TemplateError(const Place& place, std::string_view message);

// The tokens of `source`, which end with one kEnd. Comments and raw blocks are resolved, white
// space is cut where a marker has a minus, line ends become "\n".
// Source: Jinja2 3.1, with its default delimiters and without trim_blocks and lstrip_blocks.
Result<std::vector<Token>> LexTemplate(std::string_view source);

}  // namespace koeval::evaluation
