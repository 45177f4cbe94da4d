// Methods of str, list, tuple and dict.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <span>

#include "common/base/utf8.h"
#include "common/evaluation/python_text.h"
#include "common/evaluation/template_call.h"
#include "common/evaluation/template_operators.h"

namespace koeval::evaluation {
namespace {

constexpr std::array<std::string_view, 30> kTextMethods = {
    "capitalize", "count",      "endswith", "find",         "format",       "index",
    "isalpha",    "isdigit",    "isspace",  "join",         "lower",        "lstrip",
    "partition",  "islower",    "isupper",  "removeprefix", "removesuffix", "replace",
    "rfind",      "rpartition", "rsplit",   "rstrip",       "split",        "splitlines",
    "startswith", "strip",      "swapcase", "title",        "upper",        "zfill"};
constexpr std::array<std::string_view, 2> kSequenceMethods = {"count", "index"};
constexpr std::array<std::string_view, 4> kDictMethods = {"get", "items", "keys", "values"};

std::span<const std::string_view> MethodsOf(const Value& object) {
  if (object.is_text()) return kTextMethods;
  if (object.is_sequence()) return kSequenceMethods;
  if (object.is_mapping() && !object.AsMapping().is_namespace) return kDictMethods;
  return {};
}

Value TextList(const std::vector<std::string>& texts) {
  ValueList items;
  for (const std::string& text : texts) items.emplace_back(text);
  return Value::List(std::move(items));
}

int64_t CodePointOffset(std::string_view text, size_t byte) {
  return static_cast<int64_t>(CountCodePoints(text.substr(0, byte)));
}

template <typename Property>
bool AllPoints(std::string_view text, Property property) {
  const std::u32string points = ToUtf32(text);
  return !points.empty() && std::all_of(points.begin(), points.end(), property);
}

// isupper() and islower(): no letter of the other case, and at least one of this.
bool IsCase(std::string_view text, bool upper) {
  const std::u32string points = ToUtf32(text);
  return std::none_of(points.begin(), points.end(), upper ? IsPythonLower : IsPythonUpper) &&
         std::any_of(points.begin(), points.end(), upper ? IsPythonUpper : IsPythonLower);
}

Result<Value> Strip(std::string_view method, const std::string& text, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(method, {"chars"}, 0));
  const bool left = method != "rstrip";
  const bool right = method != "lstrip";
  if (args[0].is_undefined() || args[0].is_none()) {
    std::string_view out = text;
    if (left) out = PythonLstrip(out);
    if (right) out = PythonRstrip(out);
    return Value(std::string(out));
  }
  ASSIGN_OR_RETURN(const std::string chars, TextArgument(method, args[0], ""));
  return Value(std::string(StripChars(text, chars, left, right)));
}

Result<Value> Split(std::string_view method, const std::string& text, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(method, {"sep", "maxsplit"}, 0));
  ASSIGN_OR_RETURN(const int64_t count, IntArgument(method, args[1], -1));
  if (args[0].is_undefined() || args[0].is_none()) {
    if (method == "rsplit" && count >= 0) {
      return InvalidArgument("rsplit() with a count needs a separator here");
    }
    return TextList(SplitSpace(text, count));
  }
  ASSIGN_OR_RETURN(const std::string separator, TextArgument(method, args[0], ""));
  if (separator.empty()) return InvalidArgument(fmt::format("{}(): empty separator", method));
  return TextList(SplitAt(text, separator, count, method == "rsplit"));
}

Result<Value> SplitLines(const std::string& text, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("splitlines", {"keepends"}, 0));
  const bool keep = !args[0].is_undefined() && args[0].Truth();
  return TextList(PythonSplitLines(text, keep));
}

Result<Value> Join(const std::string& text, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("join", {"iterable"}, 1));
  ASSIGN_OR_RETURN(const ValueList items, Iterate(args[0]));
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_text()) return InvalidArgument("join() takes text items only");
    if (i > 0) out += text;
    out += items[i].AsText();
    RETURN_IF_ERROR(CheckTextSize(out.size()));
  }
  return Value(std::move(out));
}

