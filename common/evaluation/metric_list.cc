// Which metrics a task can have, by its output type, and how they add up.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include "common/evaluation/corpus_metrics.h"
#include "common/evaluation/metrics.h"
#include "common/evaluation/text_metrics.h"

namespace koeval::evaluation {
namespace {

// A metric, and the aggregations that it can have; the first is the default.
struct KnownMetric {
  std::string_view name;
  std::array<std::string_view, 4> aggregations;  // "" marks unused places
};

constexpr std::array<std::string_view, 4> kMeans = {"mean", "median", "nanmean", ""};
constexpr std::array<std::string_view, 4> kF1 = {"f1", "macro_f1", "macro_f1_score", ""};
constexpr std::array<std::string_view, 4> kMcc = {"matthews_corrcoef", "", "", ""};

constexpr std::array<KnownMetric, 8> kChoiceMetrics = {
    {{"acc", kMeans},
     {"f1", kF1},
     {"mcc", kMcc},
     {"acc_norm", kMeans},
     {"acc_bytes", kMeans},
     {"exact_match", kMeans},
     {"brier_score", {"brier_score", "", "", ""}},
     {"acc_mutual_info", kMeans}}};
constexpr std::array<KnownMetric, 2> kLoglikelihoodMetrics = {
    {{"perplexity", {"perplexity", "", "", ""}}, {"acc", kMeans}}};
constexpr std::array<KnownMetric, 3> kRollingMetrics = {
    {{"word_perplexity", {"weighted_perplexity", "", "", ""}},
     {"byte_perplexity", {"weighted_perplexity", "", "", ""}},
     {"bits_per_byte", {"bits_per_byte", "", "", ""}}}};
// Of f1 on texts only the mean over classes exists: scikit-learn's default is for 0 and 1.
constexpr std::array<KnownMetric, 7> kTextMetrics = {
    {{"exact_match", kMeans},
     {"f1", {"macro_f1", "macro_f1_score", "", ""}},
     {"mcc", kMcc},
     {"bleu", {"bleu", "", "", ""}},
     {"chrf", {"chrf", "", "", ""}},
     {"chrf++", {"chrf++", "", "", ""}},
     {"ter", {"ter", "", "", ""}}}};
// With process_results mc2; `acc` is the name that lm-eval 0.4's own task gives to mc2.
constexpr std::array<KnownMetric, 3> kTruthfulMetrics = {
    {{"mc1", kMeans}, {"mc2", kMeans}, {"acc", kMeans}}};

// Metrics of the harness that are not built in, and what to do.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kRefused = {
    {{"likelihood", "is only a list of numbers, whose aggregation would be Python; use acc"},
     {"acc_all", "is only made by Python of the task; use acc"},
     {"bypass", "measures nothing; remove it, and read the texts in the sample log"}}};

// Keys of an entry that the harness hands to functions which take no notice of them.
const std::set<std::string> kHarmlessOptions = {"average", "weight_by_size", "high_is_better",
                                                "weight", "num_classes"};

std::span<const KnownMetric> MetricsFor(const TaskConfig& config) {
  if (IsMc2(config.process_results)) return kTruthfulMetrics;
  switch (config.output_type) {
    case OutputType::kMultipleChoice:
      return kChoiceMetrics;
    case OutputType::kLoglikelihood:
      return kLoglikelihoodMetrics;
    case OutputType::kLoglikelihoodRolling:
      return kRollingMetrics;
    case OutputType::kGenerateUntil:
      return kTextMetrics;
  }
  return {};
}

Status CheckMetric(const TaskConfig& config, const MetricConfig& metric) {
  for (const auto& [name, reason] : kRefused) {
    if (name == metric.metric) {
      return Unimplemented(fmt::format("metric {} {}", metric.metric, reason));
    }
  }
  const auto known = MetricsFor(config);
  const auto found = std::find_if(known.begin(), known.end(), [&](const KnownMetric& candidate) {
    return candidate.name == metric.metric;
  });
  if (found == known.end()) {
    std::vector<std::string_view> names;
    for (const KnownMetric& candidate : known) names.push_back(candidate.name);
    return InvalidArgument(fmt::format("unknown metric \"{}\"; known here: {}", metric.metric,
                                       fmt::join(names, ", ")));
  }
  const auto& fits = found->aggregations;
  if (!metric.aggregation.empty() &&
      std::find(fits.begin(), fits.end(), metric.aggregation) == fits.end()) {
    return InvalidArgument(fmt::format("metric {} cannot have aggregation \"{}\"; use {}",
                                       metric.metric, metric.aggregation, fits[0]));
  }
  if (config.output_type == OutputType::kGenerateUntil && metric.metric == "exact_match") {
    return TextComparison::Make(metric.options).status();
  }
  for (const auto& [key, value] : metric.options.items()) {
    if (!kHarmlessOptions.contains(key) && config.process_results.empty()) {
      const bool of_corpus = ParseCorpusMetric(metric.metric).has_value();
      return InvalidArgument(fmt::format(
          "metric {} does not know \"{}\"{}; remove it", metric.metric, key,
          of_corpus ? ", and the harness computes it with sacrebleu's defaults whatever it says"
                    : ""));
    }
  }
  return OkStatus();
}

}  // namespace

