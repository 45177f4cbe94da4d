// KOEVAL_CHECK: aborts on a broken invariant, in release too. Never for input.
#pragma once

namespace koeval {

// Prints file, line, condition and message to stderr, then aborts.
[[noreturn]] void CheckFailed(const char* file, int line, const char* condition,
                              const char* message);

}  // namespace koeval

#define KOEVAL_CHECK(condition, message)                              \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::koeval::CheckFailed(__FILE__, __LINE__, #condition, message); \
  } while (false)
