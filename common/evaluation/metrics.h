// Metrics: what a document's responses are worth, and how the documents of a task add up.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/evaluation/prepare.h"
#include "common/evaluation/score.h"
#include "common/evaluation/task.h"

namespace koeval::evaluation {

// What one document scored in one metric.
struct DocumentMetric {
  std::string metric;
  Json logged;            // as the harness's sample log shows it: 1.0, 0, [gold, predicted]
  double value = 0;       // what a mean takes; unused where pairs are compared
  double weight = 1;      // words or bytes of a weighted perplexity; classes of brier_score
  int64_t gold = 0;       // of f1 and mcc over choices
  int64_t predicted = 0;  // of f1 and mcc over choices
};

// OK when every metric of `config` is known for its output type, with an aggregation and options
// that fit. INVALID_ARGUMENT names the task, the metric and what is known; UNIMPLEMENTED a metric
// of the harness, or a process_results, that is not built in. Needs no documents.
Status CheckMetrics(const TaskConfig& config);

// The harness's metrics for a task without metric_list.
std::vector<MetricConfig> DefaultMetrics(OutputType type);
// The harness's default of higher_is_better.
bool HigherIsBetter(std::string_view metric);
// The aggregation that `metric` has in `config`: its own or the default.
std::string AggregationOf(const TaskConfig& config, const MetricConfig& metric);
// Whether process_results names TruthfulQA's mc2: "mc2" or the harness's "process_results_mc2".
bool IsMc2(std::string_view process_results);

// The metrics of one document in the harness's order (acc, f1, mcc, acc_norm, acc_bytes,
// exact_match, brier_score, acc_mutual_info for multiple_choice; perplexity, acc for loglikelihood;
// word_perplexity, byte_perplexity, bits_per_byte for loglikelihood_rolling; mc1, mc2 where
// process_results is mc2): those that the task lists, and for multiple_choice under leaderboard-v1
// acc and acc_norm in any case. `responses` are those of `document`, in request order.
// INVALID_ARGUMENT names task, row and field when the row lacks what a metric needs. Texts of rows
// never appear in errors. REQUIRES: not generate_until, which text_metrics.h scores.
// Semantics: lm-evaluation-harness 0.4.13 and, for mc1 and mc2 of profile leaderboard-v1, b281b09.
Result<std::vector<DocumentMetric>> ScoreDocument(const TaskConfig& config, Profile profile,
                                                  const Document& document,
                                                  std::span<const Response> responses);

// One metric over all documents: value and standard error. REQUIRES: `values` is not empty and all
// of them are of `metric`. INVALID_ARGUMENT when the values do not fit the aggregation. The profile
// decides how often bleu, chrf and ter are resampled: 100 times, 1000 under leaderboard-v1.
Result<MetricValue> AggregateMetric(const TaskConfig& config, Profile profile,
                                    const MetricConfig& metric,
                                    std::span<const DocumentMetric> values);

// numpy.argmax: the first NaN if there is one, else the first of the largest. REQUIRES: not empty.
size_t ArgMax(std::span<const double> values);

// sklearn's f1_score over (gold, predicted) pairs: macro over the classes that occur on either
// side, and binary with 1 as the positive class.
double MacroF1(std::span<const std::pair<int64_t, int64_t>> pairs);
double BinaryF1(std::span<const std::pair<int64_t, int64_t>> pairs);

// sklearn's matthews_corrcoef over (gold, predicted) pairs of any classes; 0 where one side has a
// single class.
double MatthewsCorrelation(std::span<const std::pair<int64_t, int64_t>> pairs);

// TruthfulQA's mc2 from the log-likelihoods of a document's choices and their labels (1 = true).
// lm-eval-0.4: probabilities normalised, then those of label 1 summed, in numpy's order.
// leaderboard-v1: the choices before the first label 0 count as true, sums left to right.
// NaN when every probability underflows. REQUIRES: as many labels as values; for leaderboard-v1 a
// label 0.
double Mc2(Profile profile, std::span<const double> log_likelihoods,
           std::span<const int64_t> labels);

}  // namespace koeval::evaluation
