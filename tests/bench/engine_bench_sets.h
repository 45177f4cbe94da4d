// What the engine's bench scores: request sets made up to the shape of known tasks, or real ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/tokenizer/tokenizer.h"
#include "worker/plan/plan.h"

namespace koeval::bench {

struct RequestSet {
  std::string name;
  int64_t documents = 0;
  std::vector<plan::Sequence> sequences;
};

// COPA, 5-shot: shots drawn anew for each document, two choices of several tokens.
RequestSet CopaLike(int64_t documents, int32_t vocabulary, uint64_t seed);
// MMLU, 5-shot: a fixed block of shots per subject, four choices of one token. 20 documents each.
RequestSet MmluLike(int64_t documents, int32_t vocabulary, uint64_t seed);

// Prompts to go on from, a fixed block of shots for all, as GSM8K with its own eight.
RequestSet Gsm8kLike(int64_t documents, int32_t vocabulary, uint64_t seed);

// The requests of task `name` of `tasks_dir` with `shots`, of its first `documents` documents.
Result<RequestSet> FromTask(const std::string& tasks_dir, const std::string& name, int64_t shots,
                            int64_t documents, const tokenizer::Tokenizer& tokenizer);

}  // namespace koeval::bench
