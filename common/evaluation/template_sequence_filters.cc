// Filters of Jinja over items.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/base/utf8.h"
#include "common/evaluation/python_text.h"
#include "common/evaluation/template_filters.h"
#include "common/evaluation/template_operators.h"

namespace koeval::evaluation {
namespace {

constexpr size_t kUniqueMax = 10'000;  // items, which are compared with one another
constexpr int64_t kBatchMax = 10'000;  // items of one row

bool InChat(const CallArguments& given) {
  return given.dialect == TemplateDialect::kChat;
}

// What Jinja makes lazily; a list in task files.
Value Lazy(ValueList items, const CallArguments& given) {
  return InChat(given) ? Value::Generator(std::move(items)) : Value::List(std::move(items));
}

// The member of `item` that a dotted path names; `fallback`, when it is given, for each part that
// is not there. What is undefined has no members.
Result<Value> Attribute(const Value& item, const Value& path, const CallArguments& given,
                        const Value& fallback = Value::Missing("")) {
  ValueList parts{path};
  if (path.is_text()) {
    parts.clear();
    for (const std::string& name : SplitAt(path.AsText(), ".", -1, false)) {
      int64_t index = 0;
      const bool position = ReadInt(name, 10, index);
      parts.push_back(position ? Value(index) : Value(name));
    }
  }
  Value out = item;
  for (const Value& part : parts) {
    if (out.is_undefined()) {
      if (InChat(given)) return FailedPrecondition(out.AsUndefined().what);
      return out;
    }
    ASSIGN_OR_RETURN(out, GetItem(out, part));
    if (out.is_undefined() && !fallback.is_undefined()) out = fallback;
  }
  return out;
}

// The arguments after the first `skip`, for a filter or test that is named by an argument.
CallArguments Rest(const CallArguments& given, size_t skip) {
  CallArguments rest;
  rest.dialect = given.dialect;
  for (size_t i = skip; i < given.positional.size(); ++i) {
    rest.positional.push_back(given.positional[i]);
  }
  return rest;
}

// select, reject, selectattr, rejectattr: items whose (attribute's) test says `wanted`.
Result<Value> Choose(const Value& value, const CallArguments& given, bool by_attribute,
                     bool wanted) {
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  const size_t test_at = by_attribute ? 1 : 0;
  if (given.positional.size() < test_at) return InvalidArgument("selectattr needs an attribute");
  ValueList out;
  for (const Value& item : items) {
    Value subject = item;
    if (by_attribute) {
      ASSIGN_OR_RETURN(subject, Attribute(item, given.positional[0], given));
    }
    bool passes = false;
    if (given.positional.size() > test_at) {
      ASSIGN_OR_RETURN(const std::string name,
                       TextArgument("select", given.positional[test_at], ""));
      ASSIGN_OR_RETURN(passes, ApplyTest(name, subject, Rest(given, test_at + 1)));
    } else {
      if (subject.is_undefined() && !InChat(given)) {
        return InvalidArgument(subject.AsUndefined().what);
      }
      passes = subject.Truth();
    }
    if (passes == wanted) out.push_back(item);
  }
  return Lazy(std::move(out), given);
}
Result<Value> End(const Value& value, bool last) {
  if (last && value.is_generator()) return InvalidArgument("last: a generator has no last item");
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  if (items.empty()) {
    return Value::Missing(last ? "'last' of nothing" : "'first' of nothing");
  }
  return last ? items.back() : items.front();
}
// What items are compared by: their attribute, text without its case unless that counts.
Result<Value> SortKey(const Value& item, const Value& path, bool case_sensitive,
                      const CallArguments& given) {
  Value key = item;
  if (!path.is_undefined() && !path.is_none()) {
    ASSIGN_OR_RETURN(key, Attribute(item, path, given));
  }
  if (key.is_text() && !case_sensitive) return Value(PythonLower(key.AsText()));
  return key;
}

// One key, or several for names with commas between.
Result<Value> SortKeys(const Value& item, const Value& paths, bool case_sensitive,
                       const CallArguments& given) {
  if (!paths.is_text()) return SortKey(item, paths, case_sensitive, given);
  ValueList keys;
  for (const std::string& path : SplitAt(paths.AsText(), ",", -1, false)) {
    ASSIGN_OR_RETURN(Value key, SortKey(item, Value(path), case_sensitive, given));
    keys.push_back(std::move(key));
  }
  return Value::List(std::move(keys));
}

// Compare, where what is undefined has no order.
Result<int> Order(const Value& a, const Value& b) {
  for (const Value& key : {a, b}) {
    if (key.is_undefined()) return FailedPrecondition(key.AsUndefined().what);
  }
  return Compare(a, b);
}

using Keyed = std::pair<Value, Value>;  // key, item

// A stable merge sort by key, which ends at the first two keys that have no order.
Status SortKeyed(std::vector<Keyed>& items, bool reverse) {
  std::vector<Keyed> buffer(items.size());
  for (size_t width = 1; width < items.size(); width *= 2) {
    for (size_t low = 0; low < items.size(); low += 2 * width) {
      const size_t middle = std::min(low + width, items.size());
      const size_t high = std::min(low + 2 * width, items.size());
      size_t left = low;
      size_t right = middle;
      for (size_t out = low; out < high; ++out) {
        bool take_left = right == high;
        if (left < middle && right < high) {
          ASSIGN_OR_RETURN(const int order, Order(items[left].first, items[right].first));
          take_left = reverse ? order >= 0 : order <= 0;
        }
        buffer[out] = std::move(items[take_left ? left++ : right++]);
      }
    }
    items.swap(buffer);
  }
  return OkStatus();
}

Result<Value> Sorted(std::vector<Keyed> keyed, bool reverse) {
  RETURN_IF_ERROR(SortKeyed(keyed, reverse));
  ValueList out;
  for (Keyed& item : keyed) out.push_back(std::move(item.second));
  return Value::List(std::move(out));
}

Result<Value> Extreme(const Value& value, const CallArguments& given, bool largest) {
  ASSIGN_OR_RETURN(const ValueList args,
                   given.Bind(largest ? "max" : "min", {"case_sensitive", "attribute"}, 0));
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  Value best = Value::Missing("no smallest or largest item of nothing");
  Value best_key;
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(Value key, SortKey(item, args[1], args[0].Truth(), given));
    if (!best.is_undefined()) {
      ASSIGN_OR_RETURN(const int order, Order(key, best_key));
      if (largest ? order <= 0 : order >= 0) continue;
    }
    best = item;
    best_key = std::move(key);
  }
  return best;
}

}  // namespace

