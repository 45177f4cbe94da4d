// Templates of task files: the part of Jinja2 that they use.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

struct TemplateTree;

// A parsed template. Immutable and cheap to copy; Render may run on several threads at once.
//
// Supported: {{ }}, {% if elif else %}, {% for %} with loop variables, {% set %}, raw, comments and
// white-space control; literals, lists, tuples, dicts, indexing, slices, attributes, arithmetic,
// comparisons, in, and/or/not, inline if, ~, method calls of str/list/dict, range(), namespace(),
// and the filters and tests of template_call.h. Undefined names are errors, the last line end is
// kept, and nothing is escaped.
// Source: Jinja2 3.1 with StrictUndefined and keep_trailing_newline, as lm-evaluation-harness 0.4
// sets it up.
class Template {
 public:
  // INVALID_ARGUMENT, with line and column, for syntax errors and for text over 256 KiB.
  static Result<Template> Parse(std::string_view source);

  // The text that the template gives for the members of `row`, an object. INVALID_ARGUMENT, with
  // line and column but without text of the row, when it fails or goes over a bound: 16 MiB of
  // text, a million list items, two million steps.
  Result<std::string> Render(const Json& row) const;

 private:
  explicit Template(std::shared_ptr<const TemplateTree> tree) : tree_(std::move(tree)) {}

  std::shared_ptr<const TemplateTree> tree_;
};

}  // namespace koeval::evaluation
