// Counts of n-grams and edits, and the scores that follow from their sums.
#include "common/evaluation/corpus_metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>

#include "common/base/check.h"
#include "common/base/utf8.h"
#include "common/evaluation/python_text.h"
#include "common/evaluation/translation_edit_rate.h"

namespace koeval::evaluation {
namespace {

constexpr size_t kBleuOrder = 4;
constexpr size_t kCharacterOrder = 6;
constexpr size_t kWordOrder = 2;               // of chrf++
constexpr double kRecallWeight = 4;            // beta squared
constexpr double kLogOfNothing = -9999999999;  // what sacrebleu takes for log(0)

constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kEntities = {
    {{"&quot;", "\""}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}}};

using Counts = std::unordered_map<std::string_view, int64_t>;

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsPeriodOrComma(char c) {
  return c == '.' || c == ',';
}

// ASCII punctuation that 13a parts from words wherever it stands: all but ' , - .
bool IsParted(char c) {
  return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
         (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

std::string PartPunctuation(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (IsParted(c)) {
      out.append({' ', c, ' '});
    } else {
      out += c;
    }
  }
  return out;
}

// Parts every two neighbours for which `parts` holds, leftmost first, each in one pair at most.
// Bytes will do: the second of `parts` or its first is ASCII, and the other is any byte of a
// character.
template <typename Parts>
std::string PartPairs(std::string_view text, Parts parts, std::string_view before,
                      std::string_view between, std::string_view after) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (at + 1 < text.size() && parts(text[at], text[at + 1])) {
      out.append(before).append(1, text[at]).append(between).append(1, text[at + 1]).append(after);
      ++at;
    } else {
      out += text[at];
    }
  }
  return out;
}

// The tokens of mteval-v13a, single spaces between them.
std::string Tokenize13a(std::string_view text) {
  std::string line(PythonRstrip(text));
  line = PythonReplace(line, "<skipped>", "");
  line = PythonReplace(line, "-\n", "");
  line = PythonReplace(line, "\n", " ");
  for (const auto& [from, to] : kEntities) {
    line = PythonReplace(line, from, to);
  }
  line = PartPunctuation(" " + line + " ");
  line = PartPairs(
      line, [](char a, char b) { return !IsDigit(a) && IsPeriodOrComma(b); }, "", " ", " ");
  line = PartPairs(
      line, [](char a, char b) { return IsPeriodOrComma(a) && !IsDigit(b); }, " ", " ", "");
  line = PartPairs(
      line, [](char a, char b) { return IsDigit(a) && b == '-'; }, "", " ", " ");
  return line;
}

// Words joined by single spaces, with the byte where each starts; the end of all comes last.
struct Words {
  std::string line;
  std::vector<size_t> starts;

  size_t size() const { return starts.size() - 1; }
  // Words [first, first + count) with the spaces between them.
  std::string_view Range(size_t first, size_t count) const {
    return std::string_view(line).substr(starts[first], starts[first + count] - starts[first] - 1);
  }
};

Words Join(const std::vector<std::string>& words) {
  Words out;
  for (const std::string& word : words) {
    out.starts.push_back(out.line.size());
    out.line += word + ' ';
  }
  out.starts.push_back(out.line.size());
  return out;
}

Counts WordNgrams(const Words& words, size_t order) {
  Counts out;
  for (size_t i = 0; i + order <= words.size(); ++i) ++out[words.Range(i, order)];
  return out;
}

// `starts`: the bytes where the characters of `text` start, and its end.
Counts CharacterNgrams(std::string_view text, const std::vector<size_t>& starts, size_t order) {
  Counts out;
  for (size_t i = 0; i + order < starts.size(); ++i) {
    ++out[text.substr(starts[i], starts[i + order] - starts[i])];
  }
  return out;
}

std::vector<size_t> CharacterStarts(std::string_view text) {
  std::vector<size_t> starts;
  for (size_t at = 0; at < text.size(); DecodeUtf8(text, at)) starts.push_back(at);
  starts.push_back(text.size());
  return starts;
}

int64_t Total(const Counts& counts) {
  int64_t total = 0;
  for (const auto& [ngram, count] : counts) total += count;
  return total;
}

int64_t Matches(const Counts& predicted, const Counts& wanted) {
  int64_t matches = 0;
  for (const auto& [ngram, count] : predicted) {
    const auto found = wanted.find(ngram);
    if (found != wanted.end()) matches += std::min(count, found->second);
  }
  return matches;
}

// Lengths of both texts, then matches of each order, then predicted n-grams of each order.
std::vector<double> BleuStatistics(std::string_view predicted, std::string_view wanted) {
  const Words mine = Join(SplitSpace(Tokenize13a(predicted)));
  const Words right = Join(SplitSpace(Tokenize13a(wanted)));
  std::vector<double> out(2 + 2 * kBleuOrder);
  out[0] = static_cast<double>(mine.size());
  out[1] = static_cast<double>(right.size());
  for (size_t order = 1; order <= kBleuOrder; ++order) {
    const Counts ngrams = WordNgrams(mine, order);
    out[1 + order] = static_cast<double>(Matches(ngrams, WordNgrams(right, order)));
    out[1 + kBleuOrder + order] = static_cast<double>(Total(ngrams));
  }
  return out;
}

