// yaml-cpp nodes into JSON, with YAML 1.1's idea of booleans and numbers.
#include "common/evaluation/yaml_value.h"

#include <fmt/core.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <vector>

#include "common/base/file.h"
#include "common/base/utf8.h"

namespace koeval::evaluation {
namespace {

constexpr size_t kYamlBytesMax = 4 << 20;
constexpr int kDepthMax = 64;
constexpr int64_t kNodesMax = 1'000'000;  // aliases counted as often as they occur
constexpr const char* kFunctionKey = "!function";
constexpr const char* kMergeKey = "<<";

// "true", "True" and "TRUE", but not "tRUE".
bool IsWord(const std::string& text, const std::string& lower) {
  std::string upper = lower, title = lower;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  title[0] = upper[0];
  return text == lower || text == upper || text == title;
}

std::optional<bool> AsBool(const std::string& text) {
  for (const char* word : {"yes", "true", "on"}) {
    if (IsWord(text, word)) return true;
  }
  for (const char* word : {"no", "false", "off"}) {
    if (IsWord(text, word)) return false;
  }
  return std::nullopt;
}

// "1:30" is 90: numbers in base 60 are part of YAML 1.1.
std::optional<int64_t> AsSexagesimal(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.empty() || text[0] < '1' || text[0] > '9') return std::nullopt;
  int64_t total = 0;
  for (bool first = true; !text.empty(); first = false) {
    const size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    const bool fits = first || (value < 60 && part.size() <= 2);
    if (part.empty() || part[0] == '-' || error != std::errc() || !fits ||
        end != part.data() + part.size() || total > INT64_MAX / 60 - 60) {
      return std::nullopt;
    }
    total = total * 60 + value;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
    if (text.empty()) return std::nullopt;
  }
  return negative ? -total : total;
}

std::optional<int64_t> AsInt(std::string text) {
  if (text.find(':') != std::string::npos) return AsSexagesimal(text);
  if (const size_t digit = text.find_first_not_of("+-"); digit != text.npos && text[digit] == '_') {
    return std::nullopt;
  }
  std::erase(text, '_');
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.erase(0, 1);
  int base = 10;
  if (text.starts_with("0x")) {
    base = 16;
  } else if (text.starts_with("0b")) {
    base = 2;
  } else if (text.size() > 1 && text[0] == '0') {
    base = 8;
  }
  if (base == 16 || base == 2) text.erase(0, 2);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || text[0] == '-' || error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

// A point is needed, and an exponent needs its sign: "1e5" is text, as for PyYAML. The infinities
// and NaN stay text, since no JSON can carry them.
std::optional<double> AsFloat(std::string text) {
  std::erase(text, '_');
  std::string digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.erase(0, 1);
  const size_t point = digits.find('.');
  const size_t exponent = digits.find_first_of("eE");
  if (point == 0 && digits.size() != text.size()) return std::nullopt;  // "-.5" is text
  if (point == std::string::npos || digits.find_first_of("0123456789") == std::string::npos) {
    return std::nullopt;
  }
  if (exponent != std::string::npos &&
      (exponent + 1 >= digits.size() ||
       (digits[exponent + 1] != '+' && digits[exponent + 1] != '-'))) {
    return std::nullopt;
  }
  if (digits.find_first_not_of("0123456789.eE+-") != std::string::npos) return std::nullopt;
  double value = 0;
  const char* begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// The text of a scalar. For the escapes \_ and \N, U+00A0 and U+0085, the parser writes one byte,
// which stands where a character begins.
std::string TextOf(const YAML::Node& scalar) {
  const std::string& bytes = scalar.Scalar();
  if (IsValidUtf8(bytes)) return bytes;
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const auto first = static_cast<unsigned char>(bytes[at]);
    if (first == 0xa0 || first == 0x85) {
      AppendUtf8(out, first);
      ++at;
    } else {
      AppendUtf8(out, DecodeUtf8(bytes, at));
    }
  }
  return out;
}

// The 1-based line of the first character that YAML 1.1 does not print; 0 when there is none.
size_t LineOfUnprintable(std::string_view text) {
  size_t line = 1;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = DecodeUtf8(text, at);
    if (c == '\n') ++line;
    const bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
                         (c >= 0x7f && c <= 0x9f && c != 0x85) || c == 0xfffe || c == 0xffff;
    if (control) return line;
  }
  return 0;
}

class Converter {
 public:
  explicit Converter(const std::string& path) : path_(path) {}

  Result<Json> Convert(const YAML::Node& node, int depth) {
    if (++nodes_ > kNodesMax) return Fail(node, fmt::format("more than {} values", kNodesMax));
    if (depth > kDepthMax) return Fail(node, fmt::format("nested deeper than {}", kDepthMax));
    if (node.IsNull()) return Json(nullptr);
    if (node.IsScalar()) return Scalar(node);
    if (node.IsSequence()) {
      Json list = Json::array();
      for (const auto& item : node) {
        ASSIGN_OR_RETURN(Json value, Convert(item, depth + 1));
        list.push_back(std::move(value));
      }
      return list;
    }
    return Mapping(node, depth);
  }

