// Depth-first linearisation of a run of sorted paths.
#include "worker/plan/pack.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace koeval::plan {
namespace {

// The tokens that one path adds: positions [start, end) of it, packed in one piece from `token`.
struct Run {
  int32_t start = 0;
  int32_t end = 0;
  int32_t token = 0;
  int32_t parent = -1;        // the run that this one branches from, at position `start`
  std::vector<int32_t> cuts;  // positions in (start, end) where later runs branch off, descending
  int32_t first_segment = 0;
};

// Runs with their branch points. A path that adds nothing (it ends within the prefix) has none.
std::vector<Run> FindRuns(const PackInput& input) {
  std::vector<Run> runs;
  std::vector<int32_t> open;  // runs of the current path, root first
  int32_t token = 0;
  for (size_t i = 0; i < input.paths.size(); ++i) {
    const Path& path = input.paths[i];
    const int32_t start = i == 0 ? input.prefix : std::max(path.shared, input.prefix);
    const auto end = static_cast<int32_t>(path.input.size());
    while (!open.empty() && runs[static_cast<size_t>(open.back())].start >= start) open.pop_back();
    if (end <= start) continue;
    Run run;
    run.start = start;
    run.end = end;
    run.token = token;
    if (!open.empty()) {
      run.parent = open.back();
      Run& parent = runs[static_cast<size_t>(run.parent)];
      if (start < parent.end && (parent.cuts.empty() || parent.cuts.back() != start)) {
        parent.cuts.push_back(start);
      }
    }
    open.push_back(static_cast<int32_t>(runs.size()));
    runs.push_back(std::move(run));
    token += end - start;
  }
  return runs;
}

// Index of the segment of `run` that ends at position `at`.
int32_t SegmentEndingAt(const Run& run, int32_t at) {
  if (at == run.end) return run.first_segment + static_cast<int32_t>(run.cuts.size());
  const auto found = std::lower_bound(run.cuts.begin(), run.cuts.end(), at, std::greater<>());
  return run.first_segment + static_cast<int32_t>(run.cuts.end() - found) - 1;
}

void AddSegments(std::vector<Run>& runs, MicroBatch& out) {
  for (Run& run : runs) {
    run.first_segment = static_cast<int32_t>(out.segments.size());
    int32_t parent =
        run.parent < 0 ? -1 : SegmentEndingAt(runs[static_cast<size_t>(run.parent)], run.start);
    int32_t from = run.start;
    const auto add = [&](int32_t to) {
      out.segments.push_back({.parent = parent,
                              .first_token = run.token + (from - run.start),
                              .token_count = to - from,
                              .first_position = from});
      parent = static_cast<int32_t>(out.segments.size()) - 1;
      from = to;
    };
    for (auto cut = run.cuts.rbegin(); cut != run.cuts.rend(); ++cut) add(*cut);
    add(run.end);
  }
}

// Tokens, positions and rows, in one walk that keeps where each position of the current path lies.
void AddTokensAndRows(const PackInput& input, MicroBatch& out) {
  std::vector<int32_t> where;  // position - prefix -> packed token
  for (size_t i = 0; i < input.paths.size(); ++i) {
    const Path& path = input.paths[i];
    const int32_t start = i == 0 ? input.prefix : std::max(path.shared, input.prefix);
    where.resize(static_cast<size_t>(start - input.prefix));
    for (int32_t at = start; at < static_cast<int32_t>(path.input.size()); ++at) {
      where.push_back(static_cast<int32_t>(out.tokens.size()));
      out.tokens.push_back(path.input[static_cast<size_t>(at)]);
      out.positions.push_back(at);
    }
    for (int32_t r = 0; r < path.request_count; ++r) {
      const int32_t request = input.requests[static_cast<size_t>(path.first_request + r)];
      const auto& targets = input.sequences[static_cast<size_t>(request)].targets;
      auto position = static_cast<int32_t>(path.input.size() - targets.size());
      for (const int32_t target : targets) {
        const int32_t token = position < input.prefix
                                  ? -1 - position
                                  : where[static_cast<size_t>(position - input.prefix)];
        out.rows.push_back({.token = token, .target = target, .request = request});
        ++position;
      }
    }
  }
  // Rows of one request stand together in position order already.
  std::stable_sort(out.rows.begin(), out.rows.end(),
                   [](const Row& a, const Row& b) { return a.request < b.request; });
}

}  // namespace

MicroBatch Pack(const PackInput& input) {
  MicroBatch out;
  std::vector<Run> runs = FindRuns(input);
  AddSegments(runs, out);
  AddTokensAndRows(input, out);
  return out;
}

}  // namespace koeval::plan
