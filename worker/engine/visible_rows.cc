// Paths of a trie as runs of rows.
#include "worker/engine/visible_rows.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <utility>

namespace koeval::engine {

VisibleRows::VisibleRows(const plan::MicroBatch& micro_batch, int64_t prefix_tokens)
    : micro_batch_(micro_batch),
      prefix_tokens_(prefix_tokens),
      rows_(prefix_tokens + static_cast<int64_t>(micro_batch.tokens.size())),
      positions_(static_cast<size_t>(prefix_tokens)) {
  std::iota(positions_.begin(), positions_.end(), 0);
  positions_.insert(positions_.end(), micro_batch.positions.begin(), micro_batch.positions.end());
}

int32_t VisibleRows::SegmentOf(int32_t token) const {
  const auto& segments = micro_batch_.segments;
  const auto after = std::upper_bound(
      segments.begin(), segments.end(), token,
      [](int32_t at, const plan::Segment& segment) { return at < segment.first_token; });
  return static_cast<int32_t>(after - segments.begin()) - 1;
}

size_t VisibleRows::AddText(int32_t token) {
  std::vector<Run> runs;
  if (token >= 0) {
    int32_t segment = SegmentOf(token);
    int64_t end = int64_t{token} + 1;
    while (segment >= 0) {
      const plan::Segment& at = micro_batch_.segments[static_cast<size_t>(segment)];
      runs.push_back({prefix_tokens_ + at.first_token, prefix_tokens_ + end});
      segment = at.parent;
      if (segment >= 0) {
        const plan::Segment& parent = micro_batch_.segments[static_cast<size_t>(segment)];
        end = int64_t{parent.first_token} + parent.token_count;
      }
    }
    if (prefix_tokens_ > 0) runs.push_back({0, prefix_tokens_});
  } else {
    runs.push_back({0, -int64_t{token}});
  }
  std::reverse(runs.begin(), runs.end());
  texts_.push_back(std::move(runs));
  return texts_.size() - 1;
}

int32_t VisibleRows::Append(size_t text) {
  std::vector<Run>& runs = texts_[text];
  const int32_t position = positions_[static_cast<size_t>(runs.back().end - 1)] + 1;
  if (runs.back().end == rows_ && runs.back().begin >= prefix_tokens_) {
    ++runs.back().end;
  } else {
    runs.push_back({rows_, rows_ + 1});
  }
  positions_.push_back(position);
  ++rows_;
  return position;
}

std::vector<int64_t> VisibleRows::RowsOf(size_t text) const {
  std::vector<int64_t> out;
  for (const Run& run : texts_[text]) {
    for (int64_t row = run.begin; row < run.end; ++row) out.push_back(row);
  }
  return out;
}

std::vector<float> VisibleRows::Mask(std::span<const size_t> texts, int64_t window) const {
  const int64_t first = SeenByAll(window);
  const int64_t columns = rows_ - first;
  std::vector<float> mask(texts.size() * static_cast<size_t>(columns),
                          -std::numeric_limits<float>::infinity());
  auto line = mask.begin();
  for (const size_t text : texts) {
    const std::vector<Run>& runs = texts_[text];
    const int64_t newest = positions_[static_cast<size_t>(runs.back().end - 1)];
    for (const Run& run : runs) {
      int64_t begin = std::max(run.begin, first);
      if (window > 0) {
        const int64_t oldest = newest - window + 1;
        begin = std::max(begin, run.begin + oldest - positions_[static_cast<size_t>(run.begin)]);
      }
      if (begin < run.end) std::fill(line + (begin - first), line + (run.end - first), 0.0f);
    }
    line += columns;
  }
  return mask;
}

}  // namespace koeval::engine
