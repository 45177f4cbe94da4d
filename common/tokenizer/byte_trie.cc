// Builds the trie level by level from sorted keys, so that no depth of recursion depends on input.
#include "common/tokenizer/byte_trie.h"

#include <algorithm>
#include <deque>

namespace koeval::tokenizer {

ByteTrie::ByteTrie(std::vector<std::pair<std::string_view, int32_t>> keys) {
  roots_.fill(kNone);
  std::erase_if(keys, [](const auto& key) { return key.first.empty(); });
  std::stable_sort(keys.begin(), keys.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  struct Task {
    uint32_t node;
    size_t begin, end, depth;  // the keys that share the node's `depth` bytes
  };
  std::deque<Task> tasks;
  nodes_.emplace_back();
  if (!keys.empty()) tasks.push_back({0, 0, keys.size(), 0});
  while (!tasks.empty()) {
    const Task task = tasks.front();
    tasks.pop_front();
    size_t i = task.begin;
    if (keys[i].first.size() == task.depth) {
      nodes_[task.node].value = keys[i].second;
      while (i < task.end && keys[i].first.size() == task.depth) ++i;
    }
    nodes_[task.node].first_edge = static_cast<uint32_t>(edges_.size());
    while (i < task.end) {
      const auto label = static_cast<unsigned char>(keys[i].first[task.depth]);
      size_t end = i;
      while (end < task.end && static_cast<unsigned char>(keys[end].first[task.depth]) == label) {
        ++end;
      }
      const auto child = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
      edges_.push_back({label, child});
      ++nodes_[task.node].edge_count;
      tasks.push_back({child, i, end, task.depth + 1});
      i = end;
    }
  }
  for (uint32_t i = 0; i < nodes_[0].edge_count; ++i) roots_[edges_[i].label] = edges_[i].target;
}

uint32_t ByteTrie::Child(uint32_t node, unsigned char label) const {
  const Edge* first = edges_.data() + nodes_[node].first_edge;
  const Edge* last = first + nodes_[node].edge_count;
  const Edge* edge = std::lower_bound(
      first, last, label, [](const Edge& e, unsigned char wanted) { return e.label < wanted; });
  return edge != last && edge->label == label ? edge->target : kNone;
}

}  // namespace koeval::tokenizer
