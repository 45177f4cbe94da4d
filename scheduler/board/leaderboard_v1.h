// Result files in the layout that the Open LLM Leaderboard's first version (2023) has: keys
// "harness|<task>|<shots>", metrics without filters, and a row "all".
#pragma once

#include <string>
#include <string_view>

#include "common/base/status.h"

namespace koeval::board {

// How result files are given out.
enum class ResultFormat {
  kStored,         // as they are: scores of ours as lm-evaluation-harness 0.4 writes them
  kLeaderboardV1,  // as ToLeaderboardV1
};

// The result file `text` of `path`, of any version that ParseResultFile reads, in that layout; one
// that has it already is given back byte by byte. Reading the answer gives model, revision,
// precision, date, and per task shots, documents and values with their errors as reading `text`
// does, but:
//   - tasks have the names that the leaderboard knew them by ("arc:challenge", "hendrycksTest-...")
//   - of several filters of one metric the first is given, since a key has no room for a filter
//   - rows of groups are left out; "all" has the plain mean of every metric over the tasks.
// Shots that nobody knows are written as "?", other things that nobody knows as null.
// "n-samples", "date" and our own "koeval" are written besides, where the text has them.
// INVALID_ARGUMENT as ParseResultFile.
Result<std::string> ToLeaderboardV1(std::string_view path, std::string_view text);

}  // namespace koeval::board
