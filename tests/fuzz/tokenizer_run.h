// What the fuzzers of a tokenizer's files share: loading the folder, and encoding and decoding.
#pragma once

#include <string_view>

#include "tests/fuzz/fuzz_util.h"

namespace koeval::fuzz {

// Loads the tokenizer of `folder` and runs `text` through it, and all its ids. `options`: the
// generation, 4 or 5, a space, and the model type. Aborts when a promise of tokenizer.h is broken.
void RunTokenizer(const ScratchFolder& folder, std::string_view options, std::string_view text);

}  // namespace koeval::fuzz
