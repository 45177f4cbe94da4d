// Sums, means and standard errors in the order in which the harness's Python adds them up.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

namespace koeval::evaluation {

// sum(values) of Python before 3.12: left to right, starting at 0.
double LeftToRightSum(std::span<const double> values);

// numpy.sum of a contiguous float64 array: below 8 values left to right, up to 128 in eight lanes,
// above that by halves.
double NumpySum(std::span<const double> values);

// LeftToRightSum / n. REQUIRES: values is not empty.
double Mean(std::span<const double> values);

// sqrt(sum of squared deviations / (n - 1)). REQUIRES: at least two values.
double SampleStddev(std::span<const double> values);

// SampleStddev / sqrt(n); nothing below two values.
std::optional<double> MeanStderr(std::span<const double> values);

// A statistic of a resample, which is given as indices into the items that were observed.
using ResampleStatistic = std::function<double(std::span<const uint32_t>)>;

// The harness's bootstrap: `resamples` of n items out of n in chunks of at most 1000, chunk i drawn
// with CPython's Random(i).choices; the sample standard deviation over all of them. Nothing below
// two items. `statistic` is called from several threads at once; the result does not depend on
// them. REQUIRES: resamples is 2 or more, and a multiple of 1000 above that.
inline constexpr size_t kBootstrapResamples = 100'000;
std::optional<double> BootstrapStderr(size_t items, const ResampleStatistic& statistic,
                                      size_t resamples = kBootstrapResamples);

// Standard error of the mean over everything in several groups, from theirs (pooled variance), as
// the harness does for groups weighted by size. Nothing when any group has no error, or when there
// is no degree of freedom. REQUIRES: as many sizes as errors.
std::optional<double> PooledStderr(std::span<const std::optional<double>> errors,
                                   std::span<const int64_t> sizes);

// Standard error of the plain mean of independent scores: the root of the sum of their squares over
// their number. Nothing when any has no error. REQUIRES: not empty.
std::optional<double> PlainStderr(std::span<const std::optional<double>> errors);

}  // namespace koeval::evaluation
