// Filters and tests of Jinja, and the harness's regex_replace.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "common/base/utf8.h"
#include "common/evaluation/python_text.h"
#include "common/evaluation/regex_replace.h"
#include "common/evaluation/template_call.h"
#include "common/evaluation/template_operators.h"

namespace koeval::evaluation {
namespace {

using Filter = Result<Value> (*)(const Value& value, const CallArguments& given);

// Applies a method of str to str(value).
Result<Value> OnText(const Value& value, std::string_view method, const CallArguments& given) {
  return CallMethod(Value(value.Str()), method, given);
}

Result<Value> Trim(const Value& value, const CallArguments& given) {
  return OnText(value, "strip", given);
}
Result<Value> Upper(const Value& value, const CallArguments& given) {
  return OnText(value, "upper", given);
}
Result<Value> Lower(const Value& value, const CallArguments& given) {
  return OnText(value, "lower", given);
}
Result<Value> Capitalize(const Value& value, const CallArguments& given) {
  return OnText(value, "capitalize", given);
}
Result<Value> Replace(const Value& value, const CallArguments& given) {
  return OnText(value, "replace", given);
}

// Jinja's own title: words start after blanks, hyphens and opening brackets only.
Result<Value> Title(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList none, given.Bind("title", {}, 0));
  std::string out;
  std::string word;
  const auto finish = [&] {
    size_t first = 0;
    if (!word.empty()) DecodeUtf8(word, first);
    out += PythonUpper(std::string_view(word).substr(0, first));
    out += PythonLower(std::string_view(word).substr(first));
    word.clear();
  };
  const std::string text = value.Str();
  for (size_t at = 0; at < text.size();) {
    const size_t start = at;
    const char32_t c = DecodeUtf8(text, at);
    const std::string_view piece = std::string_view(text).substr(start, at - start);
    if (IsPythonSpace(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<') {
      finish();
      out += piece;
    } else {
      word += piece;
    }
  }
  finish();
  return Value(std::move(out));
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
      if (item.is_undefined()) return InvalidArgument("join(): an item lacks the attribute");
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

Result<Value> End(const Value& value, bool last) {
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  if (items.empty()) {
    return Value::Missing(last ? "'last' of nothing" : "'first' of nothing");
  }
  return last ? items.back() : items.front();
}
Result<Value> First(const Value& value, const CallArguments&) {
  return End(value, false);
}
Result<Value> Last(const Value& value, const CallArguments&) {
  return End(value, true);
}

// The whole text, without blanks around it, as a number.
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
bool ReadDouble(std::string_view text, double& out) {
  text = PythonStrip(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

Result<Value> ToInt(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("int", {"default", "base"}, 0));
  ASSIGN_OR_RETURN(const int64_t base, IntArgument("int", args[1], 10));
  if (base < 2 || base > 36) return InvalidArgument("int(): base must be 2 to 36");
  if (value.is_int()) return Value(value.AsInt());
  int64_t whole = 0;
  if (value.is_text() && ReadInt(value.AsText(), static_cast<int>(base), whole)) {
    return Value(whole);
  }
  double real = 0;
  const bool number = value.is_float() || (value.is_text() && ReadDouble(value.AsText(), real));
  if (value.is_float()) real = value.AsDouble();
  if (number && std::isfinite(real) && std::abs(real) < 9.2e18) {
    return Value(static_cast<int64_t>(std::trunc(real)));
  }
  return args[0].is_undefined() ? Value(int64_t{0}) : args[0];
}

Result<Value> ToFloat(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("float", {"default"}, 0));
  double real = 0;
  if (value.is_number()) return Value(value.AsDouble());
  if (value.is_text() && ReadDouble(value.AsText(), real)) return Value(real);
  return args[0].is_undefined() ? Value(0.0) : args[0];
}

Result<Value> ToText(const Value& value, const CallArguments&) {
  return Value(value.Str());
}

Result<Value> ToList(const Value& value, const CallArguments&) {
  ASSIGN_OR_RETURN(ValueList items, Iterate(value));
  return Value::List(std::move(items));
}

Result<Value> Default(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("default", {"default_value", "boolean"}, 0));
  const bool falsy_too = !args[1].is_undefined() && args[1].Truth();
  if (!value.is_undefined() && (!falsy_too || value.Truth())) return value;
  return args[0].is_undefined() ? Value(std::string()) : args[0];
}

Result<Value> RegexReplaceFilter(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args,
                   given.Bind("regex_replace", {"pattern", "repl", "count"}, 2));
  ASSIGN_OR_RETURN(const std::string pattern, TextArgument("regex_replace", args[0], ""));
  ASSIGN_OR_RETURN(const std::string to, TextArgument("regex_replace", args[1], ""));
  ASSIGN_OR_RETURN(const int64_t count, IntArgument("regex_replace", args[2], 0));
  ASSIGN_OR_RETURN(const std::string text, TextArgument("regex_replace", value, ""));
  ASSIGN_OR_RETURN(std::string out, RegexReplace(text, pattern, to, count, kTemplateTextMax));
  return Value(std::move(out));
}

Result<Value> Abs(const Value& value, const CallArguments&) {
  if (value.is_float()) return Value(std::abs(value.AsDouble()));
  if (!value.is_int() || value.AsInt() == INT64_MIN) return InvalidArgument("abs takes a number");
  return Value(std::abs(value.AsInt()));
}

// Rounds as Jinja does: half to even for "common", where whole numbers stay whole.
Result<Value> Round(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("round", {"precision", "method"}, 0));
  ASSIGN_OR_RETURN(const int64_t precision, IntArgument("round", args[0], 0));
  ASSIGN_OR_RETURN(const std::string method, TextArgument("round", args[1], "common"));
  if (!value.is_number()) return InvalidArgument("round takes a number");
  if (precision < 0 || precision > 15) return InvalidArgument("round: precision must be 0 to 15");
  const double real = value.AsDouble();
  if (method == "common") {
    if (value.is_int()) return Value(value.AsInt());
    if (!std::isfinite(real)) return Value(real);
    // The decimal text is rounded exactly, half to even, as CPython's round() does.
    return Value(std::stod(fmt::format("{:.{}f}", real, precision)));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil") return Value(std::ceil(real * scale) / scale);
  if (method == "floor") return Value(std::floor(real * scale) / scale);
  return InvalidArgument("round: method must be common, ceil or floor");
}

Result<Value> ToJsonText(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("tojson", {"indent"}, 0));
  ASSIGN_OR_RETURN(const int64_t indent, IntArgument("tojson", args[0], -1));
  PythonJsonOptions options;
  options.sort_keys = true;
  options.indent = static_cast<int>(std::clamp<int64_t>(indent, -1, 16));
  std::string out = PythonJsonDumps(value.ToJson(), options);
  for (const auto& [from, to] : {std::pair{"<", "\\u003c"}, std::pair{">", "\\u003e"},
                                 std::pair{"&", "\\u0026"}, std::pair{"'", "\\u0027"}}) {
    out = PythonReplace(out, from, to);
  }
  return Value(std::move(out));
}

