// Prepared suites and the answers laid over them.
#include "scheduler/service/prepared.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>

#include "common/base/json.h"
#include "common/base/sha256.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

constexpr int32_t kNobody = -1;

std::string CacheKey(const core::RequestSpec& spec) {
  return fmt::format("{}\n{}\n{}\n{}\n{}", spec.bundle_digest, spec.suite, spec.suite_version,
                     spec.profile, spec.limit.value_or(-1));
}

Result<std::vector<evaluation::Task>> ReadBundle(std::string_view text) {
  ASSIGN_OR_RETURN(const Json json, ParseJson(text, {.bytes_max = kBundleBytesMax}));
  const Json* tasks = JsonFind(json, "tasks");
  if (tasks == nullptr || !tasks->is_array()) return DataLoss("bundle: tasks must be a list");
  std::vector<evaluation::Task> out;
  out.reserve(tasks->size());
  for (const Json& task : *tasks) {
    ASSIGN_OR_RETURN(evaluation::Task read, evaluation::TaskFromJson(task));
    out.push_back(std::move(read));
  }
  return out;
}

// A number, or one of the words that JSON has no number for.
std::optional<double> ReadLogLikelihood(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  return std::nullopt;
}

// One [request, log-likelihood, greedy] of a batch.
Status PlaceAnswer(const Json& item, int32_t worker, const std::string& where, TaskAnswers* task) {
  if (!item.is_array() || item.size() != 3 || !item[0].is_number_integer() ||
      !item[2].is_boolean()) {
    return DataLoss(where + ": a result must be [request, log-likelihood, greedy]");
  }
  const auto log_likelihood = ReadLogLikelihood(item[1]);
  if (!log_likelihood) return DataLoss(where + ": a log-likelihood is no number");
  const auto request = item[0].get<int64_t>();
  if (request < 0 || request >= static_cast<int64_t>(task->responses.size())) {
    return DataLoss(fmt::format("{}: request {} does not exist", where, request));
  }
  const auto at = static_cast<size_t>(request);
  if (task->worker[at] != kNobody) {
    return DataLoss(fmt::format("{}: request {} is answered twice", where, request));
  }
  task->responses[at] = {*log_likelihood, item[2].get<bool>()};
  task->worker[at] = worker;
  return OkStatus();
}

Status PlaceBatch(const core::BatchRow& batch, int32_t worker,
                  const std::map<std::string, size_t>& task_at, Answers* answers) {
  const std::string where = fmt::format("batch {}", batch.batch);
  auto json = ParseJson(batch.results_json);
  if (!json.ok()) return DataLoss(where + ": " + json.status().message());
  const auto name = JsonString(*json, "task", where);
  if (!name.ok()) return DataLoss(name.status().message());
  const auto found = task_at.find(*name);
  if (found == task_at.end()) return DataLoss(where + ": its task is not of this suite");
  const Json* results = JsonFind(*json, "results");
  if (results == nullptr || !results->is_array()) {
    return DataLoss(where + ": results must be a list");
  }
  for (const Json& item : *results) {
    RETURN_IF_ERROR(PlaceAnswer(item, worker, where, &answers->tasks[found->second]));
  }
  return OkStatus();
}

std::vector<std::string> WorkersOf(std::span<const core::BatchRow> batches) {
  std::vector<std::string> names;
  for (const core::BatchRow& batch : batches) names.push_back(batch.worker.text);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

Result<std::shared_ptr<const PreparedSuite>> PreparedCache::Build(
    const core::RequestSpec& spec) const {
  auto out = std::make_shared<PreparedSuite>();
  ASSIGN_OR_RETURN(out->suite, catalogue_.SuiteOf(spec));
  ASSIGN_OR_RETURN(const auto bundle, catalogue_.OpenBundle(spec.bundle_digest));
  if (Sha256Hex(bundle->bytes()) != spec.bundle_digest) {
    return DataLoss(
        fmt::format("bundle {} is damaged; restore it from a backup, or start the "
                    "scheduler with the suite that made it",
                    spec.bundle_digest));
  }
  ASSIGN_OR_RETURN(const auto tasks, ReadBundle(bundle->bytes()));
  evaluation::Options options;
  ASSIGN_OR_RETURN(options.profile, evaluation::ParseProfile(spec.profile));
  options.limit = spec.limit;
  for (const evaluation::Task& task : tasks) {
    options.num_fewshot = evaluation::SuiteShots(out->suite, task.config.task);
    ASSIGN_OR_RETURN(evaluation::PreparedTask prepared, evaluation::Prepare(task, options));
    out->tasks.push_back(std::move(prepared));
    out->original_documents.push_back(static_cast<int64_t>(task.docs.size()));
    out->task_digests.push_back(evaluation::TaskDigest(task));
  }
  if (out->tasks.empty()) return DataLoss("bundle: holds no task");
  return std::shared_ptr<const PreparedSuite>(std::move(out));
}

Result<std::shared_ptr<const PreparedSuite>> PreparedCache::Get(const core::RequestSpec& spec) {
  const std::string key = CacheKey(spec);
  {
    MutexLock lock(mutex_);
    const auto found = std::find_if(kept_.begin(), kept_.end(),
                                    [&key](const auto& item) { return item.first == key; });
    if (found != kept_.end()) {
      kept_.splice(kept_.begin(), kept_, found);
      return found->second;
    }
  }
  ASSIGN_OR_RETURN(auto built, Build(spec));
  MutexLock lock(mutex_);
  kept_.emplace_front(key, built);
  if (kept_.size() > kPreparedCacheMax) kept_.pop_back();
  return built;
}

Result<Answers> CollectAnswers(std::span<const evaluation::PreparedTask> tasks,
                               std::span<const core::BatchRow> batches) {
  Answers answers;
  answers.workers = WorkersOf(batches);
  std::map<std::string, size_t> task_at;
  for (const evaluation::PreparedTask& task : tasks) {
    task_at.emplace(task.config.task, answers.tasks.size());
    const size_t count = task.requests.size();
    answers.tasks.push_back(
        {std::vector<evaluation::Response>(count), std::vector<int32_t>(count, kNobody)});
  }
  for (const core::BatchRow& batch : batches) {
    const auto name =
        std::lower_bound(answers.workers.begin(), answers.workers.end(), batch.worker.text);
    const auto worker = static_cast<int32_t>(name - answers.workers.begin());
    RETURN_IF_ERROR(PlaceBatch(batch, worker, task_at, &answers));
  }
  for (size_t t = 0; t < tasks.size(); ++t) {
    const auto& given = answers.tasks[t].worker;
    const auto missing = std::find(given.begin(), given.end(), kNobody);
    if (missing != given.end()) {
      return DataLoss(fmt::format("task {}: request {} of {} has no answer", tasks[t].config.task,
                                  missing - given.begin(), given.size()));
    }
  }
  return answers;
}

}  // namespace koeval::service
