// Tokens of texts by the tokenizer of a model's folder, counted in koeval-check: the tokenizer's
// files are a stranger's. The texts may be private: they go through the process's stdin alone, and
// it answers with numbers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/hub/check_process.h"

namespace koeval::hub {

inline constexpr size_t kCountedBytesMax = size_t{64} << 20;  // of all texts as JSON

// In the daemon: runs `process` on `dir`. One number for each text, special tokens of a text
// included. `generation`: evaluation::TokenizerGeneration. RESOURCE_EXHAUSTED: too many bytes;
// FAILED_PRECONDITION: the tokenizer counts none; UNAVAILABLE, DEADLINE_EXCEEDED, CANCELLED. No
// error holds a text.
Result<std::vector<int64_t>> CountTokens(const CheckProcess& process, const std::string& dir,
                                         int generation, const std::vector<std::string>& texts,
                                         const Clock& clock, const std::atomic<bool>& stop);

// In koeval-check: reads the texts from the descriptor `in`; the answer as JSON. Errors as above.
Result<std::string> AnswerTokenCount(const std::string& dir, int generation, int in);

}  // namespace koeval::hub