// The member of `item` that a dotted path names.
Result<Value> Attribute(const Value& item, const Value& path) {
  Value out = item;
  if (!path.is_text()) return GetItem(out, path);
  for (const std::string& name : SplitAt(path.AsText(), ".", -1, false)) {
    int64_t index = 0;
    const bool position = ReadInt(name, 10, index);
    ASSIGN_OR_RETURN(out, GetItem(out, position ? Value(index) : Value(name)));
    if (out.is_undefined()) return out;
  }
  return out;
}

// The arguments after the first `skip`, for a filter or test that is named by an argument.
CallArguments Rest(const CallArguments& given, size_t skip) {
  CallArguments rest;
  for (size_t i = skip; i < given.positional.size(); ++i) {
    rest.positional.push_back(given.positional[i]);
  }
  return rest;
}

Result<Value> Map(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList items, Iterate(value));
  ValueList out;
  for (const Value& item : items) {
    Value mapped;
    if (given.positional.empty()) {
      ASSIGN_OR_RETURN(const ValueList args, given.Bind("map", {"attribute", "default"}, 1));
      ASSIGN_OR_RETURN(mapped, Attribute(item, args[0]));
      if (mapped.is_undefined() && !args[1].is_undefined()) mapped = args[1];
    } else {
      ASSIGN_OR_RETURN(const std::string name, TextArgument("map", given.positional[0], ""));
      ASSIGN_OR_RETURN(mapped, ApplyFilter(name, item, Rest(given, 1)));
    }
    if (mapped.is_undefined()) return InvalidArgument("map: an item lacks the attribute");
    out.push_back(std::move(mapped));
  }
  return Value::List(std::move(out));
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
      ASSIGN_OR_RETURN(subject, Attribute(item, given.positional[0]));
    }
    bool passes = false;
    if (given.positional.size() > test_at) {
      ASSIGN_OR_RETURN(const std::string name,
                       TextArgument("select", given.positional[test_at], ""));
      ASSIGN_OR_RETURN(passes, ApplyTest(name, subject, Rest(given, test_at + 1)));
    } else {
      if (subject.is_undefined()) return InvalidArgument(subject.AsUndefined().what);
      passes = subject.Truth();
    }
    if (passes == wanted) out.push_back(item);
  }
  return Value::List(std::move(out));
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

