// A field of a definition that says something about a row: doc_to_text, doc_to_target,
// doc_to_choice.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/template.h"

namespace koeval::evaluation {

// Columns of a dataset: the names that occur in any of its rows.
using Columns = std::set<std::string>;

// A template, the name of a column, or a value as it is. Immutable.
// Source: lm-evaluation-harness 0.4.13, ConfigurableTask.doc_to_text, doc_to_target, doc_to_choice.
class DocField {
 public:
  // How a rendered text is read: digits are a whole number where the task has choices; "[...]" is a
  // list for a target; choices are a Python literal.
  enum class Reading { kText, kTarget, kChoices };

  // Absent.
  DocField() = default;
  // `name` is for messages. INVALID_ARGUMENT, naming it, for a template that cannot be parsed.
  static Result<DocField> Make(const Json& value, std::string name, Reading reading);

  bool given() const { return !value_.is_null(); }

  // The value for `row`. INVALID_ARGUMENT names the field and the place in the template, never text
  // of the row. `has_choices`: whether the task has doc_to_choice.
  Result<Json> Evaluate(const Json& row, const Columns& columns, bool has_choices) const;

 private:
  Result<Json> Read(std::string text, bool has_choices) const;

  std::string name_;
  Json value_;
  Reading reading_ = Reading::kText;
  std::optional<Template> template_;
};

// str() of Python for a JSON value.
std::string PythonText(const Json& value);

}  // namespace koeval::evaluation
