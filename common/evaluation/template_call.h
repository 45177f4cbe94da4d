// The arguments of a call in a template, bound to parameter names.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/python_value.h"
#include "common/evaluation/template.h"

namespace koeval::evaluation {

struct CallArguments {
  TemplateDialect dialect = TemplateDialect::kTask;  // of the template that calls
  ValueList positional;
  std::vector<std::pair<std::string, Value>> named;

  // The first argument that is undefined, or nullptr.
  const Value* FirstUndefined() const;
  // One value for each of `parameters`, in order; Undefined where no argument was given.
  // INVALID_ARGUMENT, naming `callee`, for too many or too few (under `required`) arguments and for
  // names that are no parameters.
  Result<ValueList> Bind(std::string_view callee,
                         std::initializer_list<std::string_view> parameters, size_t required) const;
};

// A parameter that must be text or a whole number; `fallback` when it was not given.
Result<std::string> TextArgument(std::string_view callee, const Value& value, std::string fallback);
Result<int64_t> IntArgument(std::string_view callee, const Value& value, int64_t fallback);

// Calls a method of str, list, tuple or dict. INVALID_ARGUMENT for methods that are not supported
// (the message lists those that are) and for what the method itself refuses.
Result<Value> CallMethod(const Value& object, std::string_view method,
                         const CallArguments& arguments);
// Whether values of this type have that method here.
bool HasMethod(const Value& object, std::string_view method);
// Whether Python has that method of str, and templates may call it there, but not here.
bool IsOtherMethod(const Value& object, std::string_view method);

// OK for the name of a filter or test; otherwise INVALID_ARGUMENT, which lists the known ones.
Status CheckFilterName(std::string_view name, TemplateDialect dialect);
Status CheckTestName(std::string_view name);

// Applies a filter. For task files `value` may be undefined only for `default`; for chat templates
// most filters take it as Jinja does, as empty text or as nothing to iterate, and what Jinja makes
// lazily is a generator. FAILED_PRECONDITION where Jinja raises an UndefinedError.
Result<Value> ApplyFilter(std::string_view name, const Value& value,
                          const CallArguments& arguments);
// Applies a test. For task files `value` may be undefined only for `defined` and `undefined`.
Result<bool> ApplyTest(std::string_view name, const Value& value, const CallArguments& arguments);

}  // namespace koeval::evaluation
