// The samplers of both profiles.
#include "common/evaluation/fewshot.h"

#include <fmt/core.h>

#include <algorithm>

namespace koeval::evaluation {
namespace {

// lm-eval-0.4 compares the names of the splits, where two absent names are equal too.
// leaderboard-v1 draws from a training split as it is, and from any other split one more.
bool RemovesSelf(const Task& task, Profile profile) {
  const TaskConfig& config = task.config;
  if (profile == Profile::kLmEval04) return config.fewshot_split == config.test_split;
  if (task.fewshot_pool_is_docs) return true;
  return config.training_split.empty() &&
         (config.fewshot_split.empty() || config.fewshot_split == config.validation_split);
}

Status TooFew(size_t wanted, size_t rows) {
  return InvalidArgument(fmt::format(
      "{} shots are asked for, but the split for them has {} rows; ask for fewer", wanted, rows));
}

}  // namespace

ShotSampler::ShotSampler(const Task& task, Profile profile, int64_t count, PythonRandom random)
    : task_(task),
      profile_(profile),
      count_(static_cast<size_t>(std::max<int64_t>(count, 0))),
      removes_self_(RemovesSelf(task, profile)),
      random_(random) {}

const std::vector<Json>& ShotSampler::pool() const {
  return task_.fewshot_pool_is_docs ? task_.docs : task_.fewshot_docs;
}

std::vector<size_t> ShotSampler::FirstRows(const Json& doc) const {
  std::vector<size_t> rows;
  for (size_t i = 0; i < pool().size() && rows.size() < count_; ++i) {
    if (!removes_self_ || pool()[i] != doc) rows.push_back(i);
  }
  return rows;
}

Result<std::vector<size_t>> ShotSampler::Draw(const Json& doc) {
  std::vector<size_t> rows;
  if (count_ == 0) return rows;
  if (task_.config.fewshot_sampler == "first_n") {
    rows = FirstRows(doc);
    if (rows.size() < count_) return TooFew(count_, pool().size());
    return rows;
  }
  const size_t drawn = count_ + (removes_self_ ? 1 : 0);
  if (drawn > pool().size()) return TooFew(drawn, pool().size());
  rows = random_.Sample(pool().size(), drawn);
  if (!removes_self_) return rows;
  std::erase_if(rows, [&](size_t i) { return pool()[i] == doc; });
  rows.resize(std::min(rows.size(), count_));
  // Equal rows can leave too few: lm-eval-0.4 draws again without them, leaderboard-v1 goes on.
  if (rows.size() == count_ || profile_ == Profile::kLeaderboardV1) return rows;
  std::vector<size_t> others;
  for (size_t i = 0; i < pool().size(); ++i) {
    if (pool()[i] != doc) others.push_back(i);
  }
  if (others.size() < count_) return TooFew(count_, others.size());
  rows.clear();
  for (const size_t i : random_.Sample(others.size(), count_)) rows.push_back(others[i]);
  return rows;
}

}  // namespace koeval::evaluation
