// Which generation of transformers a profile reads tokenizer files by.
#pragma once

#include "common/evaluation/types.h"

namespace koeval::evaluation {

// 5 for lm-eval-0.4, 4 for leaderboard-v1, whose harness was of 2023.
inline int TokenizerGeneration(Profile profile) {
  return profile == Profile::kLmEval04 ? 5 : 4;
}

}  // namespace koeval::evaluation
