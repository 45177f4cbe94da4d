// What `koeval eval` leaves in its output folder, for tests that compare it with the queue's.
#pragma once

#include <map>
#include <string>

#include "common/base/json.h"

namespace koeval::integration {

// The results, and the sample lines of each task by its name.
struct EvalFiles {
  Json results;
  std::map<std::string, std::string> samples;
};

// Reads every file below `folder`; what cannot be read fails the test.
EvalFiles ReadEvalFiles(const std::string& folder);

// Everything of two result files that times, names and devices do not decide is equal.
void ExpectSameScores(const Json& queue, const Json& eval);

}  // namespace koeval::integration