Result<Value> Replace(const std::string& text, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("replace", {"old", "new", "count"}, 2));
  ASSIGN_OR_RETURN(const std::string from, TextArgument("replace", args[0], ""));
  ASSIGN_OR_RETURN(const std::string to, TextArgument("replace", args[1], ""));
  ASSIGN_OR_RETURN(const int64_t count, IntArgument("replace", args[2], -1));
  const size_t most = text.size() / std::max<size_t>(from.size(), 1) + 1;
  if (!to.empty()) RETURN_IF_ERROR(CheckTextSize(text.size()));
  if (to.size() > kTemplateTextMax / most) return CheckTextSize(kTemplateTextMax + 1);
  return Value(PythonReplace(text, from, to, count));
}

// startswith() and endswith(), with one text or a tuple of them.
Result<Value> HasEnd(std::string_view method, const std::string& text, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(method, {"affix"}, 1));
  ValueList affixes{args[0]};
  if (args[0].is_sequence() && args[0].AsSequence().is_tuple())
    affixes = args[0].AsSequence().items;
  for (const Value& affix : affixes) {
    ASSIGN_OR_RETURN(const std::string wanted, TextArgument(method, affix, ""));
    if (method == "startswith" ? text.starts_with(wanted) : text.ends_with(wanted)) {
      return Value(true);
    }
  }
  return Value(false);
}

Result<Value> Find(std::string_view method, const std::string& text, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(method, {"sub"}, 1));
  ASSIGN_OR_RETURN(const std::string wanted, TextArgument(method, args[0], ""));
  if (method == "count") {
    int64_t count = 0;
    if (wanted.empty()) return Value(static_cast<int64_t>(CountCodePoints(text)) + 1);
    for (size_t at = 0; (at = text.find(wanted, at)) != std::string::npos; at += wanted.size()) {
      ++count;
    }
    return Value(count);
  }
  const size_t at = method == "rfind" ? text.rfind(wanted) : text.find(wanted);
  if (at != std::string::npos) return Value(CodePointOffset(text, at));
  if (method == "index") return InvalidArgument("index() found nothing");
  return Value(int64_t{-1});
}

Result<Value> Partition(std::string_view method, const std::string& text,
                        const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(method, {"sep"}, 1));
  ASSIGN_OR_RETURN(const std::string wanted, TextArgument(method, args[0], ""));
  if (wanted.empty()) return InvalidArgument(fmt::format("{}(): empty separator", method));
  const bool right = method == "rpartition";
  const size_t at = right ? text.rfind(wanted) : text.find(wanted);
  const Value empty{std::string()};
  if (at == std::string::npos) {
    return right ? Value::Tuple({empty, empty, Value(text)})
                 : Value::Tuple({Value(text), empty, empty});
  }
  return Value::Tuple(
      {Value(text.substr(0, at)), Value(wanted), Value(text.substr(at + wanted.size()))});
}

Result<Value> RemoveAffix(std::string_view method, const std::string& text,
                          const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(method, {"affix"}, 1));
  ASSIGN_OR_RETURN(const std::string affix, TextArgument(method, args[0], ""));
  const bool prefix = method == "removeprefix";
  if (affix.empty() || !(prefix ? text.starts_with(affix) : text.ends_with(affix))) {
    return Value(text);
  }
  return Value(text.substr(prefix ? affix.size() : 0, text.size() - affix.size()));
}

Result<Value> ZeroFill(const std::string& text, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind("zfill", {"width"}, 1));
  ASSIGN_OR_RETURN(const int64_t width, IntArgument("zfill", args[0], 0));
  const auto length = static_cast<int64_t>(CountCodePoints(text));
  if (width <= length) return Value(text);
  RETURN_IF_ERROR(CheckTextSize(static_cast<size_t>(width)));
  const bool sign = !text.empty() && (text[0] == '+' || text[0] == '-');
  return Value(text.substr(0, sign ? 1 : 0) +
               std::string(static_cast<size_t>(width - length), '0') + text.substr(sign ? 1 : 0));
}

