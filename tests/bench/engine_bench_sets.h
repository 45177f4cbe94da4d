// What the engine's bench scores: request sets made up to the shape of known tasks, or real ones.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

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

}  // namespace koeval::bench
