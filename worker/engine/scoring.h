// From hidden states to answers: vocabulary rows only where a score needs them.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "common/base/status.h"
#include "worker/engine/decoder.h"
#include "worker/engine/engine.h"

namespace koeval::engine {

// Collects the rows of one batch. Log-probabilities as the harness computes them: log_softmax over
// the whole vocabulary, in float32 or in the model's dtype; a request's sum in float32 (rounded to
// the model's dtype with kAsModel), then double; greedy when every target is the first maximum of
// its row.
class Scorer {
 public:
  // `decoder` must outlive the object.
  Scorer(const Decoder& decoder, LogitsDtype logits_dtype);

  // `prefix` (P, hidden) and `hidden` (T, hidden) are what rows point into; either may be undefined
  // when no row does. Rows of one request come in the order of its targets, over all calls.
  // DATA_LOSS "NUMERICAL_FAULT: ..." naming the request and row, for NaN or infinite logits.
  Status Add(const std::vector<plan::Row>& rows, const at::Tensor& prefix,
             const at::Tensor& hidden);

  // One answer per entry of `requests`. INTERNAL for a request without rows.
  Result<std::vector<Answer>> Finish(std::span<const int32_t> requests) const;

 private:
  struct Tally {
    std::vector<float> log_probabilities;
    bool is_greedy = true;
  };
  struct RowScore {
    float log_probability = 0;
    bool is_greedy = false;
    bool is_finite = false;
  };
  // Scores of rows[i] for each i of `indices`, whose tokens are all in `tokens` (ascending), the
  // rows of `hidden`.
  void ScoreChunk(const std::vector<plan::Row>& rows, std::span<const size_t> indices,
                  std::span<const int32_t> tokens, const at::Tensor& hidden,
                  std::vector<RowScore>& scores) const;

  const Decoder& decoder_;
  const at::ScalarType log_dtype_;
  std::map<int32_t, Tally> tallies_;
};

}  // namespace koeval::engine
