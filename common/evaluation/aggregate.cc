// Aggregation of a metric over the documents of a task: mean, f1, perplexity, with their errors.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "common/base/check.h"
#include "common/evaluation/metrics.h"
#include "common/evaluation/statistics.h"

namespace koeval::evaluation {
namespace {

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

std::vector<std::pair<int64_t, int64_t>> Pairs(std::span<const DocumentMetric> metrics) {
  std::vector<std::pair<int64_t, int64_t>> out;
  out.reserve(metrics.size());
  for (const DocumentMetric& metric : metrics) out.emplace_back(metric.gold, metric.predicted);
  return out;
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

Status AggregateF1(const TaskConfig& config, std::string_view aggregation,
                   std::span<const DocumentMetric> values, MetricValue& out) {
  const auto pairs = Pairs(values);
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

Result<MetricValue> AggregateMetric(const TaskConfig& config, const MetricConfig& metric,
                                    std::span<const DocumentMetric> values) {
  KOEVAL_CHECK(!values.empty(), "a metric needs documents");
  MetricValue out;
  out.metric = metric.metric;
  out.higher_is_better = metric.higher_is_better;
  if (metric.metric == "f1") {
    const std::string aggregation = metric.aggregation.empty() ? "f1" : metric.aggregation;
    RETURN_IF_ERROR(AggregateF1(config, aggregation, values, out));
    return out;
  }
  const std::vector<double> reals = Values(values);
  if (metric.metric == "perplexity") {
    out.value = Perplexity(reals);
    out.stderr_value = BootstrapOf(reals, Perplexity);
  } else {
    out.value = Mean(reals);
    out.stderr_value = MeanStderr(reals);
  }
  return out;
}

}  // namespace koeval::evaluation