// The field `name` of a format text: "", a position or a name. `next` counts the empty ones.
Result<Value> FormatField(std::string_view name, const CallArguments& given, size_t& next) {
  if (name.find_first_of(":!.[") != std::string_view::npos) {
    return InvalidArgument("format() takes plain {} fields only");
  }
  for (const auto& [key, value] : given.named) {
    if (key == name) return value;
  }
  size_t index = next;
  if (name.empty()) {
    ++next;
  } else if (name.size() == 1 && name[0] >= '0' && name[0] <= '9') {
    index = static_cast<size_t>(name[0] - '0');
  } else {
    return InvalidArgument("format() has no argument for a field");
  }
  if (index >= given.positional.size()) {
    return InvalidArgument("format() has no argument for a field");
  }
  return given.positional[index];
}

Result<Value> Format(const std::string& text, const CallArguments& given) {
  std::string out;
  size_t next = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    const bool doubled = at + 1 < text.size() && text[at + 1] == c;
    if ((c == '{' || c == '}') && doubled) {
      out += c;
      ++at;
    } else if (c == '{') {
      const size_t end = text.find('}', at);
      if (end == std::string::npos) return InvalidArgument("format() with an unclosed field");
      ASSIGN_OR_RETURN(
          const Value value,
          FormatField(std::string_view(text).substr(at + 1, end - at - 1), given, next));
      if (value.is_undefined()) return InvalidArgument(value.AsUndefined().what);
      out += value.Str();
      at = end;
    } else if (c == '}') {
      return InvalidArgument("format() with a single '}'");
    } else {
      out += c;
    }
    RETURN_IF_ERROR(CheckTextSize(out.size()));
  }
  return Value(std::move(out));
}

// Methods of str without arguments.
Result<Value> TextProperty(std::string_view method, const std::string& text) {
  if (method == "lower") return Value(PythonLower(text));
  if (method == "upper") return Value(PythonUpper(text));
  if (method == "capitalize") return Value(PythonCapitalize(text));
  if (method == "title") return Value(PythonTitle(text));
  if (method == "swapcase") return Value(PythonSwapCase(text));
  if (method == "isdigit") return Value(AllPoints(text, IsPythonDigit));
  if (method == "isspace") return Value(AllPoints(text, IsPythonSpace));
  if (method == "isupper") return Value(IsCase(text, true));
  if (method == "islower") return Value(IsCase(text, false));
  return Value(AllPoints(text, IsPythonAlpha));
}

Result<Value> CallText(const std::string& text, std::string_view method,
                       const CallArguments& given) {
  if (method.ends_with("strip")) return Strip(method, text, given);
  if (method == "split" || method == "rsplit") return Split(method, text, given);
  if (method == "splitlines") return SplitLines(text, given);
  if (method == "join") return Join(text, given);
  if (method == "replace") return Replace(text, given);
  if (method == "startswith" || method == "endswith") return HasEnd(method, text, given);
  if (method == "find" || method == "rfind" || method == "index" || method == "count") {
    return Find(method, text, given);
  }
  if (method.ends_with("partition")) return Partition(method, text, given);
  if (method.starts_with("remove")) return RemoveAffix(method, text, given);
  if (method == "zfill") return ZeroFill(text, given);
  if (method == "format") return Format(text, given);
  ASSIGN_OR_RETURN(const ValueList none, given.Bind(method, {}, 0));
  return TextProperty(method, text);
}

Result<Value> CallSequence(const ValueList& items, std::string_view method,
                           const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args, given.Bind(method, {"value"}, 1));
  const auto same = [&](const Value& item) { return item.Equals(args[0]); };
  if (method == "count") {
    return Value(static_cast<int64_t>(std::count_if(items.begin(), items.end(), same)));
  }
  const auto found = std::find_if(items.begin(), items.end(), same);
  if (found == items.end()) return InvalidArgument("index() found nothing");
  return Value(static_cast<int64_t>(found - items.begin()));
}

