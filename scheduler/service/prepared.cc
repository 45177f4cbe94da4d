// Prepared suites and the answers laid over them.
#include "scheduler/service/prepared.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/base/json.h"
#include "common/base/sha256.h"
#include "common/evaluation/answers.h"
#include "common/evaluation/chat_options.h"
#include "scheduler/service/chat_spec.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

constexpr int32_t kNobody = -1;

std::string CacheKey(const core::RequestSpec& spec, const evaluation::ChatOptions& chat) {
  std::string key = fmt::format("{}\n{}\n{}\n{}\n{}", spec.bundle_digest, spec.suite,
                                spec.suite_version, spec.profile, spec.limit.value_or(-1));
  if (!evaluation::IsPlain(chat)) {
    key += "\n" + Sha256Hex(CompactJson(evaluation::ChatOptionsToJson(chat)));
  }
  return key;
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

// What is laid over one task while its batches are read.
struct TaskInWork {
  evaluation::AnswerSheet sheet;
  TaskAnswers answers;
};

Status PlaceAnswer(const Json& item, int32_t worker, const std::string& where, TaskInWork* task) {
  const auto request = task->sheet.Place(item);
  if (!request.ok()) return DataLoss(where + ": " + request.status().message());
  int32_t& first = task->answers.worker[*request];
  if (first == kNobody) first = worker;
  if (first != worker) task->answers.other_workers.emplace(*request, worker);
  return OkStatus();
}

Status PlaceBatch(const core::BatchRow& batch, int32_t worker,
                  const std::map<std::string, size_t>& task_at, std::vector<TaskInWork>& tasks) {
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
    RETURN_IF_ERROR(PlaceAnswer(item, worker, where, &tasks[found->second]));
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
    const core::RequestSpec& spec, const evaluation::ChatOptions& chat) const {
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
  options.chat = chat;
  for (const evaluation::Task& task : tasks) {
    options.num_fewshot = evaluation::SuiteShots(out->suite, task.config.task);
    ASSIGN_OR_RETURN(evaluation::PreparedTask prepared, evaluation::Prepare(task, options));
    out->tasks.push_back(std::move(prepared));
    out->original_documents.push_back(static_cast<int64_t>(task.docs.size()));
    out->task_digests.push_back(evaluation::TaskDigest(task));
    const Json* path = JsonFind(task.config.raw, "dataset_path");
    out->origins.push_back({task.config.task,
                            path != nullptr && path->is_string() ? path->get<std::string>() : "",
                            task.dataset});
  }
  if (out->tasks.empty()) return DataLoss("bundle: holds no task");
  return std::shared_ptr<const PreparedSuite>(std::move(out));
}

Result<std::shared_ptr<const PreparedSuite>> PreparedCache::Get(const core::RequestRow& row) {
  ASSIGN_OR_RETURN(const evaluation::ChatOptions chat,
                   ResolveChat(row.spec, row.facts_json, row.submitted_at));
  const std::string key = CacheKey(row.spec, chat);
  {
    MutexLock lock(mutex_);
    const auto found = std::find_if(kept_.begin(), kept_.end(),
                                    [&key](const auto& item) { return item.first == key; });
    if (found != kept_.end()) {
      kept_.splice(kept_.begin(), kept_, found);
      return found->second;
    }
  }
  ASSIGN_OR_RETURN(auto built, Build(row.spec, chat));
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
  std::vector<TaskInWork> in_work;
  for (const evaluation::PreparedTask& task : tasks) {
    task_at.emplace(task.config.task, in_work.size());
    const size_t count = task.requests.size();
    in_work.push_back({evaluation::AnswerSheet(task.request_kind, count), {}});
    in_work.back().answers.worker.resize(count, kNobody);
  }
  for (const core::BatchRow& batch : batches) {
    const auto name =
        std::lower_bound(answers.workers.begin(), answers.workers.end(), batch.worker.text);
    const auto worker = static_cast<int32_t>(name - answers.workers.begin());
    RETURN_IF_ERROR(PlaceBatch(batch, worker, task_at, in_work));
  }
  for (size_t t = 0; t < tasks.size(); ++t) {
    if (const auto missing = in_work[t].sheet.FirstMissing()) {
      return DataLoss(fmt::format("task {}: request {} of {} has no answer", tasks[t].config.task,
                                  *missing, tasks[t].requests.size()));
    }
    answers.tasks.push_back(std::move(in_work[t].answers));
    answers.tasks.back().responses = in_work[t].sheet.Responses();
  }
  return answers;
}

}  // namespace koeval::service
