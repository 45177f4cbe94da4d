// Reads config.json field by field and remembers which were read, so that a field that nobody
// understood is found afterwards.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/json.h"

namespace koeval::model {

// Getters return the class default when the key is absent or null, and note the first error; the
// caller asks Finish() once at the end. Not thread-safe.
class ConfigReader {
 public:
  // `object` must outlive the reader. `where` is the place for messages, such as "config.json".
  ConfigReader(const Json& object, std::string where);

  // The value, or `fallback`. Notes an error for another type or a value outside [low, high].
  int64_t Int(std::string_view key, int64_t fallback, int64_t low, int64_t high);
  double Double(std::string_view key, double fallback, double low, double high);
  bool Bool(std::string_view key, bool fallback);
  std::string String(std::string_view key, std::string_view fallback);
  // The member itself when present and not null.
  const Json* Find(std::string_view key);
  // Present, null included.
  bool Has(std::string_view key) const;
  // Present and null.
  bool IsNull(std::string_view key) const;
  void MarkRead(std::string_view key) { read_.insert(std::string(key)); }

  // Note an error about `key`; only the first one is kept. Fail: INVALID_ARGUMENT "BAD_CHECKPOINT:
  // ...", the file contradicts itself. Unsupported: UNIMPLEMENTED "UNSUPPORTED_ARCHITECTURE: ...",
  // a meaning that this program lacks.
  void Fail(std::string_view key, std::string_view problem);
  void Unsupported(std::string_view key, std::string_view problem);

  // Notes `status` when it is an error.
  void Take(Status status);

  // The first error noted, or UNIMPLEMENTED for a key that was neither read nor is harmless: such a
  // key could change the result. Null, false and empty values are taken as "not used".
  Status Finish(const std::set<std::string, std::less<>>& harmless) const;

 private:
  const Json& object_;
  const std::string where_;
  std::set<std::string, std::less<>> read_;
  Status error_;
};

}  // namespace koeval::model