  std::vector<std::string> TakeRepeated() { return std::move(repeated_); }

 private:
  // Merged keys first, in the order in which PyYAML puts them; own ones win.
  Result<Json> Mapping(const YAML::Node& node, int depth) {
    Json object = Json::object();
    std::set<std::string> own;
    for (const auto& member : node) {
      if (IsMergeKey(member.first)) RETURN_IF_ERROR(Merge(member.second, depth, object));
    }
    for (const auto& member : node) {
      if (IsMergeKey(member.first)) continue;
      if (!member.first.IsScalar()) return Fail(member.first, "a key must be a plain word");
      const std::string key = TextOf(member.first);
      if (!own.insert(key).second) {
        const std::string place = fmt::format("{}:{}", path_, member.first.Mark().line + 1);
        if (depth == 0) {
          return Fail(member.first, fmt::format("key \"{}\" is given twice", key));
        }
        repeated_.push_back(fmt::format("{}: {}", place, key));
      }
      ASSIGN_OR_RETURN(object[key], Convert(member.second, depth + 1));
    }
    return object;
  }

  static bool IsMergeKey(const YAML::Node& key) {
    return key.IsScalar() && key.Scalar() == kMergeKey && (key.Tag() == "?" || key.Tag().empty());
  }

  Result<Json> MergedPart(const YAML::Node& part, int depth) {
    if (part.IsMap()) return Convert(part, depth + 1);
    return Fail(part, "<< must name a mapping or a list of mappings");
  }

  // `<<: mapping`, or a list of mappings of which the first that has a key wins.
  Status Merge(const YAML::Node& value, int depth, Json& object) {
    std::vector<Json> parts;
    if (value.IsSequence()) {
      for (const auto& part : value) {
        ASSIGN_OR_RETURN(Json members, MergedPart(part, depth));
        parts.push_back(std::move(members));
      }
    } else {
      ASSIGN_OR_RETURN(Json members, MergedPart(value, depth));
      parts.push_back(std::move(members));
    }
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      for (const auto& [key, member] : part->items()) object[key] = member;
    }
    return OkStatus();
  }

  Result<Json> Scalar(const YAML::Node& node) {
    const std::string& tag = node.Tag();
    const std::string text = TextOf(node);
    if (tag == kFunctionKey) return Json{{kFunctionKey, text}};
    if (tag == "?" || tag.empty()) return ResolveYamlScalar(text);
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return Json(text);
    return Fail(node, fmt::format("tag \"{}\" is not supported; only !function is", tag));
  }

  Status Fail(const YAML::Node& node, const std::string& what) {
    return InvalidArgument(fmt::format("{}:{}: {}", path_, node.Mark().line + 1, what));
  }

  const std::string& path_;
  int64_t nodes_ = 0;
  std::vector<std::string> repeated_;
};

}  // namespace

std::string YamlFile::Place(const std::string& key) const {
  const auto line = lines.find(key);
  return fmt::format("{}:{}: {}", path, line == lines.end() ? 1 : line->second, key);
}

std::optional<std::string> YamlFunction(const Json& value) {
  if (!value.is_object() || value.size() != 1) return std::nullopt;
  const Json* name = JsonFind(value, kFunctionKey);
  if (name == nullptr || !name->is_string()) return std::nullopt;
  const std::string& text = name->get_ref<const std::string&>();
  return text.substr(text.rfind('.') + 1);
}

Json ResolveYamlScalar(const std::string& text) {
  if (text.empty() || text == "~" || IsWord(text, "null")) return nullptr;
  if (const auto value = AsBool(text)) return *value;
  if (const auto value = AsInt(text)) return *value;
  if (const auto value = AsFloat(text)) return *value;
  return text;
}

Result<YamlFile> ReadYamlFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kYamlBytesMax));
  if (!IsValidUtf8(text)) return InvalidArgument(path + " is not UTF-8; convert it and try again");
  if (const size_t line = LineOfUnprintable(text); line > 0) {
    return InvalidArgument(fmt::format(
        "{}:{}: has a control character, which YAML does not take; write it as an escape in a text "
        "in double quotes",
        path, line));
  }
  YamlFile file;
  file.path = path;
  try {
    const YAML::Node root = YAML::Load(text);
    if (!root.IsMap()) return InvalidArgument(path + ": must be a mapping of keys to values");
    Converter converter(path);
    ASSIGN_OR_RETURN(file.value, converter.Convert(root, 0));
    file.repeated = converter.TakeRepeated();
    for (const auto& member : root) {
      file.lines[TextOf(member.first)] = member.first.Mark().line + 1;
    }
  } catch (const YAML::Exception& e) {
    // The message may quote one byte of a longer character.
    const std::string problem = ToUtf8(ToUtf32(e.msg));
    return InvalidArgument(
        fmt::format("{}:{}: not valid YAML: {}", path, e.mark.line + 1, problem));
  }
  return file;
}

}  // namespace koeval::evaluation
