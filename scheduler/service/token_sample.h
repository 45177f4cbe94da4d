// How many tokens the prompts of a suite have, from a seeded sample of its documents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "scheduler/service/prepared.h"

namespace koeval::service {

// Texts of the sample: whole documents with all their requests, context and continuation of each.
// Private rows may be among them: they stay in this process's memory and go to koeval-check alone.
struct TokenSample {
  struct Task {
    size_t texts = 0;  // of this task
    int64_t sampled_bytes = 0;
    int64_t all_bytes = 0;
    bool is_whole = false;  // every document is in the sample
  };
  std::vector<std::string> texts;  // task after task
  std::vector<Task> tasks;         // as PreparedSuite::tasks
};

// About `bytes_max` of text: an equal share for each task, one document at least. The same for the
// same suite on every call.
TokenSample SampleTokens(const PreparedSuite& suite, size_t bytes_max);

struct TaskTokens {
  int64_t tokens = 0;     // of all its requests
  bool is_exact = false;  // none was left out
};
// `counted`: of each text of the sample. A task's other texts are taken to have as many tokens for
// a byte as those.
std::vector<TaskTokens> TokensOf(const TokenSample& sample, std::span<const int64_t> counted);

}  // namespace koeval::service
