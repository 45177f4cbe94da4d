// Sorted sequences stand for the trie: neighbours share the start that their paths share, so that
// no node is ever built and memory stays linear in the number of sequences.
#include "worker/plan/plan.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <numeric>
#include <string_view>

#include "common/base/check.h"
#include "common/base/sha256.h"
#include "worker/plan/pack.h"

namespace koeval::plan {
namespace {

using evaluation::RequestKind;

// Part of the digest: grows when the same sequences and limits give other batches than before.
constexpr int64_t kPlanVersion = 1;
// What one more batch (a reply, a commit, a forward of the prefix) or forward costs, in tokens:
// weighs short batches against tokens that run again behind a cut.
constexpr int64_t kCutTokens = 64;
// A batch is cut no earlier than at this part of its budget, so that work per path is bounded.
constexpr int64_t kLeastFill = 8;

Status CheckPurpose(std::span<const Sequence> sequences, const Purpose& purpose) {
  const bool rolling = purpose.kind == RequestKind::kLoglikelihoodRolling;
  if (purpose.windows.size() != (rolling ? sequences.size() : 0)) {
    return InvalidArgument(
        fmt::format("{} windows for {} sequences", purpose.windows.size(), sequences.size()));
  }
  const int64_t tokens = purpose.generation.max_tokens;
  if (purpose.kind == RequestKind::kGenerate && (tokens < 1 || tokens > INT32_MAX / 2)) {
    return InvalidArgument(fmt::format("{} new tokens", tokens));
  }
  return OkStatus();
}

Status CheckInput(std::span<const Sequence> sequences, const Limits& limits) {
  if (limits.micro_batch_tokens < 1 || limits.batch_tokens < 1 || limits.prefix_tokens_min < 1 ||
      limits.generate_tokens < 1) {
    return InvalidArgument("plan limits must all be at least 1");
  }
  if (sequences.size() > static_cast<size_t>(INT32_MAX)) {
    return InvalidArgument(fmt::format("{} requests in one task; split it", sequences.size()));
  }
  for (size_t i = 0; i < sequences.size(); ++i) {
    const Sequence& s = sequences[i];
    if (s.targets.empty() || s.targets.size() > s.input.size()) {
      return InvalidArgument(fmt::format("request {}: {} targets for {} input tokens", i,
                                         s.targets.size(), s.input.size()));
    }
    if (s.input.size() > static_cast<size_t>(INT32_MAX) / 2) {
      return InvalidArgument(fmt::format("request {}: {} input tokens", i, s.input.size()));
    }
  }
  return OkStatus();
}

void AddIds(Sha256& hash, std::span<const int32_t> ids) {
  static_assert(std::endian::native == std::endian::little, "ids are hashed as they lie in memory");
  hash.AddInt(static_cast<int64_t>(ids.size()));
  hash.Add({reinterpret_cast<const char*>(ids.data()), ids.size_bytes()});
}

// Nothing for plain log-likelihoods: their digests are older than the other kinds.
void AddPurpose(Sha256& hash, const Purpose& purpose, const Limits& limits) {
  if (purpose.kind == RequestKind::kLoglikelihoodRolling) {
    hash.Add("rolling");
    for (const Window& window : purpose.windows) {
      hash.AddInt(window.request);
      hash.AddInt(window.index);
      hash.AddInt(window.count);
    }
  }
  if (purpose.kind == RequestKind::kGenerate) {
    hash.Add("generate");
    hash.AddInt(limits.generate_tokens);
    hash.AddInt(purpose.generation.max_tokens);
    hash.AddInt(static_cast<int64_t>(purpose.generation.until.size()));
    for (const std::string& stop : purpose.generation.until) hash.Add(stop);
  }
}

std::string Digest(std::span<const Sequence> sequences, const Limits& limits,
                   const Purpose& purpose) {
  Sha256 hash;
  hash.Add("koeval plan");
  hash.AddInt(kPlanVersion);
  hash.AddInt(limits.micro_batch_tokens);
  hash.AddInt(limits.batch_tokens);
  hash.AddInt(limits.prefix_tokens_min);
  hash.AddInt(static_cast<int64_t>(sequences.size()));
  for (const Sequence& s : sequences) {
    AddIds(hash, s.input);
    AddIds(hash, s.targets);
  }
  AddPurpose(hash, purpose, limits);
  return hash.FinishHex();
}

int32_t SharedStart(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<int32_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                              a.begin());
}

// Request indices sorted by input; equal inputs in request order.
std::vector<int32_t> SortRequests(std::span<const Sequence> sequences) {
  std::vector<int32_t> order(sequences.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    const auto& x = sequences[static_cast<size_t>(a)].input;
    const auto& y = sequences[static_cast<size_t>(b)].input;
    const auto [px, py] = std::mismatch(x.begin(), x.end(), y.begin(), y.end());
    if (px != x.end() && py != y.end()) return *px < *py;
    if (x.size() != y.size()) return x.size() < y.size();
    return a < b;
  });
  return order;
}

