// Python's arithmetic, containment, indexing and iteration.
#include "common/evaluation/template_operators.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "common/base/utf8.h"

namespace koeval::evaluation {
namespace {

Status Overflow() {
  return InvalidArgument("a number over 64 bits");
}

Status TypesDoNotFit(std::string_view sign, const Value& a, const Value& b) {
  return InvalidArgument(
      fmt::format("'{}' does not go with {} and {}", sign, a.TypeName(), b.TypeName()));
}

Result<Value> FloorDivide(int64_t a, int64_t b, bool remainder) {
  if (b == 0) return InvalidArgument("division by zero");
  if (b == -1) {
    if (remainder) return Value(int64_t{0});
    int64_t out = 0;
    if (__builtin_sub_overflow(int64_t{0}, a, &out)) return Overflow();
    return Value(out);
  }
  int64_t quotient = a / b;
  int64_t rest = a % b;
  if (rest != 0 && ((rest < 0) != (b < 0))) {
    --quotient;
    rest += b;
  }
  return Value(remainder ? rest : quotient);
}

Result<Value> IntPower(int64_t base, int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) return InvalidArgument("division by zero");
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t out = 1;
  for (; exponent > 0; --exponent) {
    if (base == 0 || base == 1) return Value(base);
    if (base == -1) return Value(int64_t{exponent % 2 == 0 ? out : -out});
    if (__builtin_mul_overflow(out, base, &out)) return Overflow();
  }
  return Value(out);
}

Result<Value> OperateInts(std::string_view sign, int64_t a, int64_t b) {
  int64_t out = 0;
  bool over = false;
  if (sign == "+") {
    over = __builtin_add_overflow(a, b, &out);
  } else if (sign == "-") {
    over = __builtin_sub_overflow(a, b, &out);
  } else if (sign == "*") {
    over = __builtin_mul_overflow(a, b, &out);
  } else if (sign == "//" || sign == "%") {
    return FloorDivide(a, b, sign == "%");
  } else if (sign == "**") {
    return IntPower(a, b);
  } else {
    if (b == 0) return InvalidArgument("division by zero");
    return Value(static_cast<double>(a) / static_cast<double>(b));
  }
  if (over) return Overflow();
  return Value(out);
}

Result<Value> OperateDoubles(std::string_view sign, double a, double b) {
  if (sign == "+") return Value(a + b);
  if (sign == "-") return Value(a - b);
  if (sign == "*") return Value(a * b);
  if (sign == "**") return Value(std::pow(a, b));
  if (b == 0) return InvalidArgument("division by zero");
  if (sign == "/") return Value(a / b);
  // CPython's float_divmod: the remainder has the sign of the divisor.
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0) {
    if ((b < 0) != (rest < 0)) {
      rest += b;
      quotient -= 1.0;
    }
  } else {
    rest = std::copysign(0.0, b);
  }
  if (sign == "%") return Value(rest);
  if (quotient == 0) return Value(std::copysign(0.0, a / b));
  double floored = std::floor(quotient);
  if (quotient - floored > 0.5) floored += 1.0;
  return Value(floored);
}

Result<Value> Repeat(const Value& value, int64_t times) {
  const auto count = static_cast<size_t>(std::max<int64_t>(times, 0));
  if (value.is_text()) {
    const std::string& text = value.AsText();
    if (!text.empty() && count > kTemplateTextMax / text.size()) {
      return CheckTextSize(kTemplateTextMax + 1);
    }
    std::string out;
    out.reserve(count * text.size());
    for (size_t i = 0; i < count && !text.empty(); ++i) out += text;
    return Value(std::move(out));
  }
  const bool is_tuple = value.AsSequence().is_tuple();
  const ValueList& items = value.AsSequence().items;
  if (!items.empty() && count > kTemplateItemsMax / items.size()) {
    return CheckItemCount(kTemplateItemsMax + 1);
  }
  ValueList out;
  for (size_t i = 0; i < count && !items.empty(); ++i) {
    out.insert(out.end(), items.begin(), items.end());
  }
  return is_tuple ? Value::Tuple(std::move(out)) : Value::List(std::move(out));
}

