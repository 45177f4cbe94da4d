// Which rows of a key buffer each text sees that goes on behind a prompt of a packed micro-batch.
// Tensor-free.
//
// Rows: the batch's prefix (P), the packed tokens (T), then the tokens that texts got, in the order
// in which they came.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/plan/plan.h"

namespace koeval::engine {

class VisibleRows {
 public:
  // `micro_batch` must outlive the object. REQUIRES: CheckMicroBatch.
  VisibleRows(const plan::MicroBatch& micro_batch, int64_t prefix_tokens);

  // A text behind packed token `token`, or behind prefix token -1 - `token`; gives its number.
  // REQUIRES: before the first Append.
  size_t AddText(int32_t token);
  // Adds a row for the next token of `text` and gives that token's position.
  int32_t Append(size_t text);

  int64_t rows() const { return rows_; }
  // Of each row.
  const std::vector<int32_t>& positions() const { return positions_; }
  // Rows that `text` sees, in the order of their positions; its own new tokens are the last ones.
  std::vector<int64_t> RowsOf(size_t text) const;

  // Rows before this are seen by every text under `window` (as LayerSpec::window).
  int64_t SeenByAll(int64_t window) const { return window > 0 ? 0 : prefix_tokens_; }
  // For the newest token of each of `texts`: 0 for a row that it sees and -infinity for one that it
  // does not, from row SeenByAll(window) on. (texts, rows - SeenByAll) row-major.
  std::vector<float> Mask(std::span<const size_t> texts, int64_t window) const;

 private:
  // Rows [begin, end) with ascending positions.
  struct Run {
    int64_t begin = 0;
    int64_t end = 0;
  };
  int32_t SegmentOf(int32_t token) const;

  const plan::MicroBatch& micro_batch_;
  const int64_t prefix_tokens_;
  int64_t rows_;
  std::vector<int32_t> positions_;
  std::vector<std::vector<Run>> texts_;  // by ascending position
};

}  // namespace koeval::engine