std::vector<Path> FindPaths(std::span<const Sequence> sequences, std::span<const int32_t> order) {
  std::vector<Path> paths;
  for (size_t i = 0; i < order.size(); ++i) {
    const std::span<const int32_t> input = sequences[static_cast<size_t>(order[i])].input;
    int32_t shared = 0;
    if (!paths.empty()) {
      Path& last = paths.back();
      shared = SharedStart(last.input, input);
      if (last.input.size() == input.size() && static_cast<size_t>(shared) == input.size()) {
        ++last.request_count;
        continue;
      }
    }
    paths.push_back({.input = input,
                     .shared = shared,
                     .first_request = static_cast<int32_t>(i),
                     .request_count = 1});
  }
  return paths;
}

// Tokens that `path` adds behind the path before it, or as the first of a run, without `prefix`.
int64_t Added(const Path& path, bool first, int32_t prefix) {
  const int32_t from = first ? prefix : std::max(path.shared, prefix);
  return static_cast<int64_t>(path.input.size()) - from;
}

// Which of two cuts wastes less: `waste` extra tokens for `tokens` that run. Exact, in integers.
struct Cut {
  size_t end = 0;
  int64_t waste = 0;
  int64_t tokens = 0;
  bool BetterThan(const Cut& other) const {
    return other.end == 0 || waste * other.tokens <= other.waste * tokens;
  }
};

// End of the micro-batch that starts at path `begin`: within the budget, where the least is run
// again, the latest of equals. At least one path with a token of its own.
size_t MicroBatchEnd(std::span<const Path> paths, size_t begin, int32_t prefix, int64_t budget) {
  Cut best;
  int64_t tokens = 0;
  for (size_t end = begin + 1; end <= paths.size(); ++end) {
    tokens += Added(paths[end - 1], end - 1 == begin, prefix);
    if (tokens > budget && best.end != 0) break;
    if (tokens == 0) continue;
    const int64_t again = end == paths.size() ? 0 : std::max(paths[end].shared - prefix, 0);
    const Cut cut{.end = end, .waste = again + kCutTokens, .tokens = tokens};
    if (cut.BetterThan(best)) best = cut;
  }
  return best.end == 0 ? paths.size() : best.end;
}

// The start that a batch of these paths keeps apart, or 0.
int32_t UsablePrefix(int32_t shared, const Limits& limits) {
  return shared >= limits.prefix_tokens_min ? shared : 0;
}

// End of the batch that starts at path `begin`, each path of which may become `new_tokens` longer.
// The waste of a cut is what the next batch runs again, and what this one's micro-batches run again
// when no prefix is kept for them.
size_t BatchEnd(std::span<const Path> paths, size_t begin, const Limits& limits,
                int64_t new_tokens) {
  const int64_t budget = new_tokens > 0 ? limits.generate_tokens : limits.batch_tokens;
  Cut best;
  int64_t tokens = 0;
  int32_t shared = INT32_MAX;  // by all paths of the batch
  size_t micro_end = MicroBatchEnd(paths, begin, /*prefix=*/0, limits.micro_batch_tokens);
  int64_t micro_again = 0;
  int64_t micro_cuts = 0;
  for (size_t end = begin + 1; end <= paths.size(); ++end) {
    const bool first = end - 1 == begin;
    tokens += Added(paths[end - 1], first, /*prefix=*/0) + new_tokens;
    if (tokens > budget && !first) {
      if (best.end == 0) best.end = end - 1;
      break;
    }
    if (!first) shared = std::min(shared, paths[end - 1].shared);
    if (end - 1 == micro_end) {
      micro_again += paths[micro_end].shared;
      ++micro_cuts;
      micro_end = MicroBatchEnd(paths, micro_end, /*prefix=*/0, limits.micro_batch_tokens);
    }
    if (tokens * kLeastFill < budget && end != paths.size()) continue;
    const int32_t prefix = first ? 0 : UsablePrefix(shared, limits);
    const int64_t again = end == paths.size() ? 0 : paths[end].shared;
    const Cut cut{.end = end,
                  .waste = kCutTokens + again + micro_again - micro_cuts * prefix,
                  .tokens = tokens};
    if (cut.BetterThan(best)) best = cut;
  }
  KOEVAL_CHECK(best.end > begin, "every batch takes at least one path");
  return best.end;
}

