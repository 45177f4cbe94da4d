// Aggregation of a metric over the documents of a task: mean, f1, perplexity, with their errors.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "common/base/check.h"
#include "common/evaluation/corpus_metrics.h"
#include "common/evaluation/metrics.h"
#include "common/evaluation/statistics.h"

namespace koeval::evaluation {
namespace {

// How often bleu, chrf and ter are resampled, which costs the harness much.
constexpr size_t kCorpusResamples = 100;
constexpr size_t kOldCorpusResamples = 1000;

// What a class counts up to in a set of (gold, predicted) pairs.
struct ClassCounts {
  int64_t both = 0;       // gold and predicted
  int64_t gold = 0;       // gold
  int64_t predicted = 0;  // predicted
};

double ClassF1(const ClassCounts& counts) {
  const int64_t sides = counts.gold + counts.predicted;
  if (sides == 0) return 0;
  return 2.0 * static_cast<double>(counts.both) / static_cast<double>(sides);
}

double Perplexity(std::span<const double> log_likelihoods) {
  return std::exp(-Mean(log_likelihoods));
}

std::vector<double> Values(std::span<const DocumentMetric> metrics) {
  std::vector<double> out;
  out.reserve(metrics.size());
  for (const DocumentMetric& metric : metrics) out.push_back(metric.value);
  return out;
}

using LabelPairs = std::vector<std::pair<int64_t, int64_t>>;

// (gold, predicted) as numbers: of choices their positions, of texts their ranks in sorted order.
LabelPairs Pairs(std::span<const DocumentMetric> metrics) {
  LabelPairs out;
  out.reserve(metrics.size());
  const bool texts = metrics.front().logged.is_array() && metrics.front().logged[0].is_string();
  std::map<std::string, int64_t> ranks;
  for (const DocumentMetric& metric : metrics) {
    if (!texts) break;
    for (const Json& label : metric.logged) ranks.emplace(label.get<std::string>(), 0);
  }
  int64_t next = 0;
  for (auto& [label, rank] : ranks) rank = next++;
  for (const DocumentMetric& metric : metrics) {
    if (texts) {
      out.emplace_back(ranks[metric.logged[0].get<std::string>()],
                       ranks[metric.logged[1].get<std::string>()]);
    } else {
      out.emplace_back(metric.gold, metric.predicted);
    }
  }
  return out;
}

double WeightedMean(std::span<const DocumentMetric> metrics) {
  double value = 0;
  double weight = 0;
  for (const DocumentMetric& metric : metrics) {
    value += metric.value;
    weight += metric.weight;
  }
  return value / weight;
}

double Median(std::span<const double> values) {
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted[sorted.size() / 2];
}

// numpy.nanmean; NaN where every value is.
double NanMean(std::span<const double> values) {
  std::vector<double> numbers(values.begin(), values.end());
  size_t count = 0;
  for (double& value : numbers) {
    count += !std::isnan(value);
    if (std::isnan(value)) value = 0;
  }
  return NumpySum(numbers) / static_cast<double>(count);
}

// Resamples `items` and applies `statistic` to what was drawn.
template <typename Item, typename Statistic>
std::optional<double> BootstrapOf(const std::vector<Item>& items, Statistic statistic) {
  return BootstrapStderr(items.size(), [&](std::span<const uint32_t> indices) {
    std::vector<Item> drawn;
    drawn.reserve(indices.size());
    for (const uint32_t index : indices) drawn.push_back(items[index]);
    return statistic(std::span<const Item>(drawn));
  });
}

Status AggregateF1(const TaskConfig& config, std::string_view aggregation, const LabelPairs& pairs,
                   MetricValue& out) {
  if (aggregation != "f1") {
    out.value = MacroF1(pairs);
    return OkStatus();
  }
  for (const auto& [gold, predicted] : pairs) {
    if (gold < 0 || gold > 1 || predicted > 1) {
      return InvalidArgument(
          fmt::format("task {}, metric_list: aggregation f1 is for two classes, 0 and 1; use "
                      "macro_f1",
                      config.task));
    }
  }
  out.value = BinaryF1(pairs);
  out.stderr_value = BootstrapOf(pairs, BinaryF1);
  return OkStatus();
}

// A metric of (right, generated) texts, which is no mean over them.
void AggregateCorpus(CorpusMetric metric, Profile profile, std::span<const DocumentMetric> values,
                     MetricValue& out) {
  std::vector<std::vector<double>> statistics;
  for (const DocumentMetric& value : values) {
    statistics.push_back(CorpusStatistics(metric, value.logged[1].get_ref<const std::string&>(),
                                          value.logged[0].get_ref<const std::string&>()));
  }
  const auto score = [&](std::span<const uint32_t> documents) {
    std::vector<double> sums(statistics.front().size());
    for (const uint32_t document : documents) {
      for (size_t i = 0; i < sums.size(); ++i) sums[i] += statistics[document][i];
    }
    return CorpusScore(metric, sums);
  };
  std::vector<uint32_t> all(values.size());
  std::iota(all.begin(), all.end(), 0U);
  out.value = score(all);
  out.stderr_value = BootstrapStderr(
      values.size(), score, profile == Profile::kLmEval04 ? kCorpusResamples : kOldCorpusResamples);
}

}  // namespace

double MacroF1(std::span<const std::pair<int64_t, int64_t>> pairs) {
  std::map<int64_t, ClassCounts> classes;  // ordered: sklearn averages over sorted labels
  for (const auto& [gold, predicted] : pairs) {
    ++classes[gold].gold;
    ++classes[predicted].predicted;
    if (gold == predicted) ++classes[gold].both;
  }
  std::vector<double> scores;
  for (const auto& [label, counts] : classes) scores.push_back(ClassF1(counts));
  return NumpySum(scores) / static_cast<double>(scores.size());
}

double BinaryF1(std::span<const std::pair<int64_t, int64_t>> pairs) {
  ClassCounts counts;
  for (const auto& [gold, predicted] : pairs) {
    counts.gold += gold == 1;
    counts.predicted += predicted == 1;
    counts.both += gold == 1 && predicted == 1;
  }
  return ClassF1(counts);
}

double MatthewsCorrelation(std::span<const std::pair<int64_t, int64_t>> pairs) {
  std::map<int64_t, ClassCounts> classes;
  double correct = 0;
  for (const auto& [gold, predicted] : pairs) {
    ++classes[gold].gold;
    ++classes[predicted].predicted;
    correct += gold == predicted;
  }
  const auto total = static_cast<double>(pairs.size());
  double both = 0;
  double gold_squares = 0;
  double predicted_squares = 0;
  for (const auto& [label, counts] : classes) {
    const auto gold = static_cast<double>(counts.gold);
    const auto predicted = static_cast<double>(counts.predicted);
    both += gold * predicted;
    gold_squares += gold * gold;
    predicted_squares += predicted * predicted;
  }
  const double variance = (total * total - predicted_squares) * (total * total - gold_squares);
  return variance == 0 ? 0 : (correct * total - both) / std::sqrt(variance);
}

Result<MetricValue> AggregateMetric(const TaskConfig& config, Profile profile,
                                    const MetricConfig& metric,
                                    std::span<const DocumentMetric> values) {
  KOEVAL_CHECK(!values.empty(), "a metric needs documents");
  MetricValue out;
  out.metric = metric.metric;
  out.higher_is_better = metric.higher_is_better;
  const std::string aggregation = AggregationOf(config, metric);
  if (const auto corpus = ParseCorpusMetric(aggregation)) {
    AggregateCorpus(*corpus, profile, values, out);
    return out;
  }
  if (metric.metric == "f1") {
    RETURN_IF_ERROR(AggregateF1(config, aggregation, Pairs(values), out));
    return out;
  }
  const std::vector<double> reals = Values(values);
  if (aggregation == "matthews_corrcoef") {
    const LabelPairs pairs = Pairs(values);
    out.value = MatthewsCorrelation(pairs);
    out.stderr_value = BootstrapOf(pairs, MatthewsCorrelation);
  } else if (aggregation == "brier_score") {
    const bool even = std::all_of(values.begin(), values.end(), [&](const DocumentMetric& one) {
      return one.weight == values.front().weight;
    });
    if (!even) {
      return InvalidArgument(
          fmt::format("task {}, metric_list: brier_score needs equally many choices in every row",
                      config.task));
    }
    out.value = NumpySum(reals) / static_cast<double>(reals.size());
  } else if (aggregation == "weighted_perplexity") {
    out.value = std::exp(-WeightedMean(values));
  } else if (aggregation == "bits_per_byte") {
    out.value = -WeightedMean(values) / std::log(2.0);
  } else if (aggregation == "perplexity") {
    out.value = Perplexity(reals);
    out.stderr_value = BootstrapOf(reals, Perplexity);
  } else if (aggregation == "median") {
    out.value = Median(reals);
    out.stderr_value = BootstrapOf(reals, Median);
  } else if (aggregation == "nanmean") {
    out.value = NanMean(reals);
    out.stderr_value = BootstrapOf(reals, NanMean);
  } else {
    out.value = Mean(reals);
    out.stderr_value = MeanStderr(reals);
  }
  return out;
}

}  // namespace koeval::evaluation
