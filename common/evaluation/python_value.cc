// Values of Python: construction, comparison, str() and repr().
#include "common/evaluation/python_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "common/base/utf8.h"
#include "common/evaluation/python_text.h"

namespace koeval::evaluation {
namespace {

// int64_t against double without losing digits of either.
int CompareNumbers(const Value& a, const Value& b) {
  if (a.is_int() && b.is_int()) return (a.AsInt() > b.AsInt()) - (a.AsInt() < b.AsInt());
  const long double x = a.is_int() ? static_cast<long double>(a.AsInt()) : a.AsDouble();
  const long double y = b.is_int() ? static_cast<long double>(b.AsInt()) : b.AsDouble();
  return (x > y) - (x < y);
}

bool EqualItems(const ValueList& a, const ValueList& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [](const Value& x, const Value& y) { return x.Equals(y); });
}

Result<int> CompareItems(const ValueList& a, const ValueList& b) {
  for (size_t i = 0; i < a.size() && i < b.size(); ++i) {
    if (a[i].Equals(b[i])) continue;
    return Compare(a[i], b[i]);
  }
  return (a.size() > b.size()) - (a.size() < b.size());
}

void AddTo(Extent& extent, const Value& part) {
  const Extent more = part.extent();
  if (__builtin_add_overflow(extent.weight, more.weight, &extent.weight)) {
    extent.weight = std::numeric_limits<size_t>::max();
  }
  extent.depth = std::max(extent.depth, more.depth + 1);
}

Sequence MakeSequence(SequenceKind kind, ValueList items) {
  Sequence out{kind, std::move(items), {1, 1}};
  for (const Value& item : out.items) AddTo(out.extent, item);
  return out;
}

Mapping MakeMapping(bool is_namespace, ValueDict items) {
  Mapping out{std::move(items), is_namespace, {1, 1}};
  for (const auto& [key, value] : out.items) {
    AddTo(out.extent, key);
    AddTo(out.extent, value);
  }
  return out;
}

}  // namespace

Value Value::List(ValueList items) {
  return Value(Storage(
      std::make_shared<const Sequence>(MakeSequence(SequenceKind::kList, std::move(items)))));
}
Value Value::Tuple(ValueList items) {
  return Value(Storage(
      std::make_shared<const Sequence>(MakeSequence(SequenceKind::kTuple, std::move(items)))));
}
Value Value::Generator(ValueList items) {
  return Value(Storage(
      std::make_shared<const Sequence>(MakeSequence(SequenceKind::kGenerator, std::move(items)))));
}
Value Value::Dict(ValueDict items) {
  return Value(Storage(std::make_shared<Mapping>(MakeMapping(false, std::move(items)))));
}
Value Value::Namespace(ValueDict items) {
  return Value(Storage(std::make_shared<Mapping>(MakeMapping(true, std::move(items)))));
}
Value Value::Missing(std::string what) {
  return Value(Storage(std::make_shared<const Undefined>(Undefined{std::move(what)})));
}

Value Value::FromJson(const Json& json) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value(json.get<bool>());
    case Json::value_t::number_integer:
      return Value(json.get<int64_t>());
    case Json::value_t::number_unsigned:
      if (json.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX)) return Value(json.dump());
      return Value(json.get<int64_t>());
    case Json::value_t::number_float:
      return Value(json.get<double>());
    case Json::value_t::string:
      return Value(json.get_ref<const std::string&>());
    case Json::value_t::array: {
      ValueList items;
      items.reserve(json.size());
      for (const Json& item : json) items.push_back(FromJson(item));
      return List(std::move(items));
    }
    case Json::value_t::object: {
      ValueDict items;
      items.reserve(json.size());
      for (const auto& [key, item] : json.items()) items.emplace_back(Value(key), FromJson(item));
      return Dict(std::move(items));
    }
    default:
      return Value();
  }
}

int64_t Value::AsInt() const {
  return is_bool() ? static_cast<int64_t>(std::get<bool>(v_)) : std::get<int64_t>(v_);
}

double Value::AsDouble() const {
  return is_float() ? std::get<double>(v_) : static_cast<double>(AsInt());
}

Extent Value::extent() const {
  if (is_text()) return {1 + AsText().size(), 0};
  if (is_sequence()) return AsSequence().extent;
  if (is_mapping()) return AsMapping().extent;
  return {};
}

std::string_view Value::TypeName() const {
  if (is_none()) return "NoneType";
  if (is_bool()) return "bool";
  if (is_int()) return "int";
  if (is_float()) return "float";
  if (is_text()) return "str";
  if (is_generator()) return "generator";
  if (is_sequence()) return AsSequence().is_tuple() ? "tuple" : "list";
  if (is_mapping()) return AsMapping().is_namespace ? "namespace" : "dict";
  return is_macro() ? "macro" : "undefined";
}

