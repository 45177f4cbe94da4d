// Batches by the range of their inputs.
#include "worker/engine/rope_range.h"

#include <algorithm>
#include <map>
#include <utility>

namespace koeval::engine {
namespace {

using model::RopeRange;
using plan::Batch;
using plan::MicroBatch;
using plan::Row;

int64_t PositionOf(const Row& row, const MicroBatch& micro_batch) {
  if (row.token < 0) return int64_t{-1} - row.token;
  return micro_batch.positions[static_cast<size_t>(row.token)];
}

// Length of each request's input: its last row is that of its last token.
std::map<int32_t, int64_t> InputLengths(const Batch& batch) {
  std::map<int32_t, int64_t> out;
  for (const MicroBatch& micro_batch : batch.micro_batches) {
    for (const Row& row : micro_batch.rows) {
      int64_t& length = out[row.request];
      length = std::max(length, PositionOf(row, micro_batch) + 1);
    }
  }
  return out;
}

// `batch` with the rows and requests of `range` only; micro-batches that have no such row are left
// out.
Batch Restrict(const Batch& batch, const std::map<int32_t, int64_t>& lengths,
               int64_t original_length, RopeRange range) {
  const auto belongs = [&](int32_t request) {
    const auto at = lengths.find(request);
    return RangeOf(at == lengths.end() ? 0 : at->second, original_length) == range;
  };
  Batch out;
  out.prefix = batch.prefix;
  for (const int32_t request : batch.requests) {
    if (belongs(request)) out.requests.push_back(request);
  }
  for (const MicroBatch& whole : batch.micro_batches) {
    std::vector<Row> rows;
    for (const Row& row : whole.rows) {
      if (belongs(row.request)) rows.push_back(row);
    }
    if (rows.empty()) continue;
    MicroBatch part = whole;
    part.rows = std::move(rows);
    out.micro_batches.push_back(std::move(part));
  }
  return out;
}

}  // namespace

int64_t OriginalLength(const model::DecoderSpec& spec) {
  for (const model::RopeSpec& rope : spec.ropes) {
    if (rope.kind == model::RopeKind::kLongRope) {
      return static_cast<int64_t>(rope.original_positions);
    }
  }
  return 0;
}

RopeRange RangeOf(int64_t length, int64_t original_length) {
  const bool extended = original_length > 0 && length > original_length;
  return extended ? RopeRange::kExtended : RopeRange::kOriginal;
}

std::vector<RangePart> SplitByRange(const Batch& batch, int64_t original_length) {
  const std::map<int32_t, int64_t> lengths =
      original_length > 0 ? InputLengths(batch) : std::map<int32_t, int64_t>{};
  std::vector<RangePart> out;
  for (const RopeRange range : {RopeRange::kOriginal, RopeRange::kExtended}) {
    Batch part = Restrict(batch, lengths, original_length, range);
    if (!part.requests.empty()) out.push_back({range, std::move(part)});
  }
  return out;
}

}  // namespace koeval::engine
