// Result files of other evaluators: what they scored, whatever their version.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/status.h"

namespace koeval::board {

inline constexpr size_t kScoresMax = 20'000;  // of one file

struct ImportedScore {
  std::string task;  // as the file names it, without the leaderboard's "harness|...|25" around it
  std::string metric;
  std::string filter;  // "" where the file's version knows none
  double value = 0;
  std::optional<double> stderr_value;
  std::optional<int64_t> num_fewshot;
  std::optional<int64_t> documents;
};

struct ResultFile {
  std::string model;
  std::string revision;
  std::string precision;
  // "lm-eval-0.4" (metric,filter), "leaderboard" (config_general and harness| keys), or "lm-eval"
  // (the harness before 0.4 and its forks).
  std::string format;
  WallTime date;  // 0: not known
  std::vector<ImportedScore> scores;
};

// Reads a result file of any of those versions; `path` gives the model and the date where the text
// does not. Values that are no numbers are left out. INVALID_ARGUMENT, with the place, for text
// that is no JSON object, has no object "results", has more than kScoresMax scores, or names no
// model.
Result<ResultFile> ParseResultFile(std::string_view path, std::string_view text);

// All of it but model, revision and precision, for ImportRow::facts_json, and back. DATA_LOSS.
std::string ResultFactsJson(const ResultFile& file);
Result<ResultFile> ResultFromFactsJson(std::string_view json);

}  // namespace koeval::board