bool Value::Truth() const {
  if (is_int()) return AsInt() != 0;
  if (is_float()) return AsDouble() != 0;
  if (is_text()) return !AsText().empty();
  if (is_sequence()) return is_generator() || !AsSequence().items.empty();
  if (is_mapping()) return AsMapping().is_namespace || !AsMapping().items.empty();
  return is_macro();
}

bool Value::Equals(const Value& other) const {
  if (is_number() && other.is_number()) {
    const bool nan = AsDouble() != AsDouble() || other.AsDouble() != other.AsDouble();
    return !nan && CompareNumbers(*this, other) == 0;
  }
  if (is_text() && other.is_text()) return AsText() == other.AsText();
  if (is_sequence() && other.is_sequence()) {
    return AsSequence().kind == other.AsSequence().kind && !is_generator() &&
           EqualItems(AsSequence().items, other.AsSequence().items);
  }
  if (is_mapping() && other.is_mapping()) {
    const ValueDict& mine = AsMapping().items;
    return mine.size() == other.AsMapping().items.size() &&
           std::all_of(mine.begin(), mine.end(), [&](const auto& item) {
             const Value* theirs = other.Find(item.first);
             return theirs != nullptr && item.second.Equals(*theirs);
           });
  }
  return (is_none() && other.is_none()) || (is_undefined() && other.is_undefined());
}

const Value* Value::Find(const Value& key) const {
  for (const auto& [name, value] : AsMapping().items) {
    if (name.Equals(key)) return &value;
  }
  return nullptr;
}

std::string Value::Str() const {
  if (is_undefined()) return "";
  return is_text() ? AsText() : Repr();
}

std::string Value::Repr() const {
  if (is_bool()) return AsInt() != 0 ? "True" : "False";
  if (is_int()) return std::to_string(AsInt());
  if (is_float()) return PythonFloat(AsDouble());
  if (is_text()) return PythonRepr(AsText());
  if (is_undefined()) return "Undefined";
  if (is_generator()) return "<generator>";
  if (is_macro()) return "<Macro>";
  if (is_sequence()) {
    const bool is_tuple = AsSequence().is_tuple();
    const ValueList& items = AsSequence().items;
    std::string out(is_tuple ? "(" : "[");
    for (size_t i = 0; i < items.size(); ++i) out += (i == 0 ? "" : ", ") + items[i].Repr();
    if (is_tuple && items.size() == 1) out += ',';
    return out + (is_tuple ? ")" : "]");
  }
  if (is_mapping()) {
    std::string out = "{";
    for (const auto& [key, value] : AsMapping().items) {
      out += (out.size() == 1 ? "" : ", ") + key.Repr() + ": " + value.Repr();
    }
    return out + "}";
  }
  return "None";
}

Json Value::ToJson() const {
  if (is_bool()) return Json(AsInt() != 0);
  if (is_int()) return Json(AsInt());
  if (is_float()) return Json(AsDouble());
  if (is_text()) return Json(AsText());
  if (is_sequence()) {
    Json out = Json::array();
    for (const Value& item : AsSequence().items) out.push_back(item.ToJson());
    return out;
  }
  if (is_mapping()) {
    Json out = Json::object();
    for (const auto& [key, value] : AsMapping().items) out[key.Str()] = value.ToJson();
    return out;
  }
  return Json(nullptr);
}

Result<int> Compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b);
  // Byte order of UTF-8 is code point order.
  if (a.is_text() && b.is_text()) return (a.AsText() > b.AsText()) - (a.AsText() < b.AsText());
  if (a.is_sequence() && b.is_sequence() && a.TypeName() == b.TypeName()) {
    return CompareItems(a.AsSequence().items, b.AsSequence().items);
  }
  return InvalidArgument(fmt::format("{} and {} have no order", a.TypeName(), b.TypeName()));
}

std::string PythonRepr(std::string_view text) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const char quote = has_single && text.find('"') == std::string_view::npos ? '"' : '\'';
  std::string out(1, quote);
  size_t at = 0;
  while (at < text.size()) {
    const char32_t c = DecodeUtf8(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (IsPythonPrintable(c)) {
      AppendUtf8(out, c);
    } else if (c < 0x100) {
      out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
    } else {
      const auto number = static_cast<uint32_t>(c);
      out += c < 0x10000 ? fmt::format("\\u{:04x}", number) : fmt::format("\\U{:08x}", number);
    }
  }
  return out + quote;
}

}  // namespace koeval::evaluation
