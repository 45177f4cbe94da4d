// Tasks of the 2023 harness rebuilt from the public rows that its own golden files were made from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/task.h"

namespace koeval::evaluation {

// The folder of public rows ($KOEVAL_TEST_DATA), or nothing when it is not there.
std::optional<std::string> TestDataFolder();

// Names of the files <name>-v0-loglikelihood and <name>-v0-greedy_until under lm-eval-testdata.
std::vector<std::string> TestdataTaskNames(const std::string& folder);

// The task `name` with its rows, for profile leaderboard-v1 and no shots. gsm8k is a loglikelihood
// task here, of which only the contexts mean something.
Result<Task> MakeTestdataTask(const std::string& folder, const std::string& name);

// Ko-CommonGen v2 with its 847 documents and the pool of five shots, in file order.
Result<Task> MakeKoCommonGen(const std::string& folder);

}  // namespace koeval::evaluation
