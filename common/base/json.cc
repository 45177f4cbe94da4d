// Strict JSON reader over nlohmann's SAX interface, and Python's writer.
#include "common/base/json.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <unordered_set>

#include "common/base/utf8.h"

namespace koeval {
namespace {

// Builds the value while it refuses duplicate keys and too deep nesting. Members are appended to
// the object's vector directly, so that an object of n keys costs n, not n^2.
class StrictBuilder final : public nlohmann::json_sax<Json> {
 public:
  explicit StrictBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return Put(nullptr); }
  bool boolean(bool value) override { return Put(value); }
  bool number_integer(number_integer_t value) override { return Put(value); }
  bool number_unsigned(number_unsigned_t value) override { return Put(value); }
  bool number_float(number_float_t value, const string_t&) override { return Put(value); }
  bool string(string_t& value) override { return Put(std::move(value)); }
  bool binary(binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(Json::object()); }
  bool end_object() override { return Close(); }
  bool start_array(size_t) override { return Open(Json::array()); }
  bool end_array() override { return Close(); }

  bool key(string_t& value) override {
    Level& level = levels_.back();
    if (!level.keys.insert(value).second) {
      error_ = fmt::format("duplicate key \"{}\"", value);
      return false;
    }
    level.key = value;
    return true;
  }

  bool parse_error(size_t position, const std::string&,
                   const nlohmann::detail::exception& e) override {
    // What follows "; last read" quotes the text, which may be private.
    std::string_view what = e.what();
    what = what.substr(0, what.find("; last read"));
    const size_t colon = what.find(": ");
    error_ = fmt::format("at byte {}: {}", position,
                         colon == std::string_view::npos ? what : what.substr(colon + 2));
    return false;
  }

  Json TakeRoot() { return std::move(root_); }
  const std::string& error() const { return error_; }

 private:
  struct Level {
    Json value;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool Open(Json empty) {
    if (static_cast<int>(levels_.size()) >= limits_.depth_max) {
      error_ = fmt::format("nested deeper than {} levels", limits_.depth_max);
      return false;
    }
    levels_.push_back({std::move(empty), {}, {}});
    return true;
  }

  bool Close() {
    Json value = std::move(levels_.back().value);
    levels_.pop_back();
    return Put(std::move(value));
  }

  bool Put(Json value) {
    if (levels_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Level& level = levels_.back();
    if (level.value.is_array()) {
      level.value.push_back(std::move(value));
    } else {
      using Members = std::vector<std::pair<const std::string, Json>>;
      static_cast<Members&>(level.value.get_ref<Json::object_t&>())
          .emplace_back(std::move(level.key), std::move(value));
    }
    return true;
  }

  const JsonLimits limits_;
  std::vector<Level> levels_;
  Json root_;
  std::string error_;
};

Status WrongType(std::string_view key, std::string_view where, std::string_view wanted,
                 const Json* found) {
  return InvalidArgument(fmt::format("{}: field \"{}\" must be {}, found {}", where, key, wanted,
                                     found == nullptr ? "nothing" : found->type_name()));
}

void AppendEscaped(std::string& out, char32_t code_point) {
  if (code_point >= 0x10000) {
    const char32_t v = code_point - 0x10000;
    out += fmt::format("\\u{:04x}\\u{:04x}", static_cast<uint32_t>(0xd800 + (v >> 10)),
                       static_cast<uint32_t>(0xdc00 + (v & 0x3ff)));
  } else {
    out += fmt::format("\\u{:04x}", static_cast<uint32_t>(code_point));
  }
}

void DumpString(std::string& out, std::string_view text, bool ensure_ascii) {
  out += '"';
  size_t at = 0;
  while (at < text.size()) {
    const size_t start = at;
    const char32_t c = DecodeUtf8(text, at);
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (c < 0x20 || (ensure_ascii && c > 0x7e)) {
          AppendEscaped(out, c);
        } else {
          out += text.substr(start, at - start);
        }
    }
  }
  out += '"';
}

void Indent(std::string& out, int indent, int level) {
  if (indent < 0) return;
  out += '\n';
  out.append(static_cast<size_t>(indent) * static_cast<size_t>(level), ' ');
}

void Dump(std::string& out, const Json& value, const PythonJsonOptions& options, int level) {
  const std::string_view separator = options.indent < 0 ? ", " : ",";
  switch (value.type()) {
    case Json::value_t::object: {
      std::vector<const std::pair<const std::string, Json>*> members;
      for (const auto& member : value.get_ref<const Json::object_t&>()) members.push_back(&member);
      if (options.sort_keys) {
        // Bytes of UTF-8 sort as code points do.
        std::sort(members.begin(), members.end(),
                  [](const auto* a, const auto* b) { return a->first < b->first; });
      }
      out += '{';
      for (size_t i = 0; i < members.size(); ++i) {
        if (i > 0) out += separator;
        Indent(out, options.indent, level + 1);
        DumpString(out, members[i]->first, options.ensure_ascii);
        out += ": ";
        Dump(out, members[i]->second, options, level + 1);
      }
      if (!members.empty()) Indent(out, options.indent, level);
      out += '}';
      return;
    }
    case Json::value_t::array:
      out += '[';
      for (size_t i = 0; i < value.size(); ++i) {
        if (i > 0) out += separator;
        Indent(out, options.indent, level + 1);
        Dump(out, value[i], options, level + 1);
      }
      if (!value.empty()) Indent(out, options.indent, level);
      out += ']';
      return;
    case Json::value_t::string:
      DumpString(out, value.get_ref<const std::string&>(), options.ensure_ascii);
      return;
    case Json::value_t::number_float: {
      const double number = value.get<double>();
      if (std::isnan(number)) {
        out += "NaN";
      } else if (std::isinf(number)) {
        out += number > 0 ? "Infinity" : "-Infinity";
      } else {
        out += PythonFloat(number);
      }
      return;
    }
    case Json::value_t::number_integer:
      out += std::to_string(value.get<int64_t>());
      return;
    case Json::value_t::number_unsigned:
      out += std::to_string(value.get<uint64_t>());
      return;
    case Json::value_t::boolean:
      out += value.get<bool>() ? "true" : "false";
      return;
    case Json::value_t::null:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      out += "null";
      return;
  }
}

}  // namespace

Result<Json> ParseJson(std::string_view text, const JsonLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return InvalidArgument(
        fmt::format("JSON of {} bytes is over the limit of {}", text.size(), limits.bytes_max));
  }
  StrictBuilder builder(limits);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    return InvalidArgument("not valid JSON: " + builder.error());
  }
  return builder.TakeRoot();
}

