// The greedy search for shifts over an edit distance in a beam.
#include "common/evaluation/translation_edit_rate.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace koeval::evaluation {
namespace {

constexpr int64_t kShiftWordsMax = 10;
constexpr int64_t kShiftDistanceMax = 50;
constexpr int64_t kBeamWidth = 25;
constexpr int64_t kCandidatesMax = 1000;
constexpr int64_t kUnreached = std::numeric_limits<int64_t>::max() / 2;

using Ids = std::vector<int32_t>;  // words as numbers, equal for equal words

// What became of a word on the way from the predicted text to the right one.
enum class Edit : uint8_t { kNone, kKeep, kSubstitute, kDelete, kInsert };

struct Cell {
  int64_t cost = kUnreached;
  Edit edit = Edit::kNone;

  // In order of preference: the first of equal costs stays.
  void Offer(int64_t other, Edit by) {
    if (other < cost) *this = {other, by};
  }
};

// The matrix of edit distances to one text, of which only a beam around the diagonal is looked at.
class EditDistance {
 public:
  EditDistance(const Ids& wanted, size_t words)
      : wanted_(wanted),
        words_(words),
        ratio_(words == 0 ? 1 : static_cast<double>(wanted.size()) / static_cast<double>(words)),
        width_(ratio_ / 2 > kBeamWidth ? static_cast<int64_t>(std::ceil(ratio_ / 2 + kBeamWidth))
                                       : kBeamWidth) {
    Row first;
    for (size_t j = 0; j <= wanted.size(); ++j) {
      first.cells.push_back({static_cast<int64_t>(j), Edit::kInsert});
    }
    rows_.push_back(std::move(first));
  }

  // REQUIRES: as many words as were announced.
  int64_t To(const Ids& predicted) {
    // Rows of a start that is the same as the last text's stay.
    const auto differs =
        std::mismatch(predicted.begin(), predicted.end(), last_.begin(), last_.end());
    rows_.resize(1 + static_cast<size_t>(differs.first - predicted.begin()));
    while (rows_.size() <= words_) AddRow(predicted[rows_.size() - 1]);
    last_ = predicted;
    return rows_.back().At(static_cast<int64_t>(wanted_.size())).cost;
  }

  // The edits of the text that was last measured, from its start.
  std::vector<Edit> Path() const {
    std::vector<Edit> path;
    size_t i = words_, j = wanted_.size();
    while (i > 0 || j > 0) {
      const Edit edit = rows_[i].At(static_cast<int64_t>(j)).edit;
      if (edit == Edit::kNone) break;
      path.push_back(edit);
      i -= edit != Edit::kInsert ? 1 : 0;
      j -= edit != Edit::kDelete ? 1 : 0;
    }
    std::reverse(path.begin(), path.end());
    return path;
  }

 private:
  struct Row {
    int64_t begin = 0;
    std::vector<Cell> cells;

    Cell At(int64_t j) const {
      const int64_t at = j - begin;
      return at >= 0 && at < static_cast<int64_t>(cells.size()) ? cells[static_cast<size_t>(at)]
                                                                : Cell{};
    }
  };

  void AddRow(int32_t word) {
    const size_t i = rows_.size();
    const auto end = static_cast<int64_t>(wanted_.size()) + 1;
    const auto middle = static_cast<int64_t>(std::floor(static_cast<double>(i) * ratio_));
    Row row;
    row.begin = std::max<int64_t>(0, middle - width_);
    const int64_t stop = i == words_ ? end : std::min(end, middle + width_);
    for (int64_t j = row.begin; j < stop; ++j) {
      const Row& above = rows_.back();
      Cell cell;
      if (j == 0) {
        cell = {above.At(0).cost + 1, Edit::kDelete};
      } else {
        const bool same = word == wanted_[static_cast<size_t>(j - 1)];
        cell.Offer(above.At(j - 1).cost + (same ? 0 : 1), same ? Edit::kKeep : Edit::kSubstitute);
        cell.Offer(above.At(j).cost + 1, Edit::kDelete);
        cell.Offer(row.At(j - 1).cost + 1, Edit::kInsert);
      }
      row.cells.push_back(cell);
    }
    rows_.push_back(std::move(row));
  }