double BleuScore(std::span<const double> sums) {
  const auto correct = sums.subspan(2, kBleuOrder);
  const auto total = sums.subspan(2 + kBleuOrder, kBleuOrder);
  if (std::all_of(correct.begin(), correct.end(), [](double count) { return count == 0; })) {
    return 0;
  }
  double brevity = 1;
  if (sums[0] < sums[1]) brevity = sums[0] > 0 ? std::exp(1 - sums[1] / sums[0]) : 0;
  std::array<double, kBleuOrder> precisions{};
  double smoothing = 1;
  for (size_t n = 0; n < kBleuOrder && total[n] != 0; ++n) {
    if (correct[n] == 0) {
      smoothing *= 2;
      precisions[n] = 100.0 / (smoothing * total[n]);
    } else {
      precisions[n] = 100.0 * correct[n] / total[n];
    }
  }
  double logs = 0;
  for (const double precision : precisions) {
    logs += precision == 0 ? kLogOfNothing : std::log(precision);
  }
  return brevity * std::exp(logs / static_cast<double>(kBleuOrder));
}

// Words with the punctuation at one end of each as a word of its own.
std::vector<std::string> PartWordEnds(std::string_view text) {
  constexpr std::string_view kPunctuation = R"(!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~)";
  std::vector<std::string> out;
  for (std::string& word : SplitSpace(text)) {
    const bool one = CountCodePoints(word) == 1;
    if (!one && kPunctuation.find(word.back()) != std::string_view::npos) {
      out.push_back(word.substr(0, word.size() - 1));
      out.push_back(word.substr(word.size() - 1));
    } else if (!one && kPunctuation.find(word.front()) != std::string_view::npos) {
      out.push_back(word.substr(0, 1));
      out.push_back(word.substr(1));
    } else {
      out.push_back(std::move(word));
    }
  }
  return out;
}

// Predicted, wanted and matching n-grams of one order; nothing is predicted where nothing is
// wanted.
void AddOrder(const Counts& mine, const Counts& right, std::vector<double>& out) {
  out.push_back(right.empty() ? 0 : static_cast<double>(Total(mine)));
  out.push_back(static_cast<double>(Total(right)));
  out.push_back(static_cast<double>(Matches(mine, right)));
}

std::string WithoutSpace(std::string_view text) {
  std::string out;
  for (const std::string& word : SplitSpace(text)) out += word;
  return out;
}

std::vector<double> ChrfStatistics(std::string_view predicted, std::string_view wanted,
                                   size_t word_order) {
  std::vector<double> out;
  const std::string mine = WithoutSpace(predicted), right = WithoutSpace(wanted);
  const auto mine_starts = CharacterStarts(mine), right_starts = CharacterStarts(right);
  for (size_t order = 1; order <= kCharacterOrder; ++order) {
    AddOrder(CharacterNgrams(mine, mine_starts, order), CharacterNgrams(right, right_starts, order),
             out);
  }
  if (word_order == 0) return out;
  const Words my_words = Join(PartWordEnds(predicted));
  const Words right_words = Join(PartWordEnds(wanted));
  for (size_t order = 1; order <= word_order; ++order) {
    AddOrder(WordNgrams(my_words, order), WordNgrams(right_words, order), out);
  }
  return out;
}

double ChrfScore(std::span<const double> sums) {
  double precision = 0, recall = 0, orders = 0;
  for (size_t at = 0; at < sums.size(); at += 3) {
    const double predicted = sums[at], wanted = sums[at + 1], matches = sums[at + 2];
    if (predicted <= 0 || wanted <= 0) continue;
    precision += matches / predicted;
    recall += matches / wanted;
    ++orders;
  }
  if (orders == 0) return 0;
  precision /= orders;
  recall /= orders;
  if (precision + recall == 0) return 0;
  return 100 * ((1 + kRecallWeight) * precision * recall / (kRecallWeight * precision + recall));
}

// Edits, and the length of the right text in words.
std::vector<double> TerStatistics(std::string_view predicted, std::string_view wanted) {
  const auto words = [](std::string_view text) {
    return SplitSpace(PythonLower(PythonRstrip(text)));
  };
  const std::vector<std::string> right = words(wanted);
  return {static_cast<double>(TranslationEdits(words(predicted), right)),
          static_cast<double>(right.size())};
}

double TerScore(std::span<const double> sums) {
  if (sums[1] > 0) return 100 * (sums[0] / sums[1]);
  return sums[0] > 0 ? 100 : 0;
}

}  // namespace

std::optional<CorpusMetric> ParseCorpusMetric(std::string_view name) {
  if (name == "bleu") return CorpusMetric::kBleu;
  if (name == "chrf") return CorpusMetric::kChrf;
  if (name == "chrf++") return CorpusMetric::kChrfPlusPlus;
  if (name == "ter") return CorpusMetric::kTer;
  return std::nullopt;
}

std::vector<double> CorpusStatistics(CorpusMetric metric, std::string_view predicted,
                                     std::string_view wanted) {
  switch (metric) {
    case CorpusMetric::kBleu:
      return BleuStatistics(predicted, wanted);
    case CorpusMetric::kChrf:
      return ChrfStatistics(predicted, wanted, 0);
    case CorpusMetric::kChrfPlusPlus:
      return ChrfStatistics(predicted, wanted, kWordOrder);
    case CorpusMetric::kTer:
      return TerStatistics(predicted, wanted);
  }
  return {};
}

double CorpusScore(CorpusMetric metric, std::span<const double> sums) {
  KOEVAL_CHECK(!sums.empty(), "a corpus has statistics");
  switch (metric) {
    case CorpusMetric::kBleu:
      return BleuScore(sums);
    case CorpusMetric::kChrf:
    case CorpusMetric::kChrfPlusPlus:
      return ChrfScore(sums);
    case CorpusMetric::kTer:
      return TerScore(sums);
  }
  return 0;
}

}  // namespace koeval::evaluation