const Json* JsonFind(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto it = object.find(std::string(key));
  return it == object.end() || it->is_null() ? nullptr : &*it;
}

Result<int64_t> JsonInt(const Json& object, std::string_view key, std::string_view where) {
  const Json* found = JsonFind(object, key);
  if (found == nullptr || !found->is_number_integer()) {
    return WrongType(key, where, "a whole number", found);
  }
  if (found->is_number_unsigned() && found->get<uint64_t>() > INT64_MAX) {
    return WrongType(key, where, "a whole number below 2^63", found);
  }
  return found->get<int64_t>();
}

Result<double> JsonDouble(const Json& object, std::string_view key, std::string_view where) {
  const Json* found = JsonFind(object, key);
  if (found == nullptr || !found->is_number()) return WrongType(key, where, "a number", found);
  return found->get<double>();
}

Result<bool> JsonBool(const Json& object, std::string_view key, std::string_view where) {
  const Json* found = JsonFind(object, key);
  if (found == nullptr || !found->is_boolean()) {
    return WrongType(key, where, "true or false", found);
  }
  return found->get<bool>();
}

Result<std::string> JsonString(const Json& object, std::string_view key, std::string_view where) {
  const Json* found = JsonFind(object, key);
  if (found == nullptr || !found->is_string()) return WrongType(key, where, "a string", found);
  return found->get<std::string>();
}

std::string PythonFloat(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
  char buffer[64];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  const size_t e = text.find('e');
  const int exponent = std::stoi(std::string(text.substr(e + 1)));
  std::string digits;
  for (char c : text.substr(0, e)) {
    if (c >= '0' && c <= '9') digits += c;
  }
  const std::string sign = value < 0 ? "-" : "";
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    const std::string fraction = count > 1 ? "." + digits.substr(1) : "";
    return fmt::format("{}{}{}e{}{:02}", sign, digits[0], fraction, exponent < 0 ? '-' : '+',
                       std::abs(exponent));
  }
  if (exponent < 0) {
    return sign + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
  }
  if (count <= exponent + 1) {
    return sign + digits + std::string(static_cast<size_t>(exponent + 1 - count), '0') + ".0";
  }
  const auto point = static_cast<size_t>(exponent + 1);
  return sign + digits.substr(0, point) + "." + digits.substr(point);
}

std::string PythonJsonDumps(const Json& value, const PythonJsonOptions& options) {
  std::string out;
  Dump(out, value, options, 0);
  return out;
}

std::string CompactJson(const Json& value) {
  return value.dump();
}

}  // namespace koeval