// Python's index: from the end when negative; nothing when out of range.
bool Locate(const Value& key, size_t size, size_t& at) {
  int64_t index = key.AsInt();
  if (index < 0) index += static_cast<int64_t>(size);
  if (index < 0 || index >= static_cast<int64_t>(size)) return false;
  at = static_cast<size_t>(index);
  return true;
}

Result<int64_t> SlicePart(const Value& part, int64_t fallback) {
  if (part.is_none()) return fallback;
  if (!part.is_int()) return InvalidArgument("the parts of a slice must be whole numbers");
  return part.AsInt();
}

// The positions that [start:stop:step] selects, as PySlice_AdjustIndices has them.
Result<std::vector<size_t>> SlicePositions(int64_t size, const Value& start, const Value& stop,
                                           const Value& step) {
  ASSIGN_OR_RETURN(const int64_t by, SlicePart(step, 1));
  if (by == 0) return InvalidArgument("the step of a slice must not be 0");
  const int64_t least = by < 0 ? -1 : 0;
  const int64_t most = by < 0 ? size - 1 : size;
  const auto clamp = [&](int64_t index) {
    if (index < 0) index += size;
    return std::clamp(index, least, most);
  };
  ASSIGN_OR_RETURN(int64_t from, SlicePart(start, 0));
  ASSIGN_OR_RETURN(int64_t to, SlicePart(stop, 0));
  from = start.is_none() ? (by < 0 ? most : least) : clamp(from);
  to = stop.is_none() ? (by < 0 ? least : most) : clamp(to);
  std::vector<size_t> out;
  for (int64_t i = from; by < 0 ? i > to : i < to;) {
    out.push_back(static_cast<size_t>(i));
    if (__builtin_add_overflow(i, by, &i)) break;
  }
  return out;
}

}  // namespace

Status CheckTextSize(size_t bytes) {
  if (bytes <= kTemplateTextMax) return OkStatus();
  return InvalidArgument(fmt::format("a text over {} bytes", kTemplateTextMax));
}

Status CheckItemCount(size_t items) {
  if (items <= kTemplateItemsMax) return OkStatus();
  return InvalidArgument(fmt::format("a list over {} items", kTemplateItemsMax));
}

Result<Value> Operate(std::string_view sign, const Value& a, const Value& b) {
  if (a.is_int() && b.is_int()) return OperateInts(sign, a.AsInt(), b.AsInt());
  if (a.is_number() && b.is_number()) return OperateDoubles(sign, a.AsDouble(), b.AsDouble());
  if (sign == "+" && a.is_text() && b.is_text()) {
    RETURN_IF_ERROR(CheckTextSize(a.AsText().size() + b.AsText().size()));
    return Value(a.AsText() + b.AsText());
  }
  if (a.is_generator() || b.is_generator()) return TypesDoNotFit(sign, a, b);
  if (sign == "+" && a.is_sequence() && b.is_sequence() && a.TypeName() == b.TypeName()) {
    ValueList items = a.AsSequence().items;
    const ValueList& more = b.AsSequence().items;
    RETURN_IF_ERROR(CheckItemCount(items.size() + more.size()));
    items.insert(items.end(), more.begin(), more.end());
    return a.AsSequence().is_tuple() ? Value::Tuple(std::move(items))
                                     : Value::List(std::move(items));
  }
  if (sign == "*" && (a.is_text() || a.is_sequence()) && b.is_int()) return Repeat(a, b.AsInt());
  if (sign == "*" && a.is_int() && (b.is_text() || b.is_sequence())) return Repeat(b, a.AsInt());
  return TypesDoNotFit(sign, a, b);
}

