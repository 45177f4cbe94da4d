// One job in the runner: its tasks in order, and the plan that they become.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/types.h"
#include "common/tokenizer/tokenizer.h"
#include "worker/plan/encode.h"
#include "worker/plan/plan.h"
#include "worker/plan/stop.h"
#include "worker/runner/messages.h"

namespace koeval::runner {

struct PlanRules {
  evaluation::Profile profile = evaluation::Profile::kLmEval04;
  int64_t max_length = 0;
  plan::Limits limits;
  bool keep_sequences = false;          // for the naive engine
  std::vector<int32_t> end_ids = {};    // tokens at which the model itself ends a text
  double repetition_penalty = 1;        // of the model's generation settings
  std::string generation_problem = {};  // why this model cannot generate; "" when it can
};

// A task after planning.
struct TaskPlan {
  std::string name;
  plan::Purpose purpose;
  plan::Plan plan;
  std::vector<plan::Sequence> sequences;  // empty unless kept
  std::optional<plan::StopRule> stop;     // kGenerate alone, as the next
  double repetition_penalty = 1;
  // Rolling requests whose text has no token: nothing runs for them, and the first batch says so.
  std::vector<int32_t> without_windows;
};

struct PlannedWork {
  TaskPlan plan;
  PlannedTask facts;
};

// Tokens and batches of one task. The tokenizer must outlive the plan. Errors as of MakePlan,
// without the task's name.
Result<PlannedWork> PlanPrepared(const evaluation::PreparedTask& task,
                                 const tokenizer::Tokenizer& tokenizer, const PlanRules& rules);

// Used by one thread.
class RunnerJob {
 public:
  // Frames must come in order, index 0 first; what is wrong is remembered and told by MakePlan.
  void AddTask(TaskFrame frame);

  // Prompts, tokens and batches of all tasks, in single-process order. The texts are freed
  // afterwards; the tokenizer must outlive the job. "TASK_INVALID: ...", "EMPTY_CONTINUATION: ...",
  // "CONTEXT_TOO_SHORT: ...", "BAD_TOKENIZER: ..." with the task's name.
  Result<PlannedFrame> MakePlan(const std::string& job, const tokenizer::Tokenizer& tokenizer,
                                const PlanRules& rules);

  bool planned() const { return !digest_.empty(); }
  // SHA-256 over the tasks' plan digests in order.
  const std::string& digest() const { return digest_; }
  int64_t batch_count() const;

  struct Place {
    const TaskPlan* task = nullptr;
    const plan::Batch* batch = nullptr;
  };
  // REQUIRES: planned, 0 <= batch < batch_count().
  Place Find(int64_t batch) const;

 private:
  Result<PlannedTask> PlanTask(const TaskFrame& frame, const tokenizer::Tokenizer& tokenizer,
                               const PlanRules& rules);

  std::vector<TaskFrame> frames_;  // until planned
  Status wrong_;
  std::vector<TaskPlan> tasks_;
  std::string digest_;
};

}  // namespace koeval::runner