bool IsMc2(std::string_view process_results) {
  return process_results == "mc2" || process_results == "process_results_mc2";
}

std::vector<MetricConfig> DefaultMetrics(OutputType type) {
  const auto list = [](std::vector<std::string> names) {
    std::vector<MetricConfig> out;
    for (std::string& name : names) {
      const bool higher = HigherIsBetter(name);
      out.push_back({std::move(name), "", higher});
    }
    return out;
  };
  switch (type) {
    case OutputType::kMultipleChoice:
      return list({"acc", "acc_norm"});
    case OutputType::kLoglikelihood:
      return list({"perplexity", "acc"});
    case OutputType::kLoglikelihoodRolling:
      return list({"word_perplexity", "byte_perplexity", "bits_per_byte"});
    case OutputType::kGenerateUntil:
      return list({"exact_match"});
  }
  return {};
}

bool HigherIsBetter(std::string_view metric) {
  static constexpr std::array<std::string_view, 6> kLower = {
      "perplexity", "word_perplexity", "byte_perplexity", "bits_per_byte", "brier_score", "ter"};
  return std::find(kLower.begin(), kLower.end(), metric) == kLower.end();
}

std::string AggregationOf(const TaskConfig& config, const MetricConfig& metric) {
  if (!metric.aggregation.empty()) return metric.aggregation;
  for (const KnownMetric& known : MetricsFor(config)) {
    if (known.name == metric.metric) return std::string(known.aggregations[0]);
  }
  return "mean";
}

Status CheckMetrics(const TaskConfig& config) {
  const auto context = [&](const char* key) {
    return fmt::format("task {}, {}", config.task, key);
  };
  if (!config.process_results.empty() && !IsMc2(config.process_results)) {
    return Unimplemented(fmt::format(
        "{}: \"{}\" is Python of the task, which is never run; built in is mc2. Remove the key and "
        "name metrics that are built in under metric_list, or evaluate this task with the harness "
        "itself",
        context("process_results"), config.process_results));
  }
  if (IsMc2(config.process_results) && config.output_type != OutputType::kMultipleChoice) {
    return InvalidArgument(context("process_results") + ": mc2 is for multiple_choice");
  }
  if (config.metrics.empty()) return InvalidArgument(context("metric_list") + ": has no metric");
  std::set<std::string> names;
  for (const MetricConfig& metric : config.metrics) {
    if (!names.insert(metric.metric).second) {
      return InvalidArgument(
          fmt::format("{}: metric {} is listed twice", context("metric_list"), metric.metric));
    }
    const Status status = CheckMetric(config, metric);
    if (!status.ok()) return status.WithContext(context("metric_list"));
  }
  return OkStatus();
}

}  // namespace koeval::evaluation
