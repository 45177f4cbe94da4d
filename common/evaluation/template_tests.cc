// Tests of Jinja.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "common/evaluation/template_call.h"
#include "common/evaluation/template_operators.h"

namespace koeval::evaluation {
namespace {

constexpr std::array<std::string_view, 29> kTests = {
    "boolean",  "defined",   "divisibleby", "eq",          "equalto",  "even",
    "false",    "float",     "ge",          "gt",          "in",       "integer",
    "iterable", "le",        "lower",       "lt",          "mapping",  "ne",
    "none",     "number",    "odd",         "sameas",      "sequence", "string",
    "true",     "undefined", "upper",       "greaterthan", "lessthan"};

// Tests that look at the type alone.
Result<bool> TypeTest(std::string_view name, const Value& value) {
  if (name == "none") return value.is_none();
  if (name == "string") return value.is_text();
  if (name == "number") return value.is_number();
  if (name == "integer") return value.is_int() && !value.is_bool();
  if (name == "float") return value.is_float();
  if (name == "boolean") return value.is_bool();
  if (name == "true") return value.is_bool() && value.Truth();
  if (name == "false") return value.is_bool() && !value.Truth();
  if (name == "mapping") return value.is_mapping();
  if (name == "iterable" || name == "sequence") {
    if (value.is_generator()) return name == "iterable";
    // What is undefined can be iterated, and has the methods of a sequence.
    return value.is_text() || value.is_sequence() || value.is_mapping() || value.is_undefined();
  }
  return InvalidArgument("no test of types");
}

Result<bool> IntTest(std::string_view name, const Value& value, const CallArguments& given) {
  if (!value.is_int()) return InvalidArgument(fmt::format("test '{}' takes a whole number", name));
  if (name == "odd") return value.AsInt() % 2 != 0;
  if (name == "even") return value.AsInt() % 2 == 0;
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(name, {"num"}, 1));
  ASSIGN_OR_RETURN(const Value rest, Operate("%", value, args[0]));
  return rest.AsDouble() == 0;
}

Result<bool> CompareTest(std::string_view name, const Value& value, const CallArguments& given) {
  if (given.positional.size() != 1) {
    return InvalidArgument(fmt::format("test '{}' takes one argument", name));
  }
  const ValueList& args = given.positional;
  if (name == "in" && args[0].is_undefined()) return false;
  if (name == "in") return Contains(args[0], value);
  if (name == "sameas") return value.TypeName() == args[0].TypeName() && value.Equals(args[0]);
  constexpr std::array<std::array<std::string_view, 2>, 9> kSigns = {{{"eq", "=="},
                                                                      {"equalto", "=="},
                                                                      {"ne", "!="},
                                                                      {"lt", "<"},
                                                                      {"lessthan", "<"},
                                                                      {"le", "<="},
                                                                      {"gt", ">"},
                                                                      {"greaterthan", ">"},
                                                                      {"ge", ">="}}};
  for (const auto& [test, sign] : kSigns) {
    if (test == name) return CompareBy(sign, value, args[0]);
  }
  return InvalidArgument("no comparison");
}

// A test of what is undefined, in a chat template.
Status CheckUndefined(std::string_view name, const Value& value, const CallArguments& arguments) {
  constexpr std::array<std::string_view, 10> kOrdered = {
      "odd", "even", "divisibleby", "lt", "lessthan", "le", "gt", "greaterthan", "ge", "sameas"};
  const Value* missing = value.is_undefined() ? &value : arguments.FirstUndefined();
  const bool ordered = std::find(kOrdered.begin(), kOrdered.end(), name) != kOrdered.end();
  if (missing == nullptr || !ordered) return OkStatus();
  return FailedPrecondition(missing->AsUndefined().what);
}

}  // namespace

Status CheckTestName(std::string_view name) {
  const bool known = std::find(kTests.begin(), kTests.end(), name) != kTests.end();
  if (known) return OkStatus();
  return InvalidArgument(
      fmt::format("test '{}' is not supported here; use one of {}", name, fmt::join(kTests, ", ")));
}

Result<bool> ApplyTest(std::string_view name, const Value& value, const CallArguments& arguments) {
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  RETURN_IF_ERROR(CheckTestName(name));
  if (arguments.dialect == TemplateDialect::kChat) {
    RETURN_IF_ERROR(CheckUndefined(name, value, arguments));
  } else if (value.is_undefined()) {
    return InvalidArgument(value.AsUndefined().what);
  }
  if (name == "odd" || name == "even" || name == "divisibleby") {
    return IntTest(name, value, arguments);
  }
  if (name == "lower" || name == "upper") {
    const std::string text = value.Str();
    ASSIGN_OR_RETURN(const Value cased,
                     CallMethod(Value(text), name == "lower" ? "islower" : "isupper", {}));
    return cased.Truth();
  }
  if (const Result<bool> by_type = TypeTest(name, value); by_type.ok()) return by_type;
  return CompareTest(name, value, arguments);
}

}  // namespace koeval::evaluation
