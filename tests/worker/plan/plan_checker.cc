// The invariants of a plan.
#include "tests/worker/plan/plan_checker.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace koeval::plan {
namespace {

using testing::AssertionFailure;
using testing::AssertionResult;
using testing::AssertionSuccess;

#define CHECK_THAT(condition) \
  if (!(condition)) return AssertionFailure() << place << ": not " #condition

// The segment that holds packed token `token`.
int32_t SegmentOf(const MicroBatch& m, int32_t token) {
  for (size_t i = 0; i < m.segments.size(); ++i) {
    const Segment& s = m.segments[i];
    if (token >= s.first_token && token < s.first_token + s.token_count) {
      return static_cast<int32_t>(i);
    }
  }
  return -1;
}

// All that packed token `token` sees, itself last.
std::vector<int32_t> Seen(const Batch& batch, const MicroBatch& m, int32_t token) {
  if (token < 0) return {batch.prefix.begin(), batch.prefix.begin() - token};
  std::vector<int32_t> reversed;
  int32_t segment = SegmentOf(m, token);
  int32_t last = token;
  while (segment >= 0) {
    const Segment& s = m.segments[static_cast<size_t>(segment)];
    for (int32_t at = last; at >= s.first_token; --at) {
      reversed.push_back(m.tokens[static_cast<size_t>(at)]);
    }
    segment = s.parent;
    if (segment >= 0) {
      const Segment& p = m.segments[static_cast<size_t>(segment)];
      last = p.first_token + p.token_count - 1;
    }
  }
  std::vector<int32_t> out(batch.prefix.begin(), batch.prefix.end());
  out.insert(out.end(), reversed.rbegin(), reversed.rend());
  return out;
}

AssertionResult SegmentsAreATrie(const Batch& batch, const MicroBatch& m,
                                 const std::string& place) {
  int32_t token = 0;
  std::set<std::pair<int32_t, int32_t>> starts;  // (parent, first token id)
  for (size_t i = 0; i < m.segments.size(); ++i) {
    const Segment& s = m.segments[i];
    CHECK_THAT(s.token_count > 0);
    CHECK_THAT(s.first_token == token);
    CHECK_THAT(s.parent < static_cast<int32_t>(i) && s.parent >= -1);
    auto expected = static_cast<int32_t>(batch.prefix.size());
    if (s.parent >= 0) {
      const Segment& p = m.segments[static_cast<size_t>(s.parent)];
      expected = p.first_position + p.token_count;
    }
    CHECK_THAT(s.first_position == expected);
    for (int32_t k = 0; k < s.token_count; ++k) {
      CHECK_THAT(m.positions[static_cast<size_t>(token + k)] == s.first_position + k);
    }
    CHECK_THAT(starts.insert({s.parent, m.tokens[static_cast<size_t>(token)]}).second);
    token += s.token_count;
  }
  CHECK_THAT(token == static_cast<int32_t>(m.tokens.size()));
  CHECK_THAT(m.tokens.size() == m.positions.size());
  return AssertionSuccess();
}

// Every leaf is the last token of some request, so that nothing runs for nobody; one that is over
// the limit is a single path.
AssertionResult TokensAreNeeded(const MicroBatch& m, const Limits& limits,
                                const std::string& place) {
  std::set<int32_t> parents, row_tokens;
  for (const Segment& s : m.segments) parents.insert(s.parent);
  for (const Row& row : m.rows) row_tokens.insert(row.token);
  size_t leaves = 0;
  for (size_t i = 0; i < m.segments.size(); ++i) {
    if (parents.contains(static_cast<int32_t>(i))) continue;
    ++leaves;
    CHECK_THAT(row_tokens.contains(m.segments[i].first_token + m.segments[i].token_count - 1));
  }
  CHECK_THAT(leaves >= 1);
  CHECK_THAT(leaves == 1 || std::cmp_less_equal(m.tokens.size(), limits.micro_batch_tokens));
  return AssertionSuccess();
}

AssertionResult RowsAnswer(const Batch& batch, const MicroBatch& m,
                           std::span<const Sequence> sequences, std::set<int32_t>& answered,
                           const std::string& place) {
  for (size_t i = 0; i < m.rows.size();) {
    const int32_t request = m.rows[i].request;
    CHECK_THAT(request >= 0 && std::cmp_less(request, sequences.size()));
    CHECK_THAT(i == 0 || m.rows[i - 1].request < request);
    CHECK_THAT(answered.insert(request).second);
    const Sequence& s = sequences[static_cast<size_t>(request)];
    for (size_t t = 0; t < s.targets.size(); ++t, ++i) {
      CHECK_THAT(i < m.rows.size());
      const Row& row = m.rows[i];
      CHECK_THAT(row.request == request);
      CHECK_THAT(row.target == s.targets[t]);
      CHECK_THAT(row.token >= -static_cast<int32_t>(batch.prefix.size()));
      CHECK_THAT(row.token < static_cast<int32_t>(m.tokens.size()));
      const auto length = static_cast<std::ptrdiff_t>(s.input.size() - s.targets.size() + t + 1);
      const std::vector<int32_t> wanted(s.input.begin(), s.input.begin() + length);
      CHECK_THAT(Seen(batch, m, row.token) == wanted);
    }
  }
  return AssertionSuccess();
}

// Nodes of the trie of these requests, counted with a set of all starts.
int64_t TrieTokens(std::span<const int32_t> requests, std::span<const Sequence> sequences) {
  std::map<std::pair<int64_t, int32_t>, int64_t> nodes;  // (parent, token) -> node
  for (const int32_t r : requests) {
    int64_t node = 0;
    for (const int32_t id : sequences[static_cast<size_t>(r)].input) {
      node = nodes.try_emplace({node, id}, static_cast<int64_t>(nodes.size()) + 1).first->second;
    }
  }
  return static_cast<int64_t>(nodes.size());
}

AssertionResult BatchHolds(const Batch& batch, std::span<const Sequence> sequences,
                           const Limits& limits, const Purpose& purpose, const std::string& place) {
  CHECK_THAT(!batch.micro_batches.empty());
  CHECK_THAT(std::is_sorted(batch.requests.begin(), batch.requests.end()));
  std::set<int32_t> answered;
  for (size_t i = 0; i < batch.micro_batches.size(); ++i) {
    const MicroBatch& m = batch.micro_batches[i];
    const std::string inner = place + " micro-batch " + std::to_string(i);
    if (auto r = SegmentsAreATrie(batch, m, inner); !r) return r;
    if (auto r = TokensAreNeeded(m, limits, inner); !r) return r;
    if (auto r = RowsAnswer(batch, m, sequences, answered, inner); !r) return r;
  }
  const std::vector<int32_t> in_order(answered.begin(), answered.end());
  CHECK_THAT(in_order == batch.requests);
  CHECK_THAT(batch.prefix.empty() ||
             std::cmp_greater_equal(batch.prefix.size(), limits.prefix_tokens_min));
  const int64_t trie_tokens = TrieTokens(batch.requests, sequences);
  // What fits in one forward needs no second one for a prefix.
  CHECK_THAT(batch.prefix.empty() || trie_tokens > limits.micro_batch_tokens);
  std::set<std::vector<int32_t>> distinct;
  for (const int32_t r : batch.requests) {
    distinct.insert(sequences[static_cast<size_t>(r)].input);
  }
  const bool generates = purpose.kind == evaluation::RequestKind::kGenerate;
  const int64_t follow =
      generates ? static_cast<int64_t>(distinct.size()) * purpose.generation.max_tokens : 0;
  CHECK_THAT(distinct.size() == 1 ||
             trie_tokens + follow <= (generates ? limits.generate_tokens : limits.batch_tokens));
  return AssertionSuccess();
}

}  // namespace

AssertionResult IsPlanOf(const Plan& plan, std::span<const Sequence> sequences,
                         const Limits& limits, const Purpose& purpose) {
  std::vector<int> times(sequences.size(), 0);
  int64_t naive = 0;
  int64_t ran = 0;
  for (const Sequence& s : sequences) naive += static_cast<int64_t>(s.input.size());
  for (size_t b = 0; b < plan.batches.size(); ++b) {
    const Batch& batch = plan.batches[b];
    if (auto r = BatchHolds(batch, sequences, limits, purpose, "batch " + std::to_string(b)); !r)
      return r;
    for (const int32_t request : batch.requests) ++times[static_cast<size_t>(request)];
    ran += static_cast<int64_t>(batch.prefix.size());
    for (const MicroBatch& m : batch.micro_batches) ran += static_cast<int64_t>(m.tokens.size());
  }
  const std::string place = "plan";
  CHECK_THAT(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
  CHECK_THAT(plan.naive_tokens == naive);
  CHECK_THAT(plan.unique_tokens == ran);
  CHECK_THAT(plan.unique_tokens <= plan.naive_tokens);
  CHECK_THAT(plan.digest.size() == 64);
  return AssertionSuccess();
}

}  // namespace koeval::plan
