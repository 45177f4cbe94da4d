// The arguments of a call in a template, bound to parameter names.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/python_value.h"

namespace koeval::evaluation {

struct CallArguments {
  ValueList positional;
  std::vector<std::pair<std::string, Value>> named;

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

// Applies a filter. `value` may be undefined only for `default`.
Result<Value> ApplyFilter(std::string_view name, const Value& value,
                          const CallArguments& arguments);
// Applies a test. `value` may be undefined only for `defined` and `undefined`.
Result<bool> ApplyTest(std::string_view name, const Value& value, const CallArguments& arguments);

}  // namespace koeval::evaluation
