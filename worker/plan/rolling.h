// Rolling windows: a text of any length cut so that every token is scored once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/plan/plan.h"

namespace koeval::plan {

// The windows of `tokens` (n), in order; none when n is 0. The first has `prefix` in front and the
// first max_length tokens as targets; each later one has the next max_length tokens (the last one
// what is left) after one token of context, and the last is filled up with context from the left.
// No input is longer than max_length. After the harness's get_rolling_token_windows with a context
// of 1 and make_disjoint_window. REQUIRES: max_length >= 1.
std::vector<Sequence> RollingWindows(std::span<const int32_t> tokens, int32_t prefix,
                                     int64_t max_length);

}  // namespace koeval::plan
