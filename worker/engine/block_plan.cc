// Blocks of queries, their key ranges and masks.
#include "worker/engine/block_plan.h"

#include <algorithm>
#include <string>
#include <utility>

namespace koeval::engine {
namespace {

// A larger block computes more scores that its mask throws away, a smaller one reads keys more
// often. Part of what fixes the bits of a result.
constexpr int64_t kQueriesPerBlock = 128;
// Ranges closer than this are read as one: a few masked columns cost less than another copy.
constexpr int64_t kRangeGapMax = 32;

using plan::MicroBatch;
using plan::Segment;

std::string Name(const char* what, size_t index) {
  return std::string("plan: ") + what + " " + std::to_string(index);
}

int64_t End(const Segment& segment) {
  return int64_t{segment.first_token} + segment.token_count;
}

// The part of a block that lies in one segment.
struct Piece {
  size_t segment = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

// Cuts the packed tokens into blocks; a segment that fits into one block is not torn apart.
std::vector<std::vector<Piece>> CutBlocks(const MicroBatch& micro_batch) {
  std::vector<std::vector<Piece>> blocks;
  int64_t room = 0;
  for (size_t s = 0; s < micro_batch.segments.size(); ++s) {
    const Segment& segment = micro_batch.segments[s];
    int64_t at = segment.first_token;
    if (segment.token_count > room && segment.token_count <= kQueriesPerBlock) room = 0;
    while (at < End(segment)) {
      if (room == 0) {
        blocks.emplace_back();
        room = kQueriesPerBlock;
      }
      const int64_t count = std::min(room, End(segment) - at);
      blocks.back().push_back({s, at, at + count});
      at += count;
      room -= count;
    }
  }
  return blocks;
}

// Builds one block: first the union of visible rows, then the mask over it.
class BlockBuilder {
 public:
  BlockBuilder(const MicroBatch& micro_batch, int64_t prefix_tokens, int64_t window)
      : micro_batch_(micro_batch), prefix_(prefix_tokens), window_(window) {}

  AttentionBlock Build(const std::vector<Piece>& pieces) const {
    AttentionBlock block;
    block.query_begin = pieces.front().begin;
    block.query_end = pieces.back().end;
    std::vector<KeyRange> ranges;
    for (const Piece& piece : pieces) {
      const int64_t first_position = micro_batch_.positions[static_cast<size_t>(piece.begin)];
      ForEachRange(piece, piece.end, [&](KeyRange range, int64_t position) {
        AddVisible(range, position, first_position, ranges);
      });
    }
    block.keys = Merge(std::move(ranges));
    for (const KeyRange& range : block.keys) block.key_count += range.end - range.begin;
    FillMask(pieces, block);
    return block;
  }

 private:
  // Calls `visit(rows, position of the first row)` for the prefix, the ancestors and the segment of
  // `piece` up to token `end`.
  template <typename Visit>
  void ForEachRange(const Piece& piece, int64_t end, const Visit& visit) const {
    const Segment& own = micro_batch_.segments[piece.segment];
    if (prefix_ > 0) visit(KeyRange{0, prefix_}, 0);
    for (int32_t parent = own.parent; parent >= 0;) {
      const Segment& segment = micro_batch_.segments[static_cast<size_t>(parent)];
      visit(KeyRange{prefix_ + segment.first_token, prefix_ + End(segment)},
            segment.first_position);
      parent = segment.parent;
    }
    visit(KeyRange{prefix_ + own.first_token, prefix_ + end}, own.first_position);
  }

  // `range` without the rows that are outside the window of a query at `position` or later.
  KeyRange InWindow(KeyRange range, int64_t first_position, int64_t position) const {
    if (window_ > 0) {
      const int64_t oldest = position - window_ + 1;
      range.begin = std::max(range.begin, range.begin + oldest - first_position);
    }
    return range;
  }

  void AddVisible(KeyRange range, int64_t first_position, int64_t position,
                  std::vector<KeyRange>& out) const {
    range = InWindow(range, first_position, position);
    if (range.begin < range.end) out.push_back(range);
  }

