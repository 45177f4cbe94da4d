// Templates of task files and of chat models: the part of Jinja2 that they use.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::evaluation {

// Which of two set-ups of Jinja2 3.1 a template is written for.
enum class TemplateDialect {
  // As lm-evaluation-harness 0.4 sets it up for task files: StrictUndefined, the last line end is
  // kept, lines with tags are kept.
  kTask,
  // As transformers 5 sets it up for chat templates: what is undefined is empty, one last line end
  // is dropped, trim_blocks, lstrip_blocks, break and continue, immutable values, tojson without
  // HTML escapes, raise_exception() and strftime_now().
  kChat,
};

// What a rendering may use, and how much it did.
struct RenderContext {
  int64_t now_seconds = 0;  // since the epoch; strftime_now() writes it in UTC
  int64_t steps = 0;        // of all renderings with this context
};

struct TemplateTree;

// A parsed template. Immutable and cheap to copy; Render may run on several threads at once.
//
// Supported: {{ }}, {% if elif else %}, {% for %} with loop variables, {% set %}, raw, comments and
// white-space control; literals, lists, tuples, dicts, indexing, slices, attributes, arithmetic,
// comparisons, in, and/or/not, inline if, ~, method calls of str/list/dict, range(), namespace(),
// dict(), and the filters and tests of template_call.h. Nothing is escaped. Chat templates have
// macro, call, filter, with, break, continue, generation and recursive loops besides.
class Template {
 public:
  // INVALID_ARGUMENT, with line and column, for syntax errors; for text over 256 KiB or not
  // in UTF-8.
  static Result<Template> Parse(std::string_view source,
                                TemplateDialect dialect = TemplateDialect::kTask);

  // The text that the template gives for the members of `row`, an object. INVALID_ARGUMENT, with
  // line and column but without text of the row, when it fails or goes over a bound: 16 MiB of
  // text, a million list items, two million steps, 1200 levels of evaluation, 64 macros within one
  // another (template_evaluate.h). For chat templates FAILED_PRECONDITION where Jinja raises a
  // TemplateError: raise_exception(), whose text the message holds where the template has it
  // literally, and the use of what is undefined.
  Result<std::string> Render(const Json& row) const;
  Result<std::string> Render(const Json& row, RenderContext& context) const;

 private:
  Template(std::shared_ptr<const TemplateTree> tree, TemplateDialect dialect)
      : tree_(std::move(tree)), dialect_(dialect) {}

  std::shared_ptr<const TemplateTree> tree_;
  TemplateDialect dialect_;
};

}  // namespace koeval::evaluation
