// Task frames to one plan.
#include "worker/runner/runner_job.h"

#include <fmt/core.h>

#include <utility>

#include "common/base/check.h"
#include "common/base/sha256.h"
#include "common/evaluation/chat_options.h"
#include "common/evaluation/task.h"
#include "worker/runner/failure.h"

namespace koeval::runner {
namespace {

using evaluation::RequestKind;

// The same failure with the task's name in front of its message.
Status InTask(const Status& status, const std::string& task, Ending fallback) {
  Failure failure = FailureOf(status, fallback);
  failure.message = fmt::format("task {}: {}", task, failure.message);
  return FailureStatus(failure);
}

Result<plan::Encoded> Encode(const evaluation::PreparedTask& task,
                             const tokenizer::Tokenizer& tokenizer, const PlanRules& rules) {
  const plan::EncodeOptions options{.profile = rules.profile, .max_length = rules.max_length};
  switch (task.request_kind) {
    case RequestKind::kLoglikelihood:
      return plan::EncodeRequests(tokenizer, task.requests, options);
    case RequestKind::kLoglikelihoodRolling:
      return plan::EncodeRolling(tokenizer, task.requests, options);
    case RequestKind::kGenerate:
      return plan::EncodePrompts(tokenizer, task.requests, options, task.generation.max_tokens);
  }
  return Internal("a request of an unknown kind");
}

// Requests that none of `windows`, ascending by request, belongs to.
std::vector<int32_t> WithoutWindows(const std::vector<plan::Window>& windows, size_t requests) {
  std::vector<int32_t> out;
  auto window = windows.begin();
  for (int32_t request = 0; request < static_cast<int32_t>(requests); ++request) {
    if (window == windows.end() || window->request != request) out.push_back(request);
    while (window != windows.end() && window->request == request) ++window;
  }
  return out;
}

std::string NameForErrors(const TaskFrame& frame) {
  return fmt::format("{} of {}", frame.index + 1, frame.total);
}

// What only one kind of requests has, besides sequences and batches.
Status AddParts(const evaluation::PreparedTask& task, const tokenizer::Tokenizer& tokenizer,
                const PlanRules& rules, TaskPlan& out) {
  if (task.request_kind == RequestKind::kGenerate) {
    if (!rules.generation_problem.empty()) return InvalidArgument(rules.generation_problem);
    ASSIGN_OR_RETURN(
        out.stop, plan::StopRule::Make(tokenizer, rules.profile, task.generation, rules.end_ids));
    out.repetition_penalty = rules.repetition_penalty;
  }
  if (task.request_kind == RequestKind::kLoglikelihoodRolling) {
    out.without_windows = WithoutWindows(out.purpose.windows, task.requests.size());
    if (out.plan.batches.empty() && !out.without_windows.empty()) {
      return FailedPrecondition(
          "EMPTY_CONTINUATION: none of the texts has a token; check doc_to_target and the data");
    }
  }
  return OkStatus();
}

}  // namespace

Result<PlannedWork> PlanPrepared(const evaluation::PreparedTask& task,
                                 const tokenizer::Tokenizer& tokenizer, const PlanRules& rules) {
  auto encoded = Encode(task, tokenizer, rules);
  if (!encoded.ok()) return FailureStatus(FailureOf(encoded.status(), Ending::kBadTokenizer));
  TaskPlan out;
  out.name = task.config.task;
  out.purpose = {.kind = task.request_kind,
                 .windows = std::move(encoded->windows),
                 .generation = task.generation};
  ASSIGN_OR_RETURN(out.plan, plan::BuildPlan(encoded->sequences, rules.limits, out.purpose));
  RETURN_IF_ERROR(AddParts(task, tokenizer, rules, out));
  PlannedTask facts{.task = out.name,
                    .batches = static_cast<int64_t>(out.plan.batches.size()),
                    .requests = static_cast<int64_t>(task.requests.size()),
                    .documents = static_cast<int64_t>(task.documents.size()),
                    .truncated = encoded->truncated,
                    .naive_tokens = out.plan.naive_tokens,
                    .unique_tokens = out.plan.unique_tokens};
  if (rules.keep_sequences) out.sequences = std::move(encoded->sequences);
  return PlannedWork{std::move(out), std::move(facts)};
}

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
  auto chat = evaluation::ChatOptionsFromJson(frame.chat);
  if (!chat.ok()) return InTask(chat.status(), name, Ending::kInternal);
  const evaluation::Options options{.profile = rules.profile,
                                    .num_fewshot = frame.num_fewshot,
                                    .limit = frame.limit,
                                    .seed = frame.seed,
                                    .chat = *std::move(chat)};
  auto prepared = evaluation::Prepare(*task, options);
  if (!prepared.ok()) {
    // It is the model's chat template that cannot write the prompts of this task.
    const bool by_template = prepared.status().code() == Code::kFailedPrecondition;
    return InTask(prepared.status(), name,
                  by_template ? Ending::kBadTokenizer : Ending::kTaskInvalid);
  }
  auto work = PlanPrepared(*prepared, tokenizer, rules);
  if (!work.ok()) return InTask(work.status(), name, Ending::kInternal);
  tasks_.push_back(std::move(work->plan));
  return work->facts;
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
