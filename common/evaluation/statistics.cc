// Statistics: summation orders, standard errors, the bootstrap.
#include "common/evaluation/statistics.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <thread>
#include <vector>

#include "common/base/check.h"
#include "common/evaluation/python_random.h"

namespace koeval::evaluation {
namespace {

constexpr size_t kNumpyLanes = 8;
constexpr size_t kNumpyBlock = 128;
constexpr size_t kBootstrapChunkSizeMax = 1000;
constexpr size_t kBootstrapThreadsMax = 16;

// One block of at most kNumpyBlock values, at least kNumpyLanes.
double SumInLanes(std::span<const double> values) {
  std::array<double, kNumpyLanes> lanes;
  std::copy_n(values.begin(), kNumpyLanes, lanes.begin());
  const size_t whole = values.size() - values.size() % kNumpyLanes;
  for (size_t at = kNumpyLanes; at < whole; at += kNumpyLanes) {
    for (size_t lane = 0; lane < kNumpyLanes; ++lane) lanes[lane] += values[at + lane];
  }
  double sum = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) +
               ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
  for (size_t at = whole; at < values.size(); ++at) sum += values[at];
  return sum;
}

void RunChunk(size_t chunk, size_t items, const ResampleStatistic& statistic,
              std::span<double> out) {
  PythonRandom random(static_cast<int64_t>(chunk));
  std::vector<uint32_t> indices(items);
  for (double& replicate : out) {
    for (uint32_t& index : indices) {
      index = static_cast<uint32_t>(random.Random() * static_cast<double>(items));
    }
    replicate = statistic(indices);
  }
}

}  // namespace

double LeftToRightSum(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

double NumpySum(std::span<const double> values) {
  if (values.size() < kNumpyLanes) return LeftToRightSum(values);
  if (values.size() <= kNumpyBlock) return SumInLanes(values);
  size_t half = values.size() / 2;
  half -= half % kNumpyLanes;
  return NumpySum(values.first(half)) + NumpySum(values.subspan(half));
}

double Mean(std::span<const double> values) {
  KOEVAL_CHECK(!values.empty(), "a mean needs values");
  return LeftToRightSum(values) / static_cast<double>(values.size());
}

double SampleStddev(std::span<const double> values) {
  KOEVAL_CHECK(values.size() >= 2, "a sample deviation needs two values");
  const double mean = Mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

std::optional<double> MeanStderr(std::span<const double> values) {
  if (values.size() < 2) return std::nullopt;
  return SampleStddev(values) / std::sqrt(static_cast<double>(values.size()));
}

std::optional<double> BootstrapStderr(size_t items, const ResampleStatistic& statistic,
                                      size_t resamples) {
  const size_t size = std::min(resamples, kBootstrapChunkSizeMax);
  KOEVAL_CHECK(resamples >= 2 && resamples % size == 0, "resamples fill their chunks");
  if (items < 2) return std::nullopt;
  std::vector<double> replicates(resamples);
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t chunk = next++; chunk < resamples / size; chunk = next++) {
      RunChunk(chunk, items, statistic, std::span(replicates).subspan(chunk * size, size));
    }
  };
  const size_t threads =
      std::clamp<size_t>(std::thread::hardware_concurrency(), 1, kBootstrapThreadsMax);
  {
    std::vector<std::jthread> helpers;
    for (size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
    work();
  }
  return SampleStddev(replicates);
}

std::optional<double> PooledStderr(std::span<const std::optional<double>> errors,
                                   std::span<const int64_t> sizes) {
  KOEVAL_CHECK(errors.size() == sizes.size(), "one size for each error");
  double squares = 0;
  double total = 0;
  for (size_t i = 0; i < errors.size(); ++i) {
    if (!errors[i]) return std::nullopt;
    const double size = static_cast<double>(sizes[i]);
    squares += (size - 1) * *errors[i] * *errors[i] * size;
    total += size;
  }
  const double freedom = total - static_cast<double>(sizes.size());
  if (freedom <= 0) return std::nullopt;
  return std::sqrt(squares / freedom / total);
}

std::optional<double> PlainStderr(std::span<const std::optional<double>> errors) {
  KOEVAL_CHECK(!errors.empty(), "a mean needs values");
  double squares = 0;
  for (const std::optional<double>& error : errors) {
    if (!error) return std::nullopt;
    squares += *error * *error;
  }
  return std::sqrt(squares) / static_cast<double>(errors.size());
}

}  // namespace koeval::evaluation
