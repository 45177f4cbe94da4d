// From text requests to sequences: the harness's pair encoding, BOS rules and left truncation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "common/evaluation/types.h"
#include "common/tokenizer/tokenizer.h"
#include "worker/plan/plan.h"

namespace koeval::plan {

struct EncodeOptions {
  evaluation::Profile profile = evaluation::Profile::kLmEval04;
  int64_t max_length = 0;  // of the model, as evaluation-time rules find it
};

struct Encoded {
  std::vector<Sequence> sequences;  // in request order
  int64_t truncated = 0;            // requests that lost tokens on the left
};

// FAILED_PRECONDITION "EMPTY_CONTINUATION: ..." when a continuation has no token of its own, and
// "CONTEXT_TOO_SHORT: ..." when one is longer than max_length; both name request and document
// index.
Result<Encoded> EncodeRequests(const tokenizer::Tokenizer& tokenizer,
                               std::span<const evaluation::Request> requests,
                               const EncodeOptions& options);

}  // namespace koeval::plan
