// Typed access to config.json with errors that name the field.
#include "common/model/config_reader.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/utf8.h"

namespace koeval::model {
namespace {

bool IsUnused(const Json& value) {
  if (value.is_null()) return true;
  if (value.is_boolean()) return !value.get<bool>();
  return (value.is_array() || value.is_object() || value.is_string()) && value.empty();
}

}  // namespace

ConfigReader::ConfigReader(const Json& object, std::string where)
    : object_(object), where_(std::move(where)) {}

void ConfigReader::Fail(std::string_view key, std::string_view problem) {
  if (!error_.ok()) return;
  error_ =
      InvalidArgument(fmt::format("BAD_CHECKPOINT: {}: field \"{}\" {}", where_, key, problem));
}

void ConfigReader::Unsupported(std::string_view key, std::string_view problem) {
  if (!error_.ok()) return;
  error_ = Unimplemented(
      fmt::format("UNSUPPORTED_ARCHITECTURE: {}: field \"{}\" {}", where_, key, problem));
}

void ConfigReader::Take(Status status) {
  if (error_.ok()) error_ = std::move(status);
}

bool ConfigReader::Has(std::string_view key) const {
  return object_.is_object() && object_.find(key) != object_.end();
}

bool ConfigReader::IsNull(std::string_view key) const {
  return Has(key) && JsonFind(object_, key) == nullptr;
}

const Json* ConfigReader::Find(std::string_view key) {
  MarkRead(key);
  return JsonFind(object_, key);
}

int64_t ConfigReader::Int(std::string_view key, int64_t fallback, int64_t low, int64_t high) {
  const Json* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number_integer()) {
    Fail(key, fmt::format("must be an integer, found {}", value->type_name()));
    return fallback;
  }
  const bool too_large =
      value->is_number_unsigned() && value->get<uint64_t>() > uint64_t{INT64_MAX};
  const int64_t number = too_large ? INT64_MAX : value->get<int64_t>();
  if (number < low || number > high) {
    Fail(key, fmt::format("is {}, must be {} to {}", value->dump(), low, high));
    return fallback;
  }
  return number;
}

double ConfigReader::Double(std::string_view key, double fallback, double low, double high) {
  const Json* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number()) {
    Fail(key, fmt::format("must be a number, found {}", value->type_name()));
    return fallback;
  }
  const double number = value->get<double>();
  if (!(number >= low && number <= high)) {
    Fail(key, fmt::format("is {}, must be {} to {}", value->dump(), low, high));
    return fallback;
  }
  return number;
}

bool ConfigReader::Bool(std::string_view key, bool fallback) {
  const Json* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_boolean()) {
    Fail(key, fmt::format("must be true or false, found {}", value->type_name()));
    return fallback;
  }
  return value->get<bool>();
}

std::string ConfigReader::String(std::string_view key, std::string_view fallback) {
  const Json* value = Find(key);
  if (value == nullptr) return std::string(fallback);
  if (!value->is_string()) {
    Fail(key, fmt::format("must be a string, found {}", value->type_name()));
    return std::string(fallback);
  }
  return value->get<std::string>();
}

Status ConfigReader::Finish(const std::set<std::string, std::less<>>& harmless) const {
  RETURN_IF_ERROR(error_);
  for (const auto& [key, value] : object_.items()) {
    if (key.starts_with('_') || read_.contains(key) || harmless.contains(key)) continue;
    if (IsUnused(value)) continue;
    return Unimplemented(
        fmt::format("UNSUPPORTED_ARCHITECTURE: {}: field \"{}\" is not understood and could change "
                    "the scores; remove it if the model works the same without it",
                    where_, Utf8Prefix(key, 100)));
  }
  return OkStatus();
}

}  // namespace koeval::model
