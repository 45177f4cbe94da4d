// Imported scores matched with the entries of a suite.
#include "scheduler/service/imported_scores.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <tuple>

#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

using board::ImportedScore;

// One name for a task whichever version of the harness wrote it.
std::string TaskName(std::string name) {
  constexpr std::string_view kOldMmlu = "hendrycksTest-";
  if (name.starts_with(kOldMmlu)) name.replace(0, kOldMmlu.size(), "mmlu_");
  std::replace(name.begin(), name.end(), ':', '_');
  return name;
}

// All scores of one model, newest file first.
using Scores = std::multimap<std::string, const ImportedScore*>;

// The harness's f1 of KoBEST is the macro average, which forks before 0.4 call by that name.
bool IsMetric(const ImportedScore& score, std::string_view wanted) {
  const bool is_kobest = score.task.starts_with("kobest_");
  return score.metric == wanted || (is_kobest && wanted == "f1" && score.metric == "macro_f1");
}

bool Fits(const ImportedScore& score, const evaluation::SuiteEntry& entry) {
  const size_t comma = entry.metric.find(',');
  if (!IsMetric(score, std::string_view(entry.metric).substr(0, comma))) return false;
  const bool any_filter = comma == std::string::npos || score.filter.empty();
  if (!any_filter && score.filter != entry.metric.substr(comma + 1)) return false;
  return !entry.num_fewshot || !score.num_fewshot || *entry.num_fewshot == *score.num_fewshot;
}

std::optional<evaluation::TaskScore> TaskOf(const std::string& task,
                                            const evaluation::SuiteEntry& entry,
                                            const Scores& scores) {
  const auto [begin, end] = scores.equal_range(TaskName(task));
  const auto found =
      std::find_if(begin, end, [&](const auto& named) { return Fits(*named.second, entry); });
  if (found == end) return std::nullopt;
  const ImportedScore& score = *found->second;
  evaluation::TaskScore out;
  out.task = task;
  out.num_fewshot = score.num_fewshot.value_or(0);
  out.documents = score.documents.value_or(0);
  out.metrics.push_back({entry.metric.substr(0, entry.metric.find(',')),
                         score.filter.empty() ? "none" : score.filter, score.value,
                         score.stderr_value, true});
  return out;
}

// The entry's score when all of its tasks are there.
std::optional<evaluation::EntryScore> EntryOf(const evaluation::Suite& suite,
                                              const evaluation::SuiteEntry& entry,
                                              const Scores& scores) {
  evaluation::Suite one;
  one.profile = suite.profile;
  one.entries = {entry};
  std::vector<evaluation::TaskScore> tasks;
  bool sizes_known = true;
  for (const std::string& task : evaluation::SuiteTasks(one)) {
    auto score = TaskOf(task, entry, scores);
    if (!score) return std::nullopt;
    sizes_known = sizes_known && score->documents > 0;
    tasks.push_back(*std::move(score));
  }
  if (!sizes_known) one.entries.front().weight_by_size = false;
  auto scored = evaluation::ScoreSuite(one, tasks);
  if (!scored.ok() || scored->entries.size() != 1) return std::nullopt;
  return std::move(scored->entries.front());
}

}  // namespace

std::vector<ImportedRow> ImportedRows(const evaluation::Suite& suite,
                                      const std::vector<board::ResultFile>& files) {
  using Key = std::tuple<std::string, std::string, std::string>;
  std::map<Key, std::vector<const board::ResultFile*>> models;
  for (const board::ResultFile& file : files) {
    models[{file.model, file.revision, file.precision}].push_back(&file);
  }
  std::vector<ImportedRow> rows;
  for (auto& [key, of_model] : models) {
    std::stable_sort(of_model.begin(), of_model.end(),
                     [](const auto* a, const auto* b) { return a->date > b->date; });
    Scores scores;
    for (const board::ResultFile* file : of_model) {
      for (const ImportedScore& score : file->scores) scores.emplace(TaskName(score.task), &score);
    }
    ImportedRow row{
        std::get<0>(key), std::get<1>(key), std::get<2>(key), of_model.front()->date, {}, 0};
    for (const evaluation::SuiteEntry& entry : suite.entries) {
      if (auto score = EntryOf(suite, entry, scores)) row.entries.push_back(*std::move(score));
    }
    if (row.entries.empty()) continue;
    for (const evaluation::EntryScore& entry : row.entries) row.average += entry.value;
    row.average /= static_cast<double>(row.entries.size());
    if (row.entries.size() < suite.entries.size()) {
      row.average = std::numeric_limits<double>::quiet_NaN();
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Result<std::shared_ptr<const std::vector<board::ResultFile>>> ImportedScores::Files() {
  int64_t asked = 0;
  {
    MutexLock lock(mutex_);
    if (files_) return files_;
    asked = forgotten_;
  }
  auto files = std::make_shared<std::vector<board::ResultFile>>();
  ASSIGN_OR_RETURN(const auto reader, readers_.Borrow());
  std::string after;
  while (static_cast<int64_t>(files->size()) < kImportedResultsMax) {
    ASSIGN_OR_RETURN(const auto rows, reader->Imports("results", after, kPageMax));
    for (const core::ImportRow& row : rows) {
      ASSIGN_OR_RETURN(board::ResultFile file, board::ResultFromFactsJson(row.facts_json));
      file.model = row.model;
      file.revision = row.revision;
      file.precision = row.precision;
      files->push_back(std::move(file));
    }
    if (static_cast<int64_t>(rows.size()) < kPageMax) break;
    after = rows.back().path;
  }
  MutexLock lock(mutex_);
  if (asked == forgotten_) files_ = files;
  return std::shared_ptr<const std::vector<board::ResultFile>>(files);
}

void ImportedScores::Forget() {
  MutexLock lock(mutex_);
  files_.reset();
  ++forgotten_;
}

}  // namespace koeval::service