Result<Value> CallDict(const Value& dict, std::string_view method, const CallArguments& given) {
  if (method == "get") {
    ASSIGN_OR_RETURN(const ValueList args, given.Bind("get", {"key", "default"}, 1));
    const Value* found = dict.Find(args[0]);
    if (found != nullptr) return *found;
    return args[1].is_undefined() ? Value() : args[1];
  }
  ASSIGN_OR_RETURN(const ValueList none, given.Bind(method, {}, 0));
  ValueList out;
  for (const auto& [key, value] : dict.AsMapping().items) {
    if (method == "keys") out.push_back(key);
    if (method == "values") out.push_back(value);
    if (method == "items") out.push_back(Value::Tuple({key, value}));
  }
  return Value::List(std::move(out));
}

}  // namespace

const Value* CallArguments::FirstUndefined() const {
  for (const Value& value : positional) {
    if (value.is_undefined()) return &value;
  }
  for (const auto& [name, value] : named) {
    if (value.is_undefined()) return &value;
  }
  return nullptr;
}

Result<ValueList> CallArguments::Bind(std::string_view callee,
                                      std::initializer_list<std::string_view> parameters,
                                      size_t required) const {
  if (positional.size() > parameters.size()) {
    return InvalidArgument(
        fmt::format("{}() takes at most {} arguments", callee, parameters.size()));
  }
  ValueList out = positional;
  out.resize(parameters.size(), Value::Missing(fmt::format("{}(): argument not given", callee)));
  for (const auto& [name, value] : named) {
    const auto found = std::find(parameters.begin(), parameters.end(), name);
    const auto index = static_cast<size_t>(found - parameters.begin());
    if (found == parameters.end() || index < positional.size()) {
      return InvalidArgument(fmt::format("{}() takes no argument '{}'", callee, name));
    }
    out[index] = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (out[i].is_undefined()) {
      return InvalidArgument(
          fmt::format("{}() needs argument '{}'", callee, *(parameters.begin() + i)));
    }
  }
  return out;
}

Result<std::string> TextArgument(std::string_view callee, const Value& value,
                                 std::string fallback) {
  if (value.is_undefined()) return fallback;
  if (value.is_text()) return value.AsText();
  return InvalidArgument(fmt::format("{}() takes text, not {}", callee, value.TypeName()));
}

Result<int64_t> IntArgument(std::string_view callee, const Value& value, int64_t fallback) {
  if (value.is_undefined()) return fallback;
  if (value.is_int()) return value.AsInt();
  return InvalidArgument(
      fmt::format("{}() takes a whole number, not {}", callee, value.TypeName()));
}

bool HasMethod(const Value& object, std::string_view method) {
  const auto methods = MethodsOf(object);
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

bool IsOtherMethod(const Value& object, std::string_view method) {
  constexpr std::array<std::string_view, 17> kOthers = {
      "casefold", "center",    "encode",       "expandtabs", "format_map",  "isalnum",
      "isascii",  "isdecimal", "isidentifier", "isnumeric",  "isprintable", "istitle",
      "ljust",    "maketrans", "rindex",       "rjust",      "translate"};
  return object.is_text() && std::find(kOthers.begin(), kOthers.end(), method) != kOthers.end();
}

Result<Value> CallMethod(const Value& object, std::string_view method,
                         const CallArguments& arguments) {
  if (!HasMethod(object, method)) {
    return InvalidArgument(fmt::format("{} has no method '{}' here; it has: {}", object.TypeName(),
                                       method, fmt::join(MethodsOf(object), ", ")));
  }
  if (object.is_text()) return CallText(object.AsText(), method, arguments);
  if (object.is_sequence()) return CallSequence(object.AsSequence().items, method, arguments);
  return CallDict(object, method, arguments);
}

}  // namespace koeval::evaluation
