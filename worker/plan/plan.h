// The plan: which tokens run in which forward, decided by the requests alone and never by the
// device.
//
// Requests of one task become sequences of input ids with targets: one each, several windows of one
// text, or a prompt that the model goes on from. Sequences that start alike share
// the start: they form a token trie, which is cut into batches (the unit of execution, durability
// and retry), each made of micro-batches (one forward each). Inside a micro-batch tokens are packed
// without padding; a segment is a run of tokens that sees itself causally and everything on the
// path above it. No tensors here.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/types.h"

namespace koeval::plan {

// The target of a prompt: whatever the model says there is taken.
inline constexpr int32_t kNoTarget = -1;

// One request as the model sees it: after encoding, left truncation and the cut of the last target.
// The rows that matter are the last targets.size() positions of `input`; row i predicts targets[i].
// A prompt has kNoTarget as its only target. REQUIRES: 1 <= targets.size() <= input.size().
struct Sequence {
  std::vector<int32_t> input;
  std::vector<int32_t> targets;
};

// What a sequence of a rolling task is: window `index` of the `count` windows of `request`.
struct Window {
  int32_t request = 0;
  int32_t index = 0;
  int32_t count = 1;
};

// What the sequences of a task are run for. Recorded in the digest.
struct Purpose {
  evaluation::RequestKind kind = evaluation::RequestKind::kLoglikelihood;
  std::vector<Window> windows = {};              // kLoglikelihoodRolling: of each sequence
  evaluation::GenerationLimits generation = {};  // kGenerate
};

// Fixed by request and profile. Recorded in the digest.
struct Limits {
  int32_t micro_batch_tokens = 2048;  // packed tokens of one forward, unless one path needs more
  int32_t batch_tokens = 8192;        // unique tokens of one batch, about
  int32_t prefix_tokens_min = 16;     // a shared start shorter than this is not kept apart
  // Unique tokens of one batch that generates, with all that may follow its prompts: their keys and
  // values are in memory at once.
  int32_t generate_tokens = 16384;
};

// A run of packed tokens. Its first token has position `first_position` in every sequence that goes
// through it. Sees: the batch's prefix (if position of the root > 0), all ancestors, itself
// causally.
struct Segment {
  int32_t parent = -1;  // earlier segment of the same micro-batch, -1 for none (prefix, or nothing)
  int32_t first_token = 0;
  int32_t token_count = 0;
  int32_t first_position = 0;
};

// One vocabulary row that a score needs: the logits after packed token `token`.
struct Row {
  int32_t token = 0;
  int32_t target = 0;
  int32_t request = 0;  // index of the sequence in its task
};

struct MicroBatch {
  std::vector<int32_t> tokens;     // (T)
  std::vector<int32_t> positions;  // (T), path depth including the prefix
  std::vector<Segment> segments;   // depth-first: parents before children
  // Sorted by request, then position. Rows inside the batch's prefix have token = -1 - index, where
  // index counts prefix tokens: the logits after that prefix token.
  std::vector<Row> rows;
};

struct Batch {
  // Runs once, before the micro-batches, which all attend to it. Empty when nothing is shared.
  std::vector<int32_t> prefix;
  std::vector<MicroBatch> micro_batches;
  std::vector<int32_t> requests;  // every sequence that this batch answers completely, ascending
};

struct Plan {
  std::vector<Batch> batches;
  std::string digest;         // SHA-256 of sequences, limits and purpose: equal ones, equal plans
  int64_t naive_tokens = 0;   // sum of input lengths
  int64_t unique_tokens = 0;  // tokens that run, apart from generated ones
  // The most tokens of which one batch keeps keys and values of all layers, as EstimateMemory takes
  // them: its prefix, and when it generates all its tokens and those that may follow, with the
  // prefix once more for each micro-batch.
  int64_t stored_tokens = 0;
};

// Every sequence is answered by exactly one batch; identical sequences run once. INVALID_ARGUMENT
// for an empty target list, more targets than inputs, or windows that are not those of the
// sequences, naming the sequence.
Result<Plan> BuildPlan(std::span<const Sequence> sequences, const Limits& limits,
                       const Purpose& purpose = {});

}  // namespace koeval::plan
