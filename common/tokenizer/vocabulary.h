// Texts of tokens and their ids, both ways.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::tokenizer {

// Lets a map with std::string keys be searched by std::string_view.
struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

// Immutable once filled; lookups are safe from several threads. Movable, not copyable.
class Vocabulary {
 public:
  Vocabulary() = default;
  Vocabulary(Vocabulary&&) = default;
  Vocabulary& operator=(Vocabulary&&) = default;
  Vocabulary(const Vocabulary&) = delete;
  Vocabulary& operator=(const Vocabulary&) = delete;

  // From {"token": id, ...}. INVALID_ARGUMENT for ids that are no ids or are used twice.
  static Result<Vocabulary> FromObject(const Json& object, std::string_view where);

  // INVALID_ARGUMENT when the id already has a token or the token an id.
  Status Add(std::string token, int32_t id, std::string_view where);

  std::optional<int32_t> Find(std::string_view token) const;
  // The token of `id`, or null.
  const std::string* Token(int32_t id) const;
  // Number of tokens; ids may have holes.
  int32_t count() const { return static_cast<int32_t>(ids_.size()); }
  // All ids are below it.
  int32_t id_end() const { return static_cast<int32_t>(tokens_.size()); }

 private:
  TextMap<int32_t> ids_;
  std::vector<const std::string*> tokens_;  // keys of ids_, null in holes
};

}  // namespace koeval::tokenizer
