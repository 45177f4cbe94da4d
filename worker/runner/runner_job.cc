// Task frames to one plan.
#include "worker/runner/runner_job.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/check.h"
#include "common/base/sha256.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/task.h"
#include "worker/plan/encode.h"
#include "worker/runner/failure.h"

namespace koeval::runner {
namespace {

// The same failure with the task's name in front of its message.
Status InTask(const Status& status, const std::string& task, Ending fallback) {
  Failure failure = FailureOf(status, fallback);
  failure.message = fmt::format("task {}: {}", task, failure.message);
  return FailureStatus(failure);
}

std::string NameForErrors(const TaskFrame& frame) {
  return fmt::format("{} of {}", frame.index + 1, frame.total);
}

}  // namespace

void RunnerJob::AddTask(TaskFrame frame) {
  if (frame.index == 0) *this = {};
  if (!wrong_.ok()) return;
  const auto due = static_cast<int64_t>(frames_.size());
  if (planned() || frame.index != due || (due > 0 && frame.total != frames_.front().total)) {
    wrong_ =
        Internal(fmt::format("task frame {} came where {} was due", NameForErrors(frame), due + 1));
    return;
  }
  frames_.push_back(std::move(frame));
}

Result<PlannedFrame> RunnerJob::MakePlan(const std::string& job,
                                         const tokenizer::Tokenizer& tokenizer,
                                         const PlanRules& rules) {
  RETURN_IF_ERROR(wrong_);
  const bool complete =
      !frames_.empty() && static_cast<int64_t>(frames_.size()) == frames_.front().total;
  if (!complete) {
    return Internal(fmt::format("job {} has {} of its tasks; send all before the plan frame", job,
                                frames_.size()));
  }
  PlannedFrame out;
  out.job = job;
  Sha256 hash;
  for (TaskFrame& frame : frames_) {
    auto planned = PlanTask(frame, tokenizer, rules);
    if (!planned.ok()) {
      wrong_ = planned.status();
      return wrong_;
    }
    out.tasks.push_back(std::move(planned).value());
    hash.Add(tasks_.back().plan.digest);
    frame.task = nullptr;
  }
  frames_.clear();
  digest_ = hash.FinishHex();
  out.digest = digest_;
  return out;
}

Result<PlannedTask> RunnerJob::PlanTask(const TaskFrame& frame,
                                        const tokenizer::Tokenizer& tokenizer,
                                        const PlanRules& rules) {
  auto task = evaluation::TaskFromJson(frame.task);
  if (!task.ok()) return InTask(task.status(), NameForErrors(frame), Ending::kTaskInvalid);
  const std::string& name = task->config.task;
  const evaluation::Options options{.profile = rules.profile,
                                    .num_fewshot = frame.num_fewshot,
                                    .limit = frame.limit,
                                    .seed = frame.seed};
  auto prepared = evaluation::Prepare(*task, options);
  if (!prepared.ok()) return InTask(prepared.status(), name, Ending::kTaskInvalid);
  auto encoded = plan::EncodeRequests(tokenizer, prepared->requests,
                                      {.profile = rules.profile, .max_length = rules.max_length});
  if (!encoded.ok()) return InTask(encoded.status(), name, Ending::kBadTokenizer);
  auto plan = plan::BuildPlan(encoded->sequences, rules.limits);
  if (!plan.ok()) return InTask(plan.status(), name, Ending::kInternal);
  PlannedTask out{.task = name,
                  .batches = static_cast<int64_t>(plan->batches.size()),
                  .requests = static_cast<int64_t>(encoded->sequences.size()),
                  .documents = static_cast<int64_t>(prepared->documents.size()),
                  .truncated = encoded->truncated,
                  .naive_tokens = plan->naive_tokens,
                  .unique_tokens = plan->unique_tokens};
  if (!rules.keep_sequences) encoded->sequences.clear();
  tasks_.push_back(
      {.name = name, .plan = std::move(plan).value(), .sequences = std::move(encoded->sequences)});
  return out;
}

int64_t RunnerJob::batch_count() const {
  int64_t count = 0;
  for (const TaskPlan& task : tasks_) count += static_cast<int64_t>(task.plan.batches.size());
  return count;
}

RunnerJob::Place RunnerJob::Find(int64_t batch) const {
  for (const TaskPlan& task : tasks_) {
    const auto count = static_cast<int64_t>(task.plan.batches.size());
    if (batch < count) return {&task, &task.plan.batches[static_cast<size_t>(batch)]};
    batch -= count;
  }
  KOEVAL_CHECK(false, "a batch outside the plan");
}

}  // namespace koeval::runner
