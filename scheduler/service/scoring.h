// From the stored answers of a request to its scores, result file and sample lines.
#pragma once

#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/evaluation/sample_line.h"
#include "scheduler/core/effects.h"
#include "scheduler/core/events.h"
#include "scheduler/service/prepared.h"
#include "scheduler/service/reader_pool.h"

namespace koeval::service {

// Computes the scores of a request whose batches are all stored: the answer is a ScoreDone or a
// ScoreFailed. Blocks, for seconds where the suite is large; any thread.
core::Event ComputeScores(const core::ComputeScore& wanted, PreparedCache& prepared,
                          ReaderPool& readers, const Clock& clock);

// The sample log of one task of a finished request, with the workers that gave each line's answers.
struct TaskSamples {
  std::string task;
  RowsOrigin origin;
  bool is_generated = false;  // the answers are texts
  std::vector<std::string> lines;
  std::vector<std::vector<std::string>> workers;  // one list for each line, ascending
};

// Sample logs one task at a time, so that no more than one is in memory. Not thread-safe.
class SampleSource {
 public:
  // NOT_FOUND: no such task in the suite. `task` "" for all. DATA_LOSS: answers are missing.
  static Result<SampleSource> Open(const core::RequestRow& row, const std::string& task,
                                   PreparedCache& prepared, ReaderPool& readers);
  // The next task's log; nothing after the last.
  Result<std::optional<TaskSamples>> Next();

 private:
  // shared_ptr: the cache may drop the suite meanwhile; the answers so that this can be copied.
  std::shared_ptr<const PreparedSuite> suite_;
  std::shared_ptr<const Answers> answers_;
  size_t next_ = 0;
  size_t end_ = 0;
};

}  // namespace koeval::service
