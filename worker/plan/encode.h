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
  std::vector<Window> windows;      // of EncodeRolling: what each sequence is
  int64_t truncated = 0;            // requests that lost tokens on the left
};

// FAILED_PRECONDITION "EMPTY_CONTINUATION: ..." when a continuation has no token of its own, and
// "CONTEXT_TOO_SHORT: ..." when one is longer than max_length; both name request and document
// index.
Result<Encoded> EncodeRequests(const tokenizer::Tokenizer& tokenizer,
                               std::span<const evaluation::Request> requests,
                               const EncodeOptions& options);

// The windows of each request's continuation behind the prefix token (BOS or EOS, as the profile
// has it). A text without tokens has no window. FAILED_PRECONDITION "BAD_TOKENIZER: ..." when there
// is no prefix token.
Result<Encoded> EncodeRolling(const tokenizer::Tokenizer& tokenizer,
                              std::span<const evaluation::Request> requests,
                              const EncodeOptions& options);

// Each request's context as a prompt, cut on the left so that `max_tokens` new ones fit
// (leaderboard-v1 leaves room for 256 at least, where the model has it). FAILED_PRECONDITION
// "CONTEXT_TOO_SHORT: ..." when max_tokens leave no room for a context, "TASK_INVALID: ..." for a
// context without tokens.
Result<Encoded> EncodePrompts(const tokenizer::Tokenizer& tokenizer,
                              std::span<const evaluation::Request> requests,
                              const EncodeOptions& options, int64_t max_tokens);

}  // namespace koeval::plan
