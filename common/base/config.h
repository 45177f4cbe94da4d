// YAML configuration with errors that name file, line and key; unknown keys are errors.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"

namespace koeval {

// One mapping of a configuration file. Every key that is asked for is remembered; Finish() then
// refuses the keys that nobody asked for. The first error sticks: later calls return the default
// and Finish() returns it, so that callers read all fields in a row and check once. Not
// thread-safe.
class ConfigMap {
 public:
  // INVALID_ARGUMENT for YAML errors, duplicate keys or a top level that is no mapping.
  static Result<ConfigMap> Load(const std::string& path);
  static Result<ConfigMap> Parse(const std::string& text, const std::string& name);

  ConfigMap(ConfigMap&&) noexcept;
  ConfigMap& operator=(ConfigMap&&) noexcept;
  ~ConfigMap();

  std::string String(std::string_view key, std::string fallback);
  bool Bool(std::string_view key, bool fallback);
  // Values outside [least, most] are errors.
  int64_t Int(std::string_view key, int64_t fallback, int64_t least, int64_t most);
  // A duration such as "500ms", "10s", "5min", "2h", in milliseconds, within [least, most].
  int64_t DurationMs(std::string_view key, int64_t fallback_ms, int64_t least_ms, int64_t most_ms);
  std::vector<std::string> Strings(std::string_view key);
  // The nested mapping (empty when absent). It must be finished by its reader too.
  ConfigMap Map(std::string_view key);
  // The mappings of a list (empty when absent). Each must be finished by its reader too.
  std::vector<ConfigMap> Maps(std::string_view key);
  bool Has(std::string_view key) const;
  // Adds an error of the caller at `key`.
  void Fail(std::string_view key, std::string message);

  // The first error, else an error for the first unknown key, else OK.
  Status Finish();

 private:
  struct Impl;
  explicit ConfigMap(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace koeval