bool ReadInt(std::string_view text, int base, int64_t& out) {
  text = PythonStrip(text);
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  const std::string_view mark = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : "";
  if (!mark.empty() && PythonLower(text.substr(0, 2)) == mark) text.remove_prefix(2);
  if (text.empty() || text[0] == '-') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  if (negative) out = -out;
  return error == std::errc() && end == text.data() + text.size();
}

Result<Value> JoinItems(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("join", {"d", "attribute"}, 0));
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  const std::string separator = args[0].is_undefined() ? "" : args[0].Str();
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    Value item = items[i];
    if (!args[1].is_undefined()) {
      ASSIGN_OR_RETURN(item, GetItem(item, args[1]));
      if (item.is_undefined() && !InChat(given)) {
        return InvalidArgument("join(): an item lacks the attribute");
      }
    }
    if (i > 0) out += separator;
    out += item.Str();
    RETURN_IF_ERROR(CheckTextSize(out.size()));
  }
  return Value(std::move(out));
}

Result<Value> LengthOf(const Value& value, const CallArguments&) {
  ASSIGN_OR_RETURN(const int64_t length, Length(value));
  return Value(length);
}

Result<Value> First(const Value& value, const CallArguments&) {
  return End(value, false);
}
Result<Value> Last(const Value& value, const CallArguments&) {
  return End(value, true);
}

Result<Value> ToList(const Value& value, const CallArguments&) {
  ASSIGN_OR_RETURN(ValueList items, Iterate(value));
  return Value::List(std::move(items));
}

Result<Value> Map(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  ValueList out;
  for (const Value& item : items) {
    Value mapped;
    if (given.positional.empty()) {
      ASSIGN_OR_RETURN(const ValueList args, given.Bind("map", {"attribute", "default"}, 1));
      ASSIGN_OR_RETURN(mapped, Attribute(item, args[0], given, args[1]));
    } else {
      ASSIGN_OR_RETURN(const std::string name, TextArgument("map", given.positional[0], ""));
      ASSIGN_OR_RETURN(mapped, ApplyFilter(name, item, Rest(given, 1)));
    }
    if (mapped.is_undefined() && !InChat(given)) {
      return InvalidArgument("map: an item lacks the attribute");
    }
    out.push_back(std::move(mapped));
  }
  return Lazy(std::move(out), given);
}

Result<Value> Select(const Value& v, const CallArguments& a) {
  return Choose(v, a, false, true);
}
Result<Value> Reject(const Value& v, const CallArguments& a) {
  return Choose(v, a, false, false);
}
Result<Value> SelectAttr(const Value& v, const CallArguments& a) {
  return Choose(v, a, true, true);
}
Result<Value> RejectAttr(const Value& v, const CallArguments& a) {
  return Choose(v, a, true, false);
}

