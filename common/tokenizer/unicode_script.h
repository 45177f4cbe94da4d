// Scripts of code points, as the reference implementation (Hugging Face tokenizers) knows them.
#pragma once

#include <array>
#include <cstdint>

#include "common/tokenizer/unicode_class.h"

namespace koeval::tokenizer {

// The script of code points that go with every script: the space, and what has no script.
inline constexpr uint8_t kAnyScript = 0;

// A number of the script of every code point; kana count as Han. Built at the first call, lives
// for ever. Thread-safe.
const std::array<uint8_t, kCodePoints>& ScriptTable();

}  // namespace koeval::tokenizer
