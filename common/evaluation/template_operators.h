// What operators and indexing do to Python values.
#pragma once

#include <cstdint>
#include <string_view>

#include "common/base/status.h"
#include "common/evaluation/python_value.h"

namespace koeval::evaluation {

// Bounds of what one value in a template may hold.
inline constexpr size_t kTemplateTextMax = size_t{16} << 20;  // bytes
inline constexpr size_t kTemplateItemsMax = 1'000'000;        // items of a list

// OK unless a text of `bytes` bytes is over kTemplateTextMax.
Status CheckTextSize(size_t bytes);
// OK unless a list of `items` items is over kTemplateItemsMax.
Status CheckItemCount(size_t items);

// The binary operators + - * / // % **, as Python computes them. INVALID_ARGUMENT for types that do
// not go together, division by zero, results over 64 bits or over the bounds above. Messages name
// types only. REQUIRES: neither operand is undefined.
Result<Value> Operate(std::string_view sign, const Value& a, const Value& b);
// a `sign` b for == != < <= > >= in, not in.
Result<bool> CompareBy(std::string_view sign, const Value& a, const Value& b);
// item in container.
Result<bool> Contains(const Value& container, const Value& item);

// container[key]: Undefined when there is no such item, as Jinja has it.
Result<Value> GetItem(const Value& container, const Value& key);
// container[start:stop:step]; None stands for a part that is left out.
Result<Value> GetSlice(const Value& container, const Value& start, const Value& stop,
                       const Value& step);

// Number of items: code points of a text, members of the others.
Result<int64_t> Length(const Value& value);
// What iterating gives: items, code points of a text, keys of a dict.
Result<ValueList> Iterate(const Value& value);

}  // namespace koeval::evaluation
