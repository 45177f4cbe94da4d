// One job in the runner: its tasks in order, and the plan that they become.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/types.h"
#include "common/tokenizer/tokenizer.h"
#include "worker/plan/plan.h"
#include "worker/runner/messages.h"

namespace koeval::runner {

struct PlanRules {
  evaluation::Profile profile = evaluation::Profile::kLmEval04;
  int64_t max_length = 0;
  plan::Limits limits;
  bool keep_sequences = false;  // for the naive engine
};

// A task after planning.
struct TaskPlan {
  std::string name;
  plan::Plan plan;
  std::vector<plan::Sequence> sequences;  // empty unless kept
};

// Used by one thread.
class RunnerJob {
 public:
  // Frames must come in order, index 0 first; what is wrong is remembered and told by MakePlan.
  void AddTask(TaskFrame frame);

  // Prompts, tokens and batches of all tasks, in single-process order. The texts are freed
  // afterwards. "TASK_INVALID: ...", "EMPTY_CONTINUATION: ...", "CONTEXT_TOO_SHORT: ...",
  // "BAD_TOKENIZER: ..." with the task's name.
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