Result<bool> Contains(const Value& container, const Value& item) {
  if (container.is_text()) {
    if (!item.is_text()) return TypesDoNotFit("in", item, container);
    return container.AsText().find(item.AsText()) != std::string::npos;
  }
  if (container.is_mapping()) return container.Find(item) != nullptr;
  if (!container.is_sequence()) return TypesDoNotFit("in", item, container);
  const ValueList& items = container.AsSequence().items;
  return std::any_of(items.begin(), items.end(),
                     [&](const Value& member) { return member.Equals(item); });
}

Result<bool> CompareBy(std::string_view sign, const Value& a, const Value& b) {
  if (sign == "==") return a.Equals(b);
  if (sign == "!=") return !a.Equals(b);
  if (sign == "in") return Contains(b, a);
  if (sign == "not in") {
    ASSIGN_OR_RETURN(const bool found, Contains(b, a));
    return !found;
  }
  if (a.is_number() && b.is_number() && (std::isnan(a.AsDouble()) || std::isnan(b.AsDouble()))) {
    return false;
  }
  ASSIGN_OR_RETURN(const int order, Compare(a, b));
  if (sign == "<") return order < 0;
  if (sign == "<=") return order <= 0;
  return sign == ">" ? order > 0 : order >= 0;
}

Result<Value> GetItem(const Value& container, const Value& key) {
  const Value missing =
      Value::Missing(fmt::format("the {} has no such item", container.TypeName()));
  if (container.is_mapping()) {
    const Value* found = container.Find(key);
    return found == nullptr ? missing : *found;
  }
  size_t at = 0;
  if (container.is_sequence() && !container.is_generator()) {
    const ValueList& items = container.AsSequence().items;
    if (!key.is_int() || !Locate(key, items.size(), at)) return missing;
    return items[at];
  }
  if (container.is_text()) {
    const std::u32string points = ToUtf32(container.AsText());
    if (!key.is_int() || !Locate(key, points.size(), at)) return missing;
    return Value(ToUtf8(points.substr(at, 1)));
  }
  return missing;
}

Result<Value> GetSlice(const Value& container, const Value& start, const Value& stop,
                       const Value& step) {
  if (container.is_text()) {
    const std::u32string points = ToUtf32(container.AsText());
    ASSIGN_OR_RETURN(const std::vector<size_t> positions,
                     SlicePositions(static_cast<int64_t>(points.size()), start, stop, step));
    std::u32string out;
    for (const size_t at : positions) out += points[at];
    return Value(ToUtf8(out));
  }
  if (!container.is_sequence() || container.is_generator()) {
    return InvalidArgument(fmt::format("a {} has no slices", container.TypeName()));
  }
  const bool is_tuple = container.AsSequence().is_tuple();
  const ValueList& items = container.AsSequence().items;
  ASSIGN_OR_RETURN(const std::vector<size_t> positions,
                   SlicePositions(static_cast<int64_t>(items.size()), start, stop, step));
  ValueList out;
  for (const size_t at : positions) out.push_back(items[at]);
  return is_tuple ? Value::Tuple(std::move(out)) : Value::List(std::move(out));
}

Result<int64_t> Length(const Value& value) {
  if (value.is_text()) return static_cast<int64_t>(CountCodePoints(value.AsText()));
  if (value.is_sequence() && !value.is_generator()) {
    return static_cast<int64_t>(value.AsSequence().items.size());
  }
  if (value.is_mapping()) return static_cast<int64_t>(value.AsMapping().items.size());
  return InvalidArgument(fmt::format("a {} has no length", value.TypeName()));
}

Result<ValueList> Iterate(const Value& value) {
  if (value.is_sequence()) return value.AsSequence().items;
  ValueList out;
  if (value.is_text()) {
    const std::string& text = value.AsText();
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      DecodeUtf8(text, at);
      out.emplace_back(text.substr(start, at - start));
    }
    RETURN_IF_ERROR(CheckItemCount(out.size()));
    return out;
  }
  if (!value.is_mapping() || value.AsMapping().is_namespace) {
    return InvalidArgument(fmt::format("a {} cannot be iterated", value.TypeName()));
  }
  for (const auto& item : value.AsMapping().items) out.push_back(item.first);
  return out;
}

}  // namespace koeval::evaluation
