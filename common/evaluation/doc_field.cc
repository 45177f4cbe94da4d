// Fields of a definition over rows.
#include "common/evaluation/doc_field.h"

#include <fmt/core.h>

#include "common/base/utf8.h"
#include "common/evaluation/python_literal.h"
#include "common/evaluation/python_text.h"
#include "common/evaluation/python_value.h"

namespace koeval::evaluation {
namespace {

bool IsDigits(const std::string& text) {
  for (size_t at = 0; at < text.size();) {
    if (!IsPythonDigit(DecodeUtf8(text, at))) return false;
  }
  return !text.empty();
}

}  // namespace

Result<DocField> DocField::Make(const Json& value, std::string name, Reading reading) {
  DocField field;
  field.name_ = std::move(name);
  field.value_ = value;
  field.reading_ = reading;
  if (value.is_string()) {
    auto parsed = Template::Parse(value.get_ref<const std::string&>());
    if (!parsed.ok()) return parsed.status().WithContext(field.name_);
    field.template_ = *std::move(parsed);
  }
  return field;
}

Result<Json> DocField::Evaluate(const Json& row, const Columns& columns, bool has_choices) const {
  if (!template_) return value_;
  const std::string& text = value_.get_ref<const std::string&>();
  if (columns.contains(text)) {
    const auto column = row.find(text);
    if (column != row.end()) return *column;
    return InvalidArgument(fmt::format("{}: the row has no column \"{}\"", name_, text));
  }
  auto rendered = template_->Render(row);
  if (!rendered.ok()) return rendered.status().WithContext(name_);
  return Read(*std::move(rendered), has_choices);
}

Result<Json> DocField::Read(std::string text, bool has_choices) const {
  const bool bracketed = text.size() >= 2 && text.front() == '[' && text.back() == ']';
  const bool index = reading_ != Reading::kChoices && has_choices && IsDigits(text);
  if (index || reading_ == Reading::kChoices) {
    auto value = LiteralEval(text);
    if (!value.ok()) return value.status().WithContext(name_);
    return value->ToJson();
  }
  if (bracketed && reading_ == Reading::kTarget) {
    auto value = LiteralEval(text);
    if (value.ok()) return value->ToJson();
  }
  return Json(std::move(text));
}

std::string PythonText(const Json& value) {
  return Value::FromJson(value).Str();
}

}  // namespace koeval::evaluation
