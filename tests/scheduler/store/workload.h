// A scripted use of a store, and the check of what must be left of it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "scheduler/core/records.h"

namespace koeval::store {

// Commit `i` (from 1): an event, a batch, a new request, a changed one, a lease for the one before,
// and a named value, which all say `i`.
std::vector<core::Mutation> CommitOf(int64_t i);

inline constexpr int64_t kWorkloadCommits = 8;
// Opens the database, commits, closes it, which checkpoints, and does so again until
// kWorkloadCommits are done; calls `acked(i)` after commit i. The first error ends it.
Status RunWorkload(const std::string& path, const std::string& vfs,
                   const std::function<void(int64_t)>& acked);

// The database at `path` opens and holds the commits 1 to k whole and nothing else, for one k with
// acked <= k <= most; `what` is printed otherwise. REQUIRES: nobody has it open.
void ExpectWholeCommits(const std::string& path, int64_t acked, int64_t most,
                        const std::string& what);

}  // namespace koeval::store
