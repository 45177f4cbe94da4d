// BLEU, chrF, chrF++ and TER of a corpus of generated texts, each beside one right text.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace koeval::evaluation {

// bleu (13a tokens, orders 1 to 4, exponential smoothing), chrf (characters, orders 1 to 6, beta
// 2), chrf++ (words of orders 1 and 2 besides), ter (case folded, white space alone parts words).
// Sources: BLEU, Papineni and others 2002; chrF, Popovic 2015 and 2017; TER, Snover and others
// 2006; each with the defaults and the behaviour in detail of sacrebleu 2.6.0's corpus_* functions.
enum class CorpusMetric { kBleu, kChrf, kChrfPlusPlus, kTer };

// By the harness's name: "bleu", "chrf", "chrf++", "ter"; nothing for any other.
std::optional<CorpusMetric> ParseCorpusMetric(std::string_view name);

// Counts of one text from which the score of a corpus follows: those of the corpus are their sums.
// All are whole numbers. REQUIRES: valid UTF-8.
std::vector<double> CorpusStatistics(CorpusMetric metric, std::string_view predicted,
                                     std::string_view wanted);

// The score of summed statistics, in percent: 0 to 100, ter without an upper end. For ter less is
// better. REQUIRES: sums of what CorpusStatistics gave for the same metric.
double CorpusScore(CorpusMetric metric, std::span<const double> sums);

}  // namespace koeval::evaluation