Result<Value> Reverse(const Value& value, const CallArguments&) {
  ASSIGN_OR_RETURN(ValueList items, Iterate(value));
  std::reverse(items.begin(), items.end());
  if (!value.is_text()) return Value::List(std::move(items));
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
      ASSIGN_OR_RETURN(item, Attribute(item, args[0]));
    }
    if (!item.is_number()) return InvalidArgument("sum takes numbers");
    ASSIGN_OR_RETURN(total, Operate("+", total, item));
  }
  return total;
}

Result<Value> DictItems(const Value& value, const CallArguments&) {
  return CallMethod(value, "items", {});
}

struct NamedFilter {
  std::string_view name;
  Filter apply;
};
constexpr std::array<NamedFilter, 30> kFilters = {{
    {"abs", Abs},         {"capitalize", Capitalize},
    {"count", LengthOf},  {"d", Default},
    {"default", Default}, {"first", First},
    {"float", ToFloat},   {"int", ToInt},
    {"items", DictItems}, {"join", JoinItems},
    {"last", Last},       {"length", LengthOf},
    {"list", ToList},     {"lower", Lower},
    {"map", Map},         {"regex_replace", RegexReplaceFilter},
    {"reject", Reject},   {"rejectattr", RejectAttr},
    {"replace", Replace}, {"reverse", Reverse},
    {"round", Round},     {"safe", ToText},
    {"select", Select},   {"selectattr", SelectAttr},
    {"string", ToText},   {"sum", Sum},
    {"title", Title},     {"tojson", ToJsonText},
    {"trim", Trim},       {"upper", Upper},
}};

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
    return value.is_text() || value.is_sequence() || value.is_mapping();
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
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(name, {"other"}, 1));
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

}  // namespace

Result<Value> ApplyFilter(std::string_view name, const Value& value,
                          const CallArguments& arguments) {
  const auto found = std::find_if(kFilters.begin(), kFilters.end(),
                                  [&](const NamedFilter& filter) { return filter.name == name; });
  if (found == kFilters.end()) {
    std::vector<std::string_view> known;
    for (const NamedFilter& filter : kFilters) known.push_back(filter.name);
    return InvalidArgument(fmt::format("filter '{}' is not supported here; use one of {}", name,
                                       fmt::join(known, ", ")));
  }
  if (value.is_undefined() && found->apply != Default) {
    return InvalidArgument(value.AsUndefined().what);
  }
  for (const Value& argument : arguments.positional) {
    if (argument.is_undefined()) return InvalidArgument(argument.AsUndefined().what);
  }
  return found->apply(value, arguments);
}

Result<bool> ApplyTest(std::string_view name, const Value& value, const CallArguments& arguments) {
  if (name == "defined") return !value.is_undefined();
  if (name == "undefined") return value.is_undefined();
  if (std::find(kTests.begin(), kTests.end(), name) == kTests.end()) {
    return InvalidArgument(fmt::format("test '{}' is not supported here; use one of {}", name,
                                       fmt::join(kTests, ", ")));
  }
  if (value.is_undefined()) return InvalidArgument(value.AsUndefined().what);
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
