// tojson of chat templates: Python's json.dumps over template values.
#include <fmt/format.h>

#include <string>

#include "common/evaluation/template_filters.h"
#include "common/evaluation/template_operators.h"

namespace koeval::evaluation {
namespace {

constexpr int64_t kIndentMax = 100;

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  int64_t indent = -1;  // < 0: one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

Status NoJson(const Value& value) {
  return InvalidArgument(fmt::format("tojson: a {} has no JSON", value.TypeName()));
}

class JsonWriter {
 public:
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}

  Status Write(const Value& value, int level) {
    RETURN_IF_ERROR(CheckTextSize(out_.size()));
    if (value.is_generator()) return NoJson(value);
    if (value.is_sequence()) return WriteItems(value.AsSequence().items, level);
    if (value.is_mapping() && !value.AsMapping().is_namespace) {
      return WriteMembers(value.AsMapping().items, level);
    }
    if (value.is_undefined() || value.is_macro() || value.is_mapping()) return NoJson(value);
    out_ += PythonJsonDumps(value.ToJson(), {.ensure_ascii = style_.ensure_ascii});
    return OkStatus();
  }
  std::string TakeText() { return std::move(out_); }

 private:
  void BreakLine(int level) {
    if (style_.indent < 0) return;
    out_ += '\n';
    out_.append(static_cast<size_t>(style_.indent) * static_cast<size_t>(level), ' ');
  }

  Status WriteItems(const ValueList& items, int level) {
    out_ += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      BreakLine(level + 1);
      RETURN_IF_ERROR(Write(items[i], level + 1));
    }
    if (!items.empty()) BreakLine(level);
    out_ += ']';
    return OkStatus();
  }

  Status WriteMembers(const ValueDict& members, int level) {
    ValueDict sorted = members;
    if (style_.sort_keys) RETURN_IF_ERROR(SortMembers(sorted));
    out_ += '{';
    for (size_t i = 0; i < sorted.size(); ++i) {
      if (i > 0) out_ += style_.item_separator;
      BreakLine(level + 1);
      RETURN_IF_ERROR(WriteKey(sorted[i].first));
      out_ += style_.key_separator;
      RETURN_IF_ERROR(Write(sorted[i].second, level + 1));
    }
    if (!sorted.empty()) BreakLine(level);
    out_ += '}';
    return OkStatus();
  }

  static Status SortMembers(ValueDict& members) {
    // Insertion keeps the first pair without an order an error; objects are small.
    if (members.size() > kMembersSortedMax) return InvalidArgument("tojson: too many keys to sort");
    for (size_t i = 1; i < members.size(); ++i) {
      for (size_t at = i; at > 0; --at) {
        ASSIGN_OR_RETURN(const int order, Compare(members[at].first, members[at - 1].first));
        if (order >= 0) break;
        std::swap(members[at], members[at - 1]);
      }
    }
    return OkStatus();
  }

  // Keys that are no text become the text of their JSON.
  Status WriteKey(const Value& key) {
    if (!key.is_text() && !key.is_none() && !key.is_number()) return NoJson(key);
    const std::string text = PythonJsonDumps(key.ToJson(), {.ensure_ascii = style_.ensure_ascii});
    out_ += key.is_text() ? text : '"' + text + '"';
    return OkStatus();
  }

  static constexpr size_t kMembersSortedMax = 10'000;

  const JsonStyle& style_;
  std::string out_;
};

Status ReadSeparators(const Value& value, JsonStyle& style) {
  if (value.is_undefined() || value.is_none()) return OkStatus();
  const bool pair = value.is_sequence() && value.AsSequence().items.size() == 2;
  if (!pair) return InvalidArgument("tojson: separators must be two texts");
  const ValueList& items = value.AsSequence().items;
  ASSIGN_OR_RETURN(style.item_separator, TextArgument("tojson", items[0], ""));
  ASSIGN_OR_RETURN(style.key_separator, TextArgument("tojson", items[1], ""));
  return OkStatus();
}

}  // namespace

Result<Value> ChatJson(const Value& value, const CallArguments& given) {
  ASSIGN_OR_RETURN(const ValueList args,
                   given.Bind("tojson", {"ensure_ascii", "indent", "separators", "sort_keys"}, 0));
  JsonStyle style;
  style.ensure_ascii = args[0].Truth();
  style.sort_keys = args[3].Truth();
  if (!args[1].is_undefined() && !args[1].is_none()) {
    ASSIGN_OR_RETURN(style.indent, IntArgument("tojson", args[1], 0));
    if (style.indent < 0 || style.indent > kIndentMax) {
      return InvalidArgument(fmt::format("tojson: indent must be 0 to {}", kIndentMax));
    }
    style.item_separator = ",";
  }
  RETURN_IF_ERROR(ReadSeparators(args[2], style));
  JsonWriter writer(style);
  RETURN_IF_ERROR(writer.Write(value, 0));
  return Value(writer.TakeText());
}

}  // namespace koeval::evaluation
