// Packing of sorted paths into one forward: depth-first tokens, segments and rows. Internal to
// worker/plan.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worker/plan/plan.h"

namespace koeval::plan {

// One distinct input and the requests that score on it. Paths are sorted lexicographically, so a
// path follows the paths that are prefixes of it and stands next to those that share its start.
struct Path {
  std::span<const int32_t> input;
  int32_t shared = 0;         // tokens in common with the path before it; 0 for the first
  int32_t first_request = 0;  // range in the list of requests that is sorted by path
  int32_t request_count = 0;
};

struct PackInput {
  std::span<const Sequence> sequences;
  std::span<const int32_t> requests;  // request indices; a path names its range of these
  std::span<const Path> paths;        // of this micro-batch
  int32_t prefix = 0;                 // tokens that all paths share and that run elsewhere
};

// The micro-batch of `paths` without their first `prefix` tokens. Rows of positions before `prefix`
// become -1 - position. REQUIRES: paths is not empty; all paths share `prefix` tokens.
MicroBatch Pack(const PackInput& input);

}  // namespace koeval::plan