Result<Value> Reverse(const Value& value, const CallArguments& given) {
  Result<ValueList> iterated = Iterate(value);
  if (!iterated.ok() && InChat(given)) return FailedPrecondition(iterated.status().message());
  ASSIGN_OR_RETURN(ValueList items, std::move(iterated));
  std::reverse(items.begin(), items.end());
  if (!value.is_text()) return Lazy(std::move(items), given);
  std::string out;
  for (const Value& item : items) out += item.AsText();
  return Value(std::move(out));
}

Result<Value> Sum(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("sum", {"attribute", "start"}, 0));
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  Value total = args[1].is_undefined() ? Value(int64_t{0}) : args[1];
  for (Value item : items) {
    if (!args[0].is_undefined() && !args[0].is_none()) {
      ASSIGN_OR_RETURN(item, Attribute(item, args[0], given));
    }
    if (!item.is_number()) return InvalidArgument("sum takes numbers");
    ASSIGN_OR_RETURN(total, Operate("+", total, item));
  }
  return total;
}

Result<Value> DictItems(const Value& value, const CallArguments& given) {
  if (!InChat(given)) return CallMethod(value, "items", {});
  if (value.is_undefined()) return Value::Generator({});
  ASSIGN_OR_RETURN(const Value items, CallMethod(value, "items", {}));
  return Value::Generator(items.AsSequence().items);
}

Result<Value> DictSort(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args,
                   given.Bind("dictsort", {"case_sensitive", "by", "reverse"}, 0));
  ASSIGN_OR_RETURN(const std::string by, TextArgument("dictsort", args[1], "key"));
  if (by != "key" && by != "value") {
    return FailedPrecondition("dictsort: by must be \"key\" or \"value\"");
  }
  ASSIGN_OR_RETURN(const Value items, CallMethod(value, "items", {}));
  std::vector<Keyed> keyed;
  for (const Value& item : items.AsSequence().items) {
    const Value& part = item.AsSequence().items[by == "key" ? 0 : 1];
    ASSIGN_OR_RETURN(Value key, SortKey(part, Value(), args[0].Truth(), given));
    keyed.emplace_back(std::move(key), item);
  }
  return Sorted(std::move(keyed), args[2].Truth());
}

Result<Value> Sort(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args,
                   given.Bind("sort", {"reverse", "case_sensitive", "attribute"}, 0));
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  std::vector<Keyed> keyed;
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(Value key, SortKeys(item, args[2], args[1].Truth(), given));
    keyed.emplace_back(std::move(key), item);
  }
  return Sorted(std::move(keyed), args[0].Truth());
}

Result<Value> Unique(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("unique", {"case_sensitive", "attribute"}, 0));
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  if (items.size() > kUniqueMax) return InvalidArgument("unique: too many items");
  ValueList seen;
  ValueList out;
  for (const Value& item : items) {
    ASSIGN_OR_RETURN(Value key, SortKey(item, args[1], args[0].Truth(), given));
    const bool hashable =
        !key.is_mapping() && (!key.is_sequence() || key.AsSequence().kind != SequenceKind::kList);
    if (!hashable) return InvalidArgument(fmt::format("unique: a {} has no hash", key.TypeName()));
    const bool known = std::any_of(seen.begin(), seen.end(),
                                   [&](const Value& other) { return other.Equals(key); });
    if (known) continue;
    seen.push_back(std::move(key));
    out.push_back(item);
  }
  return Lazy(std::move(out), given);
}

Result<Value> Max(const Value& value, const CallArguments& given) {
  return Extreme(value, given, true);
}
Result<Value> Min(const Value& value, const CallArguments& given) {
  return Extreme(value, given, false);
}

Result<Value> Batch(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("batch", {"linecount", "fill_with"}, 1));
  ASSIGN_OR_RETURN(const int64_t count, IntArgument("batch", args[0], 0));
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  if (count < 1 || count > kBatchMax) {
    return InvalidArgument(fmt::format("batch: a count of 1 to {} is needed", kBatchMax));
  }
  ValueList out;
  ValueList row;
  const auto full = static_cast<size_t>(count);
  for (const Value& item : items) {
    if (row.size() == full) out.push_back(Value::List(std::exchange(row, {})));
    row.push_back(item);
  }
  const bool fill = !args[1].is_undefined() && !args[1].is_none();
  if (!row.empty() && fill) row.resize(full, args[1]);
  if (!row.empty()) out.push_back(Value::List(std::move(row)));
  return Lazy(std::move(out), given);
}

}  // namespace koeval::evaluation
