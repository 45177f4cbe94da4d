// Requests in order of service, with their positions and what memory they need.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ext/pb_ds/assoc_container.hpp>
#include <ext/pb_ds/tree_policy.hpp>
#include <functional>
#include <limits>

namespace koeval::core {

struct Request;

// Where a request stands among others: higher priority first, then the older one.
struct Rank {
  int64_t priority = 0;
  int64_t number = 0;
  Request* request = nullptr;
  int64_t need = 0;  // bytes of memory that a slot must have; no part of the order

  bool operator<(const Rank& other) const {
    if (priority != other.priority) return priority > other.priority;
    return number < other.number;
  }
};

// Of a subtree.
struct RankSummary {
  size_t size = 0;
  int64_t least_need = std::numeric_limits<int64_t>::max();
};

// Keeps a RankSummary in every node of a GNU tree.
template <typename ConstNode, typename Node, typename Less, typename Allocator>
class RankNodeUpdate {
 public:
  using metadata_type = RankSummary;  // NOLINT(readability-identifier-naming): named by the tree

  // Number of ranks before `rank`, which need not be in the tree. Logarithmic.
  size_t PositionOf(const Rank& rank) const {
    size_t before = 0;
    ConstNode node = node_begin();
    while (node != node_end()) {
      if (!(**node < rank)) {
        node = node.get_l_child();
        continue;
      }
      before += 1 + Of(node.get_l_child()).size;
      node = node.get_r_child();
    }
    return before;
  }

  // The first rank after `*after` (of all, when it is nullptr) whose need is at most `memory`;
  // nullptr when there is none. Logarithmic, however many before it need more.
  const Rank* FirstFitting(const Rank* after, int64_t memory) const {
    return FirstFitting(node_begin(), after, memory);
  }

 protected:
  void operator()(Node node, ConstNode /*end*/) const {
    const RankSummary left = Of(node.get_l_child());
    const RankSummary right = Of(node.get_r_child());
    const int64_t need = (**node).need;
    const_cast<RankSummary&>(node.get_metadata()) = {
        left.size + right.size + 1, std::min({need, left.least_need, right.least_need})};
  }

 private:
  // NOLINTNEXTLINE(readability-identifier-naming): named by the tree
  virtual ConstNode node_begin() const = 0;
  // NOLINTNEXTLINE(readability-identifier-naming): named by the tree
  virtual ConstNode node_end() const = 0;

  RankSummary Of(ConstNode node) const {
    return node == node_end() ? RankSummary{} : node.get_metadata();
  }

  // Recursion is as deep as the tree.
  const Rank* FirstFitting(ConstNode node, const Rank* after, int64_t memory) const {
    if (node == node_end() || node.get_metadata().least_need > memory) return nullptr;
    const Rank& here = **node;
    const bool is_after = after == nullptr || *after < here;
    if (is_after) {
      const Rank* left = FirstFitting(node.get_l_child(), after, memory);
      if (left != nullptr) return left;
      if (here.need <= memory) return &here;
    }
    return FirstFitting(node.get_r_child(), after, memory);
  }
};

using RankTree = __gnu_pbds::tree<Rank, __gnu_pbds::null_type, std::less<Rank>,
                                  __gnu_pbds::rb_tree_tag, RankNodeUpdate>;

}  // namespace koeval::core
