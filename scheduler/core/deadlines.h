// Deadlines by key, at most one each: arm, move, drop, take what is due.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace koeval::core {

// All operations are logarithmic. Milliseconds of whatever clock the caller keeps.
template <typename Key>
class Deadlines {
 public:
  void Set(const Key& key, int64_t at_ms) {
    Erase(key);
    at_.emplace(key, at_ms);
    order_.emplace(at_ms, key);
  }

  // No-op when there is none.
  void Erase(const Key& key) {
    const auto it = at_.find(key);
    if (it == at_.end()) return;
    order_.erase({it->second, key});
    at_.erase(it);
  }

  // The earliest one at or before `now_ms`, which is then forgotten.
  std::optional<Key> TakeDue(int64_t now_ms) {
    if (order_.empty() || order_.begin()->first > now_ms) return std::nullopt;
    Key key = order_.begin()->second;
    Erase(key);
    return key;
  }

  std::optional<int64_t> Earliest() const {
    if (order_.empty()) return std::nullopt;
    return order_.begin()->first;
  }

  std::optional<int64_t> At(const Key& key) const {
    const auto it = at_.find(key);
    return it == at_.end() ? std::nullopt : std::optional(it->second);
  }

  bool Has(const Key& key) const { return at_.contains(key); }
  size_t size() const { return at_.size(); }

 private:
  std::map<Key, int64_t> at_;
  std::set<std::pair<int64_t, Key>> order_;
};

}  // namespace koeval::core
