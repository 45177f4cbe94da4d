// Vocabulary rows in chunks, reduced at once to what the scores need.
#include "worker/engine/scoring.h"

#include <algorithm>
#include <string>
#include <utility>

namespace koeval::engine {
namespace {

using plan::Row;

// Logits that are in memory at once, as float32.
constexpr int64_t kChunkBytes = int64_t{64} << 20;

at::Tensor Gather(const at::Tensor& source, const std::vector<int64_t>& indices) {
  return source.index_select(0,
                             at::tensor(indices, at::TensorOptions(at::kLong)).to(source.device()));
}

// Hidden states of `tokens`, ascending; negative ones are -1 - index into the prefix.
at::Tensor HiddenRows(std::span<const int32_t> tokens, const at::Tensor& prefix,
                      const at::Tensor& hidden) {
  std::vector<int64_t> in_prefix, in_hidden;
  for (const int64_t token : tokens) {
    if (token < 0) {
      in_prefix.push_back(-1 - token);
    } else {
      in_hidden.push_back(token);
    }
  }
  if (in_prefix.empty()) return Gather(hidden, in_hidden);
  if (in_hidden.empty()) return Gather(prefix, in_prefix);
  return at::cat({Gather(prefix, in_prefix), Gather(hidden, in_hidden)});
}

Status NotFinite(const Row& row, size_t target_index) {
  return DataLoss("NUMERICAL_FAULT: request " + std::to_string(row.request) + ", target " +
                  std::to_string(target_index) +
                  ": the model's logits are NaN or infinite; check the checkpoint, or submit it "
                  "with a wider precision (bfloat16 or float32)");
}

}  // namespace

Scorer::Scorer(const Decoder& decoder, LogitsDtype logits_dtype)
    : decoder_(decoder),
      log_dtype_(logits_dtype == LogitsDtype::kAsModel ? decoder.dtype() : at::kFloat) {}

void Scorer::ScoreChunk(const std::vector<Row>& rows, std::span<const size_t> indices,
                        std::span<const int32_t> tokens, const at::Tensor& hidden,
                        std::vector<RowScore>& scores) const {
  const at::Tensor logits = decoder_.Head(hidden);
  const int64_t vocabulary = logits.size(1);
  const at::Tensor log_softmax = at::log_softmax(logits, -1, log_dtype_);
  std::vector<int64_t> line(indices.size()), places(indices.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    const Row& row = rows[indices[i]];
    line[i] = std::lower_bound(tokens.begin(), tokens.end(), row.token) - tokens.begin();
    places[i] = line[i] * vocabulary + row.target;
  }
  const at::Tensor picked = Gather(log_softmax.view({-1}), places).to(at::kFloat).to(at::kCPU);
  const at::Tensor best = at::argmax(log_softmax, -1).to(at::kCPU);
  // A sum is finite exactly when every term is, and costs one pass.
  const at::Tensor finite = at::isfinite(at::sum(logits, {-1}, false, at::kFloat)).to(at::kCPU);
  for (size_t i = 0; i < indices.size(); ++i) {
    const Row& row = rows[indices[i]];
    scores[indices[i]] = {picked.const_data_ptr<float>()[i],
                          best.const_data_ptr<int64_t>()[line[i]] == row.target,
                          finite.const_data_ptr<bool>()[line[i]]};
  }
}

Status Scorer::Add(const std::vector<Row>& rows, const at::Tensor& prefix,
                   const at::Tensor& hidden) {
  // Rows by token, so that each chunk of hidden states takes one run of them.
  std::vector<size_t> order(rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rows[a].token < rows[b].token; });
  std::vector<int32_t> tokens;
  for (const size_t i : order) {
    if (tokens.empty() || tokens.back() != rows[i].token) tokens.push_back(rows[i].token);
  }
  const int64_t row_bytes = decoder_.spec().vocab_size * int64_t{sizeof(float)};
  const auto chunk = static_cast<size_t>(std::max<int64_t>(1, kChunkBytes / row_bytes));
  std::vector<RowScore> scores(rows.size());
  size_t done = 0;
  for (size_t at = 0; at < tokens.size(); at += chunk) {
    const auto part =
        std::span<const int32_t>(tokens).subspan(at, std::min(chunk, tokens.size() - at));
    size_t end = done;
    while (end < order.size() && rows[order[end]].token <= part.back()) ++end;
    ScoreChunk(rows, std::span<const size_t>(order).subspan(done, end - done), part,
               HiddenRows(part, prefix, hidden), scores);
    done = end;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    Tally& tally = tallies_[rows[i].request];
    if (!scores[i].is_finite) return NotFinite(rows[i], tally.log_probabilities.size());
    tally.log_probabilities.push_back(scores[i].log_probability);
    tally.is_greedy = tally.is_greedy && scores[i].is_greedy;
  }
  return OkStatus();
}

Result<std::vector<Answer>> Scorer::Finish(std::span<const int32_t> requests) const {
  std::vector<Answer> answers;
  for (const int32_t request : requests) {
    const auto at = tallies_.find(request);
    if (at == tallies_.end()) {
      return Internal("plan: request " + std::to_string(request) + " has no rows in its batch");
    }
    const at::Tensor terms =
        at::tensor(at->second.log_probabilities, at::TensorOptions(at::kFloat)).to(log_dtype_);
    answers.push_back({request, at::sum(terms).item<double>(), at->second.is_greedy});
  }
  return answers;
}

}  // namespace koeval::engine
