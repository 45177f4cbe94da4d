// Metrics of one document, and the check of a task's metric list.
#include "common/evaluation/metrics.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/evaluation/statistics.h"

namespace koeval::evaluation {
namespace {

constexpr std::string_view kMc2 = "mc2";

// A metric, and the aggregations that it can have; the first is the default.
struct KnownMetric {
  std::string_view name;
  std::array<std::string_view, 3> aggregations;  // "" marks unused places
};

// In the order in which the harness reports them.
constexpr std::array<KnownMetric, 5> kChoiceMetrics = {
    {{"acc", {"mean", "", ""}},
     {"f1", {"f1", "macro_f1", "macro_f1_score"}},
     {"acc_norm", {"mean", "", ""}},
     {"acc_bytes", {"mean", "", ""}},
     {"exact_match", {"mean", "", ""}}}};
constexpr std::array<KnownMetric, 2> kLoglikelihoodMetrics = {
    {{"perplexity", {"perplexity", "", ""}}, {"acc", {"mean", "", ""}}}};
// With process_results mc2; `acc` is the name that lm-eval 0.4's own task gives to mc2.
constexpr std::array<KnownMetric, 3> kTruthfulMetrics = {
    {{"mc1", {"mean", "", ""}}, {"mc2", {"mean", "", ""}}, {"acc", {"mean", "", ""}}}};

std::span<const KnownMetric> MetricsFor(const TaskConfig& config) {
  if (config.process_results == kMc2) return kTruthfulMetrics;
  if (config.output_type == OutputType::kLoglikelihood) return kLoglikelihoodMetrics;
  return kChoiceMetrics;
}

// Whether the task's own list has `metric`.
bool Lists(const TaskConfig& config, std::string_view metric) {
  return std::any_of(config.metrics.begin(), config.metrics.end(),
                     [&](const MetricConfig& listed) { return listed.metric == metric; });
}

Status RowError(const TaskConfig& config, const Document& document, std::string_view field,
                std::string_view message) {
  return InvalidArgument(
      fmt::format("task {}, document {}, {}: {}", config.task, document.doc_id, field, message));
}

std::vector<double> LogLikelihoods(std::span<const Response> responses) {
  std::vector<double> values;
  values.reserve(responses.size());
  for (const Response& response : responses) values.push_back(response.log_likelihood);
  return values;
}

// The prediction when each value is divided by `length` of its choice, as a float64.
template <typename Length>
size_t PredictByLength(std::span<const double> values, const std::vector<std::string>& choices,
                       Length length) {
  std::vector<double> scaled(values.begin(), values.end());
  for (size_t i = 0; i < scaled.size(); ++i) scaled[i] /= static_cast<double>(length(choices[i]));
  return ArgMax(scaled);
}

DocumentMetric Real(std::string_view metric, double value) {
  return {std::string(metric), Json(value), value, 0, 0};
}

DocumentMetric Whole(std::string_view metric, bool value) {
  return {std::string(metric), Json(value ? 1 : 0), value ? 1.0 : 0.0, 0, 0};
}

Result<DocumentMetric> PairMetric(const TaskConfig& config, const Document& document,
                                  size_t predicted) {
  if (document.gold.size() != 1) {
    return RowError(config, document, "doc_to_target", "f1 needs exactly one gold index");
  }
  const auto guess = static_cast<int64_t>(predicted);
  return DocumentMetric{"f1", Json::array({document.gold[0], guess}), 0, document.gold[0], guess};
}

// The harness of 2023 reports acc and acc_norm of every multiple-choice task.
bool Wants(const TaskConfig& config, Profile profile, std::string_view metric) {
  if (profile == Profile::kLeaderboardV1 && (metric == "acc" || metric == "acc_norm")) return true;
  return Lists(config, metric);
}

Result<std::vector<DocumentMetric>> ScoreChoices(const TaskConfig& config, Profile profile,
                                                 const Document& document,
                                                 std::span<const Response> responses) {
  if (responses.size() != document.choices.size()) {
    return RowError(
        config, document, "doc_to_choice",
        fmt::format("{} choices have {} responses", document.choices.size(), responses.size()));
  }
  const std::vector<double> values = LogLikelihoods(responses);
  const auto is_gold = [&](size_t choice) {
    return std::find(document.gold.begin(), document.gold.end(), static_cast<int64_t>(choice)) !=
           document.gold.end();
  };
  const size_t predicted = ArgMax(values);
  std::vector<DocumentMetric> out;
  if (Wants(config, profile, "acc")) out.push_back(Real("acc", is_gold(predicted) ? 1.0 : 0.0));
  if (Lists(config, "f1")) {
    ASSIGN_OR_RETURN(DocumentMetric pair, PairMetric(config, document, predicted));
    out.push_back(std::move(pair));
  }
  if (Wants(config, profile, "acc_norm")) {
    const size_t best = PredictByLength(values, document.choices, CountCodePoints);
    out.push_back(Real("acc_norm", is_gold(best) ? 1.0 : 0.0));
  }
  if (Lists(config, "acc_bytes")) {
    const auto bytes = [](const std::string& choice) { return choice.size(); };
    const size_t best = PredictByLength(values, document.choices, bytes);
    out.push_back(Real("acc_bytes", is_gold(best) ? 1.0 : 0.0));
  }
  if (Lists(config, "exact_match")) {
    bool any = false;
    for (size_t i = 0; i < responses.size(); ++i) any |= is_gold(i) && responses[i].is_greedy;
    out.push_back(Whole("exact_match", any));
  }
  return out;
}

// The labels under `field`.labels of the row, each 0 or 1.
Result<std::vector<int64_t>> Labels(const TaskConfig& config, const Document& document,
                                    const std::string& field) {
  const Json* targets = JsonFind(document.doc, field);
  const Json* labels = targets == nullptr ? nullptr : JsonFind(*targets, "labels");
  if (labels == nullptr || !labels->is_array()) {
    return RowError(config, document, field + ".labels", "must be a list of 0 and 1");
  }
  std::vector<int64_t> out;
  for (const Json& label : *labels) {
    if (!label.is_number_integer() || (label != 0 && label != 1)) {
      return RowError(config, document, field + ".labels", "must be a list of 0 and 1");
    }
    out.push_back(label.get<int64_t>());
  }
  return out;
}

// mc1 and mc2 of a TruthfulQA row. The requests are the mc2 choices, or the mc1 choices and then
// the mc2 choices, as the harness of 2023 asks for both at once.
Result<std::vector<DocumentMetric>> ScoreTruthful(const TaskConfig& config, Profile profile,
                                                  const Document& document,
                                                  std::span<const Response> responses) {
  ASSIGN_OR_RETURN(const std::vector<int64_t> labels, Labels(config, document, "mc2_targets"));
  if (labels.size() > responses.size()) {
    return RowError(config, document, "mc2_targets.labels", "must be as many as the choices");
  }
  const std::vector<double> values = LogLikelihoods(responses);
  const std::span<const double> all(values);
  const auto first = all.first(all.size() - labels.size());
  std::vector<DocumentMetric> out;
  if (first.empty() && Lists(config, "mc1")) {
    return RowError(config, document, "doc_to_choice",
                    "metric mc1 needs the choices of mc1_targets before those of mc2_targets");
  }
  if (!first.empty()) {
    ASSIGN_OR_RETURN(const std::vector<int64_t> mc1, Labels(config, document, "mc1_targets"));
    if (mc1.size() != first.size()) {
      return RowError(config, document, "mc2_targets.labels", "must be as many as the choices");
    }
    if (Lists(config, "mc1")) out.push_back(Real("mc1", ArgMax(first) == 0 ? 1.0 : 0.0));
  }
  if (profile == Profile::kLeaderboardV1 &&
      std::find(labels.begin(), labels.end(), 0) == labels.end()) {
    return RowError(config, document, "mc2_targets.labels",
                    "has no label 0, which profile leaderboard-v1 needs");
  }
  const double mc2 = Mc2(profile, all.subspan(first.size()), labels);
  for (const std::string_view name : {"mc2", "acc"}) {
    if (Lists(config, name)) out.push_back(Real(name, mc2));
  }
  return out;
}

}  // namespace

Status CheckMetrics(const TaskConfig& config) {
  if (!config.process_results.empty() && config.process_results != kMc2) {
    return InvalidArgument(
        fmt::format("task {}, process_results: unknown built-in \"{}\"; known: {}", config.task,
                    config.process_results, kMc2));
  }
  if (config.metrics.empty()) {
    return InvalidArgument(fmt::format("task {}, metric_list: has no metric", config.task));
  }
  const auto known = MetricsFor(config);
  for (const MetricConfig& metric : config.metrics) {
    const auto found = std::find_if(known.begin(), known.end(), [&](const KnownMetric& candidate) {
      return candidate.name == metric.metric;
    });
    if (found == known.end()) {
      std::vector<std::string_view> names;
      for (const KnownMetric& candidate : known) names.push_back(candidate.name);
      return InvalidArgument(
          fmt::format("task {}, metric_list: unknown metric \"{}\"; known here: {}", config.task,
                      metric.metric, fmt::join(names, ", ")));
    }
    const auto& fits = found->aggregations;
    if (!metric.aggregation.empty() &&
        std::find(fits.begin(), fits.end(), metric.aggregation) == fits.end()) {
      return InvalidArgument(
          fmt::format("task {}, metric_list: metric {} cannot have aggregation \"{}\"; use {}",
                      config.task, metric.metric, metric.aggregation, fits[0]));
    }
  }
  return OkStatus();
}

Result<std::vector<DocumentMetric>> ScoreDocument(const TaskConfig& config, Profile profile,
                                                  const Document& document,
                                                  std::span<const Response> responses) {
  if (responses.empty()) return RowError(config, document, "doc_to_choice", "has no choices");
  if (config.process_results == kMc2) return ScoreTruthful(config, profile, document, responses);
  if (config.output_type == OutputType::kMultipleChoice) {
    return ScoreChoices(config, profile, document, responses);
  }
  std::vector<DocumentMetric> out;
  if (Lists(config, "perplexity")) {
    out.push_back(Real("perplexity", responses[0].log_likelihood));
  }
  if (Lists(config, "acc")) out.push_back(Whole("acc", responses[0].is_greedy));
  return out;
}

size_t ArgMax(std::span<const double> values) {
  KOEVAL_CHECK(!values.empty(), "argmax needs values");
  size_t best = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) return i;
    if (values[i] > values[best]) best = i;
  }
  return best;
}

double Mc2(Profile profile, std::span<const double> log_likelihoods,
           std::span<const int64_t> labels) {
  KOEVAL_CHECK(log_likelihoods.size() == labels.size(), "one label for each choice");
  std::vector<double> weights;
  for (const double value : log_likelihoods) weights.push_back(std::exp(value));
  if (profile == Profile::kLeaderboardV1) {
    const auto split =
        static_cast<size_t>(std::find(labels.begin(), labels.end(), 0) - labels.begin());
    const std::span<double> true_weights = std::span(weights).first(split);
    const double total = LeftToRightSum(true_weights) +
                         LeftToRightSum(std::span<const double>(weights).subspan(split));
    for (double& weight : true_weights) weight /= total;
    return LeftToRightSum(true_weights);
  }
  const double total = NumpySum(weights);
  std::vector<double> true_shares;
  for (size_t i = 0; i < weights.size(); ++i) {
    if (labels[i] == 1) true_shares.push_back(weights[i] / total);
  }
  return NumpySum(true_shares);
}

}  // namespace koeval::evaluation