  static std::vector<KeyRange> Merge(std::vector<KeyRange> ranges) {
    std::sort(ranges.begin(), ranges.end(), [](const KeyRange& a, const KeyRange& b) {
      return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::vector<KeyRange> out;
    for (const KeyRange& range : ranges) {
      if (!out.empty() && range.begin <= out.back().end + kRangeGapMax) {
        out.back().end = std::max(out.back().end, range.end);
      } else {
        out.push_back(range);
      }
    }
    return out;
  }

  void FillMask(const std::vector<Piece>& pieces, AttentionBlock& block) const {
    const auto columns = static_cast<size_t>(block.key_count);
    std::vector<uint8_t> mask(static_cast<size_t>(block.query_end - block.query_begin) * columns);
    for (const Piece& piece : pieces) {
      for (int64_t token = piece.begin; token < piece.end; ++token) {
        uint8_t* row = mask.data() + static_cast<size_t>(token - block.query_begin) * columns;
        const int64_t position = micro_batch_.positions[static_cast<size_t>(token)];
        ForEachRange(piece, token + 1, [&](KeyRange range, int64_t first_position) {
          MarkColumns(InWindow(range, first_position, position), block.keys, row);
        });
      }
    }
    DropVisibleColumns(mask, columns, block);
  }

  static void MarkColumns(KeyRange range, const std::vector<KeyRange>& keys, uint8_t* row) {
    int64_t column = 0;
    for (const KeyRange& key : keys) {
      const int64_t begin = std::max(range.begin, key.begin);
      const int64_t end = std::min(range.end, key.end);
      if (begin < end) {
        std::fill(row + column + begin - key.begin, row + column + end - key.begin, uint8_t{1});
      }
      column += key.end - key.begin;
    }
  }

  // Keeps the columns from the first one that some query does not see.
  static void DropVisibleColumns(const std::vector<uint8_t>& mask, size_t columns,
                                 AttentionBlock& block) {
    size_t first = columns;
    for (size_t at = 0; at < mask.size(); at += columns) {
      const auto row = mask.begin() + static_cast<std::ptrdiff_t>(at);
      const auto hidden = std::find(row, row + static_cast<std::ptrdiff_t>(first), uint8_t{0});
      first = static_cast<size_t>(hidden - row);
    }
    block.mask_begin = static_cast<int64_t>(first);
    if (first == columns) return;
    for (size_t at = 0; at < mask.size(); at += columns) {
      block.mask.insert(block.mask.end(), mask.begin() + static_cast<std::ptrdiff_t>(at + first),
                        mask.begin() + static_cast<std::ptrdiff_t>(at + columns));
    }
  }

  const MicroBatch& micro_batch_;
  const int64_t prefix_;
  const int64_t window_;
};

Status CheckSegment(const MicroBatch& micro_batch, size_t index, int64_t expected_first,
                    int64_t prefix_tokens) {
  const Segment& segment = micro_batch.segments[index];
  const std::string name = Name("segment", index);
  if (segment.first_token != expected_first || segment.token_count <= 0 ||
      End(segment) > static_cast<int64_t>(micro_batch.tokens.size())) {
    return Internal(name + " does not follow the one before it");
  }
  int64_t position = prefix_tokens;
  if (segment.parent >= 0) {
    if (static_cast<size_t>(segment.parent) >= index) {
      return Internal(name + " comes before its parent");
    }
    const Segment& parent = micro_batch.segments[static_cast<size_t>(segment.parent)];
    position = int64_t{parent.first_position} + parent.token_count;
  }
  if (segment.first_position != position) {
    return Internal(name + " has a position that does not follow from its path");
  }
  for (int64_t i = 0; i < segment.token_count; ++i) {
    if (micro_batch.positions[static_cast<size_t>(segment.first_token + i)] != position + i) {
      return Internal(name + " has tokens whose positions do not ascend");
    }
  }
  return OkStatus();
}

}  // namespace

Status CheckMicroBatch(const MicroBatch& micro_batch, int64_t prefix_tokens) {
  if (micro_batch.tokens.size() != micro_batch.positions.size()) {
    return Internal("plan: tokens and positions differ in number");
  }
  const auto tokens = static_cast<int64_t>(micro_batch.tokens.size());
  int64_t next = 0;
  for (size_t i = 0; i < micro_batch.segments.size(); ++i) {
    RETURN_IF_ERROR(CheckSegment(micro_batch, i, next, prefix_tokens));
    next = End(micro_batch.segments[i]);
  }
  if (next != tokens) return Internal("plan: the segments do not cover the tokens");
  for (size_t i = 0; i < micro_batch.rows.size(); ++i) {
    const int64_t token = micro_batch.rows[i].token;
    if (token >= tokens || token < -prefix_tokens) {
      return Internal(Name("row", i) + " points to no token");
    }
  }
  return OkStatus();
}

std::vector<AttentionBlock> PlanAttention(const MicroBatch& micro_batch, int64_t prefix_tokens,
                                          int64_t window) {
  const BlockBuilder builder(micro_batch, prefix_tokens, window);
  std::vector<AttentionBlock> out;
  for (const std::vector<Piece>& pieces : CutBlocks(micro_batch)) {
    out.push_back(builder.Build(pieces));
  }
  return out;
}

MicroBatch AsMicroBatch(const std::vector<int32_t>& tokens) {
  MicroBatch out;
  out.tokens = tokens;
  for (size_t i = 0; i < tokens.size(); ++i) out.positions.push_back(static_cast<int32_t>(i));
  out.segments.push_back({-1, 0, static_cast<int32_t>(tokens.size()), 0});
  return out;
}

}  // namespace koeval::engine