  const Ids& wanted_;
  const size_t words_;
  const double ratio_;
  const int64_t width_;
  std::vector<Row> rows_;
  Ids last_;
};

// Where the words of the right text have their places in the predicted one, and which words of
// either are wrong.
struct Alignment {
  std::vector<int64_t> place;  // of each right word; that of the word before where it is missing
  std::vector<bool> wrong_predicted, wrong_wanted;
};

Alignment Align(const std::vector<Edit>& path) {
  Alignment out;
  int64_t at = -1;
  for (const Edit edit : path) {
    const bool wrong = edit != Edit::kKeep;
    if (edit != Edit::kInsert) {
      ++at;
      out.wrong_predicted.push_back(wrong);
    }
    if (edit != Edit::kDelete) {
      out.place.push_back(at);
      out.wrong_wanted.push_back(wrong);
    }
  }
  return out;
}

bool AnyIn(const std::vector<bool>& flags, int64_t first, int64_t count) {
  const auto begin = flags.begin() + first;
  return std::find(begin, begin + count, true) != begin + count;
}

// `words` with [start, start + length) moved before `target`, which counts places of `words`; a
// target inside moves them behind as many words that follow.
Ids Shift(const Ids& words, int64_t start, int64_t length, int64_t target) {
  Ids out = words;
  const auto begin = out.begin();
  if (target < start) {
    std::rotate(begin + target, begin + start, begin + start + length);
  } else {
    const int64_t end =
        target > start + length
            ? target
            : std::min<int64_t>(static_cast<int64_t>(words.size()), target + length);
    std::rotate(begin + start, begin + start + length, begin + end);
  }
  return out;
}

class ShiftSearch {
 public:
  ShiftSearch(Ids predicted, const Ids& wanted)
      : words_(std::move(predicted)), wanted_(wanted), distance_(wanted, words_.size()) {}

  int64_t Edits() {
    int64_t shifts = 0;
    while (true) {
      auto best = BestShift();
      if (candidates_ >= kCandidatesMax || !best || best->gain <= 0) break;
      ++shifts;
      words_ = std::move(best->words);
    }
    return shifts + distance_.To(words_);
  }

 private:
  struct Candidate {
    int64_t gain = 0, length = 0, start = 0, target = 0;
    Ids words;

    // More gain, then the longer run, the earlier one, and the earlier target.
    bool BetterThan(const Candidate& other) const {
      return std::tuple(gain, length, -start, -target) >
             std::tuple(other.gain, other.length, -other.start, -other.target);
    }
  };

  std::optional<Candidate> BestShift() {
    before_ = distance_.To(words_);
    alignment_ = Align(distance_.Path());
    std::optional<Candidate> best;
    if (alignment_.place.size() != wanted_.size()) return best;  // outside the beam
    const auto mine = static_cast<int64_t>(words_.size());
    const auto right = static_cast<int64_t>(wanted_.size());
    for (int64_t start = 0; start < mine; ++start) {
      const int64_t first = std::max<int64_t>(0, start - kShiftDistanceMax);
      for (int64_t at = first; at < std::min(right, start + kShiftDistanceMax + 1); ++at) {
        for (int64_t length = 1; length <= kShiftWordsMax; ++length) {
          if (!SameWord(start + length - 1, at + length - 1)) break;
          Try(start, at, length, best);
          if (candidates_ >= kCandidatesMax) return best;
        }
      }
    }
    return best;
  }

  // Whether there are such words, and they are equal.
  bool SameWord(int64_t mine, int64_t right) const {
    return mine < static_cast<int64_t>(words_.size()) &&
           right < static_cast<int64_t>(wanted_.size()) &&
           words_[static_cast<size_t>(mine)] == wanted_[static_cast<size_t>(right)];
  }

  // Every target of the run of `length` words from `start` that would lie at `at` of the right
  // text.
  void Try(int64_t start, int64_t at, int64_t length, std::optional<Candidate>& best) {
    if (!AnyIn(alignment_.wrong_predicted, start, length)) return;
    if (!AnyIn(alignment_.wrong_wanted, at, length)) return;
    const int64_t lies = alignment_.place[static_cast<size_t>(at)];
    if (lies >= start && lies < start + length) return;
    int64_t last = -1;
    for (int64_t offset = at - 1; offset < at + length; ++offset) {
      const int64_t target = offset == -1 ? 0 : alignment_.place[static_cast<size_t>(offset)] + 1;
      if (target == last) continue;
      last = target;
      Candidate candidate{0, length, start, target, Shift(words_, start, length, target)};
      candidate.gain = before_ - distance_.To(candidate.words);
      ++candidates_;
      if (!best || candidate.BetterThan(*best)) best = std::move(candidate);
    }
  }

  Ids words_;
  const Ids& wanted_;
  EditDistance distance_;
  Alignment alignment_;
  int64_t before_ = 0;      // the distance without a further shift
  int64_t candidates_ = 0;  // that were measured so far
};

}  // namespace

int64_t TranslationEdits(const std::vector<std::string>& predicted,
                         const std::vector<std::string>& wanted) {
  if (wanted.empty()) return static_cast<int64_t>(predicted.size());
  std::unordered_map<std::string_view, int32_t> numbers;
  const auto number = [&numbers](const std::vector<std::string>& words) {
    Ids out;
    for (const std::string& word : words) {
      out.push_back(numbers.emplace(word, static_cast<int32_t>(numbers.size())).first->second);
    }
    return out;
  };
  const Ids right = number(wanted);
  return ShiftSearch(number(predicted), right).Edits();
}

}  // namespace koeval::evaluation
