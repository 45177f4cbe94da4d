// A small validator of JSON Schema.
#include "tests/scheduler/service/json_schema.h"

#include <algorithm>
#include <array>

namespace koeval::service {
namespace {

bool IsOfType(const Json& value, const std::string& type) {
  if (type == "string") return value.is_string();
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "array") return value.is_array();
  return type == "object" && value.is_object();
}

bool FitsType(const Json& value, const Json& type) {
  if (type.is_string()) return IsOfType(value, type.get<std::string>());
  return std::any_of(type.begin(), type.end(),
                     [&value](const Json& one) { return IsOfType(value, one.get<std::string>()); });
}

std::string CheckObject(const Json& document, const Json& schema, const Json& value,
                        const std::string& path) {
  const Json none = Json::object();
  const Json* properties = JsonFind(schema, "properties");
  if (properties == nullptr) properties = &none;
  if (const Json* required = JsonFind(schema, "required")) {
    for (const Json& name : *required) {
      if (!value.contains(name)) return path + ": lacks " + name.get<std::string>();
    }
  }
  const Json* additional = JsonFind(schema, "additionalProperties");
  for (const auto& [name, member] : value.items()) {
    const Json* known = JsonFind(*properties, name);
    if (known == nullptr) {
      if (additional != nullptr && *additional == false) return path + ": does not know " + name;
      continue;
    }
    if (std::string why = WhyNot(document, *known, member, path + "." + name); !why.empty()) {
      return why;
    }
  }
  return "";
}

}  // namespace

std::string WhyNot(const Json& document, const Json& schema, const Json& value,
                   const std::string& path) {
  constexpr std::array<std::string_view, 8> kWords = {
      "$ref",  "type",       "enum", "properties", "required", "additionalProperties",
      "items", "description"};
  for (const auto& [word, meaning] : schema.items()) {
    if (std::find(kWords.begin(), kWords.end(), word) == kWords.end()) {
      return path + ": the schema says " + word + ", which is not checked";
    }
  }
  if (const Json* reference = JsonFind(schema, "$ref")) {
    const nlohmann::json_pointer<std::string> pointer(reference->get<std::string>().substr(1));
    return WhyNot(document, document.at(pointer), value, path);
  }
  if (const Json* type = JsonFind(schema, "type"); type != nullptr && !FitsType(value, *type)) {
    return path + ": is " + value.dump() + ", not of type " + type->dump();
  }
  if (const Json* words = JsonFind(schema, "enum")) {
    if (std::find(words->begin(), words->end(), value) == words->end()) {
      return path + ": is " + value.dump() + ", not one of " + words->dump();
    }
  }
  if (value.is_object()) return CheckObject(document, schema, value, path);
  if (const Json* items = JsonFind(schema, "items"); items != nullptr && value.is_array()) {
    for (size_t i = 0; i < value.size(); ++i) {
      std::string why = WhyNot(document, *items, value[i], path + "[" + std::to_string(i) + "]");
      if (!why.empty()) return why;
    }
  }
  return "";
}

}  // namespace koeval::service
