// Metrics of generated texts.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "common/base/status.h"
#include "common/evaluation/metrics.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/python_regex.h"

namespace koeval::evaluation {

// exact_match: whether two texts are equal after what its options leave out: patterns first, then
// case, then ASCII punctuation, then the digits 0 to 9. Immutable.
// Source: lm-evaluation-harness 0.4.13, exact_match_hf_evaluate.
class TextComparison {
 public:
  // `options`: regexes_to_ignore, ignore_case, ignore_punctuation, ignore_numbers; null for none.
  // INVALID_ARGUMENT names an option that is not known or a pattern that cannot be read.
  static Result<TextComparison> Make(const Json& options);

  // RESOURCE_EXHAUSTED when a pattern takes too long.
  Result<bool> Equal(const std::string& predicted, const std::string& wanted) const;

 private:
  Result<std::string> Simplify(std::string text) const;

  std::vector<PythonRegex> ignored_;
  bool ignore_case_ = false;
  bool ignore_punctuation_ = false;
  bool ignore_numbers_ = false;
};

// Scores the texts of one task. Immutable; any thread.
class TextScorer {
 public:
  // Errors as TextComparison::Make. REQUIRES: CheckMetrics is ok.
  static Result<TextScorer> Make(const PreparedTask& task);

  // The metrics of `document`, in the task's order, when a filter made `predicted` of its answer:
  // a text, or what it left instead. With several right answers any of them will do.
  // INVALID_ARGUMENT names task, row and field.
  Result<std::vector<DocumentMetric>> Score(const Document& document, const Json& predicted) const;

 private:
  explicit TextScorer(const PreparedTask& task) : task_(&task) {}
  Result<double> ExactMatch(const TextComparison& comparison, const Json& predicted,
                            const Json& wanted) const;

  const PreparedTask* task_;                 // not owned
  std::vector<TextComparison> comparisons_;  // of each exact_match, in the task's order
};

}  // namespace koeval::evaluation
