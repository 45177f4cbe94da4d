// Prepared tasks of a request on the scheduler's side, and the stored answers laid over them.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/suite.h"
#include "scheduler/core/records.h"
#include "scheduler/service/private_texts.h"
#include "scheduler/service/suites.h"

namespace koeval::service {

// A suite with its tasks as one request evaluates them, in plan order.
struct PreparedSuite {
  evaluation::Suite suite;
  std::vector<evaluation::PreparedTask> tasks;
  std::vector<int64_t> original_documents;  // of each task, before any limit
  std::vector<std::string> task_digests;
  std::vector<RowsOrigin> origins;
};

// Builds prepared suites and keeps the last few. Thread-safe; two threads may build the same one.
class PreparedCache {
 public:
  explicit PreparedCache(const SuiteCatalogue& catalogue) : catalogue_(catalogue) {}

  // Exactly what workers build for the request from the same bundle and options. NOT_FOUND: the
  // bundle is gone; DATA_LOSS: it does not match its digest; FAILED_PRECONDITION as of ResolveChat;
  // others as of Prepare. shared_ptr: a job goes on with its suite after the cache dropped it.
  Result<std::shared_ptr<const PreparedSuite>> Get(const core::RequestRow& row) EXCLUDES(mutex_);

 private:
  Result<std::shared_ptr<const PreparedSuite>> Build(const core::RequestSpec& spec,
                                                     const evaluation::ChatOptions& chat) const;

  const SuiteCatalogue& catalogue_;
  Mutex mutex_;
  // Most recently used first.
  std::list<std::pair<std::string, std::shared_ptr<const PreparedSuite>>> kept_ GUARDED_BY(mutex_);
};

// The answers of one task, in request order, and who gave each.
struct TaskAnswers {
  std::vector<evaluation::Response> responses;
  std::vector<int32_t> worker;  // position in Answers::workers
  // (request, worker) of those who gave further windows of a rolling request.
  std::set<std::pair<size_t, int32_t>> other_workers;
};
struct Answers {
  std::vector<TaskAnswers> tasks;    // as PreparedSuite::tasks
  std::vector<std::string> workers;  // names, ascending
};

// Lays the stored batches of one round over `tasks`. DATA_LOSS, naming batch and task, when a batch
// cannot be read, an answer is missing, given twice or for a request that does not exist.
Result<Answers> CollectAnswers(std::span<const evaluation::PreparedTask> tasks,
                               std::span<const core::BatchRow> batches);

}  // namespace koeval::service
