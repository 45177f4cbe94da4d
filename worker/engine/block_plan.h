// Which keys each query of a packed forward sees, cut into blocks that one matrix product each can
// answer. Tensor-free.
//
// Keys lie in one buffer per layer: the batch's prefix (P rows), then the packed tokens (T rows).
// Queries are the packed tokens. A block is a run of queries with the union of their keys as a few
// row ranges of that buffer; a mask removes what a single query does not see.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/status.h"
#include "worker/plan/plan.h"

namespace koeval::engine {

struct KeyRange {
  int64_t begin = 0;  // rows of the key buffer
  int64_t end = 0;
};

struct AttentionBlock {
  int64_t query_begin = 0;  // packed tokens
  int64_t query_end = 0;
  std::vector<KeyRange> keys;  // ascending, disjoint
  int64_t key_count = 0;
  // Columns before `mask_begin` (counting the rows of `keys`) are visible to every query.
  int64_t mask_begin = 0;
  // (query count, key_count - mask_begin), 1 = visible.
  std::vector<uint8_t> mask;
};

// Checks that the tables of `micro_batch` hold together: token and position counts agree, segments
// cover the tokens in order, parents come first, positions follow from them, rows point inside.
// INTERNAL, naming the segment or row, since plans are our own.
Status CheckMicroBatch(const plan::MicroBatch& micro_batch, int64_t prefix_tokens);

// Blocks of at most kQueriesPerBlock queries. `window` as LayerSpec::window. REQUIRES:
// CheckMicroBatch.
std::vector<AttentionBlock> PlanAttention(const plan::MicroBatch& micro_batch,
                                          int64_t prefix_tokens, int64_t window);

// One segment of `token_count` tokens from position 0: what a prefix is to the functions above.
plan::MicroBatch AsMicroBatch(const std::vector<int32_t>& tokens);

}  // namespace koeval::engine
