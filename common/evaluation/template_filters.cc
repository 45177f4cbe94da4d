// Filters of Jinja for single values, the harness's regex_replace, and the list of all filters.
#include "common/evaluation/template_filters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "common/base/utf8.h"
#include "common/evaluation/python_text.h"
#include "common/evaluation/regex_replace.h"
#include "common/evaluation/template_operators.h"

namespace koeval::evaluation {
namespace {

constexpr int64_t kIndentMax = 1000;

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
// Chat templates may replace what is no text, or undefined, by what is none.
Result<Value> Replace(const Value& value, const CallArguments& given) {
  CallArguments texts = given;
  for (size_t i = 0; i < texts.positional.size() && i < 2; ++i) {
    Value& text = texts.positional[i];
    if (given.dialect == TemplateDialect::kChat) text = Value(text.Str());
  }
  return OnText(value, "replace", texts);
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

// The whole text, without blanks around it, as a number.
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

// As Jinja has it: for HTML.
Result<Value> ToJsonText(const Value& value, const CallArguments& given) {
  if (given.dialect == TemplateDialect::kChat) return ChatJson(value, given);
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

Result<Value> IndentLines(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("indent", {"width", "first", "blank"}, 0));
  std::string indent = "    ";
  if (args[0].is_text()) {
    indent = args[0].AsText();
  } else if (!args[0].is_undefined()) {
    ASSIGN_OR_RETURN(const int64_t width, IntArgument("indent", args[0], 4));
    if (width > kIndentMax) {
      return InvalidArgument(fmt::format("indent: a width over {}", kIndentMax));
    }
    indent = std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  const bool blank = args[2].Truth();
  std::string out = args[1].Truth() ? indent : "";
  const std::vector<std::string> lines = PythonSplitLines(value.Str() + "\n");
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += indent;
    out += lines[i];
    RETURN_IF_ERROR(CheckTextSize(out.size()));
  }
  return Value(std::move(out));
}

// How a filter of a chat template takes what is undefined.
enum class Undefs { kError, kText, kItems, kAsItIs };
enum class In { kBoth, kTask, kChat };

struct NamedFilter {
  std::string_view name;
  Filter apply;
  Undefs undefs = Undefs::kError;
  In in = In::kBoth;
};
constexpr std::array<NamedFilter, 37> kFilters = {{
    {"abs", Abs},
    {"batch", Batch, Undefs::kItems, In::kChat},
    {"capitalize", Capitalize, Undefs::kText},
    {"count", LengthOf, Undefs::kItems},
    {"d", Default, Undefs::kAsItIs},
    {"default", Default, Undefs::kAsItIs},
    {"dictsort", DictSort, Undefs::kError, In::kChat},
    {"first", First, Undefs::kItems},
    {"float", ToFloat},
    {"indent", IndentLines, Undefs::kError, In::kChat},
    {"int", ToInt},
    {"items", DictItems, Undefs::kAsItIs},
    {"join", JoinItems, Undefs::kItems},
    {"last", Last, Undefs::kItems},
    {"length", LengthOf, Undefs::kItems},
    {"list", ToList, Undefs::kItems},
    {"lower", Lower, Undefs::kText},
    {"map", Map, Undefs::kItems},
    {"max", Max, Undefs::kItems, In::kChat},
    {"min", Min, Undefs::kItems, In::kChat},
    {"regex_replace", RegexReplaceFilter, Undefs::kError, In::kTask},
    {"reject", Reject, Undefs::kItems},
    {"rejectattr", RejectAttr, Undefs::kItems},
    {"replace", Replace, Undefs::kText},
    {"reverse", Reverse, Undefs::kItems},
    {"round", Round, Undefs::kAsItIs},
    {"safe", ToText, Undefs::kText},
    {"select", Select, Undefs::kItems},
    {"selectattr", SelectAttr, Undefs::kItems},
    {"sort", Sort, Undefs::kItems, In::kChat},
    {"string", ToText, Undefs::kText},
    {"sum", Sum, Undefs::kItems},
    {"title", Title, Undefs::kText},
    {"tojson", ToJsonText, Undefs::kAsItIs},
    {"trim", Trim, Undefs::kText},
    {"unique", Unique, Undefs::kItems, In::kChat},
    {"upper", Upper, Undefs::kText},
}};

const NamedFilter* FindFilter(std::string_view name, TemplateDialect dialect) {
  const In other = dialect == TemplateDialect::kChat ? In::kTask : In::kChat;
  const auto found = std::find_if(kFilters.begin(), kFilters.end(), [&](const auto& filter) {
    return filter.name == name && filter.in != other;
  });
  return found == kFilters.end() ? nullptr : &*found;
}

// Refuses what has no text or items where a filter would write it out.
Status CheckSubject(std::string_view name, const Value& value) {
  const bool is_namespace = value.is_mapping() && value.AsMapping().is_namespace;
  if (!is_namespace && !value.is_macro()) return OkStatus();
  return InvalidArgument(fmt::format("filter '{}' does not take a {}", name, value.TypeName()));
}

Result<Value> ApplyInChat(const NamedFilter& filter, Value value, const CallArguments& given) {
  RETURN_IF_ERROR(CheckSubject(filter.name, value));
  if (value.is_undefined()) {
    if (filter.undefs == Undefs::kError) return FailedPrecondition(value.AsUndefined().what);
    if (filter.undefs == Undefs::kText) value = Value(std::string());
    if (filter.undefs == Undefs::kItems) value = Value::List({});
  }
  const Value* missing = given.FirstUndefined();
  if (missing != nullptr && filter.apply != Default && filter.apply != Replace) {
    return FailedPrecondition(missing->AsUndefined().what);
  }
  return filter.apply(value, given);
}

}  // namespace

Status CheckFilterName(std::string_view name, TemplateDialect dialect) {
  if (FindFilter(name, dialect) != nullptr) return OkStatus();
  std::vector<std::string_view> known;
  for (const NamedFilter& filter : kFilters) {
    if (FindFilter(filter.name, dialect) != nullptr) known.push_back(filter.name);
  }
  return InvalidArgument(fmt::format("filter '{}' is not supported here; use one of {}", name,
                                     fmt::join(known, ", ")));
}

Result<Value> ApplyFilter(std::string_view name, const Value& value,
                          const CallArguments& arguments) {
  RETURN_IF_ERROR(CheckFilterName(name, arguments.dialect));
  const NamedFilter& filter = *FindFilter(name, arguments.dialect);
  if (arguments.dialect == TemplateDialect::kChat) return ApplyInChat(filter, value, arguments);
  if (value.is_undefined() && filter.apply != Default) {
    return InvalidArgument(value.AsUndefined().what);
  }
  for (const Value& argument : arguments.positional) {
    if (argument.is_undefined()) return InvalidArgument(argument.AsUndefined().what);
  }
  return filter.apply(value, arguments);
}

}  // namespace koeval::evaluation
