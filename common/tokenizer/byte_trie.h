// A trie over bytes: longest match and all prefix matches of a text among many keys.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace koeval::tokenizer {

// Immutable after construction; safe from several threads.
class ByteTrie {
 public:
  ByteTrie() : ByteTrie(std::vector<std::pair<std::string_view, int32_t>>{}) {}
  // Keys with their values; of equal keys the first one counts; empty keys are left out. The keys
  // are not referred to afterwards.
  explicit ByteTrie(std::vector<std::pair<std::string_view, int32_t>> keys);

  bool empty() const { return edges_.empty(); }
  // Whether some key begins with this byte.
  bool CanStart(unsigned char byte) const { return roots_[byte] != kNone; }

  // Calls on_match(length, value) for every key that `text` has at `at`, shortest first.
  template <typename F>
  void ForEachPrefix(std::string_view text, size_t at, F on_match) const {
    if (at >= text.size()) return;
    uint32_t node = roots_[static_cast<unsigned char>(text[at])];
    for (size_t length = 1; node != kNone; ++length) {
      if (nodes_[node].value >= 0) on_match(length, nodes_[node].value);
      if (at + length >= text.size()) return;
      node = Child(node, static_cast<unsigned char>(text[at + length]));
    }
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  struct Node {
    uint32_t first_edge = 0;
    uint32_t edge_count = 0;
    int32_t value = -1;
  };
  struct Edge {
    unsigned char label;
    uint32_t target;
  };

  uint32_t Child(uint32_t node, unsigned char label) const;

  std::array<uint32_t, 256> roots_;
  std::vector<Node> nodes_;
  std::vector<Edge> edges_;
};

}  // namespace koeval::tokenizer