class Builder {
 public:
  Builder(std::span<const Sequence> sequences, const Limits& limits, const Purpose& purpose)
      : sequences_(sequences),
        limits_(limits),
        purpose_(purpose),
        new_tokens_(purpose.kind == RequestKind::kGenerate ? purpose.generation.max_tokens : 0),
        order_(SortRequests(sequences)) {
    paths_ = FindPaths(sequences_, order_);
  }

  Plan Build() {
    Plan plan;
    plan.digest = Digest(sequences_, limits_, purpose_);
    for (const Sequence& s : sequences_) plan.naive_tokens += static_cast<int64_t>(s.input.size());
    for (size_t begin = 0; begin < paths_.size();) {
      const size_t end = BatchEnd(paths_, begin, limits_, new_tokens_);
      plan.batches.push_back(MakeBatch(begin, end));
      const Batch& batch = plan.batches.back();
      const auto prefix = static_cast<int64_t>(batch.prefix.size());
      int64_t packed = 0;
      for (const MicroBatch& m : batch.micro_batches) {
        packed += static_cast<int64_t>(m.tokens.size());
      }
      plan.unique_tokens += prefix + packed;
      const int64_t generated = static_cast<int64_t>(end - begin) * new_tokens_;
      const int64_t copies = static_cast<int64_t>(batch.micro_batches.size()) * prefix;
      const int64_t stored = prefix + (new_tokens_ > 0 ? copies + packed + generated : 0);
      plan.stored_tokens = std::max(plan.stored_tokens, stored);
      begin = end;
    }
    return plan;
  }

 private:
  Batch MakeBatch(size_t begin, size_t end) const {
    Batch batch;
    const auto paths = std::span<const Path>(paths_).subspan(begin, end - begin);
    const int32_t prefix = ChoosePrefix(paths);
    const auto start = paths.front().input.first(static_cast<size_t>(prefix));
    batch.prefix.assign(start.begin(), start.end());
    for (size_t at = 0; at < paths.size();) {
      const size_t stop = MicroBatchEnd(paths, at, prefix, limits_.micro_batch_tokens);
      batch.micro_batches.push_back(Pack({.sequences = sequences_,
                                          .requests = order_,
                                          .paths = paths.subspan(at, stop - at),
                                          .prefix = prefix}));
      at = stop;
    }
    for (const Path& path : paths) {
      const auto first = order_.begin() + path.first_request;
      batch.requests.insert(batch.requests.end(), first, first + path.request_count);
    }
    std::sort(batch.requests.begin(), batch.requests.end());
    return batch;
  }

  // A batch of one forward needs no prefix: there the shared start is a segment like any other.
  int32_t ChoosePrefix(std::span<const Path> paths) const {
    if (MicroBatchEnd(paths, 0, /*prefix=*/0, limits_.micro_batch_tokens) == paths.size()) return 0;
    int32_t shared = INT32_MAX;
    for (const Path& path : paths.subspan(1)) shared = std::min(shared, path.shared);
    return UsablePrefix(shared, limits_);
  }

  const std::span<const Sequence> sequences_;
  const Limits limits_;
  const Purpose& purpose_;
  const int64_t new_tokens_;  // that may follow each path
  const std::vector<int32_t> order_;
  std::vector<Path> paths_;
};

}  // namespace

Result<Plan> BuildPlan(std::span<const Sequence> sequences, const Limits& limits,
                       const Purpose& purpose) {
  RETURN_IF_ERROR(CheckInput(sequences, limits));
  RETURN_IF_ERROR(CheckPurpose(sequences, purpose));
  return Builder(sequences, limits, purpose).Build();
}

}  // namespace koeval::plan
