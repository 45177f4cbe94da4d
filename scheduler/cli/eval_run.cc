// Feeding a runner and gathering its answers.
#include "scheduler/cli/eval_run.h"

#include <fmt/core.h>

#include "common/base/clock.h"
#include "common/evaluation/chat_options.h"
#include "common/evaluation/task_folder.h"
#include "worker/runner/failure.h"
#include "worker/runner/session.h"

namespace koeval::cli {
namespace {

namespace ev = koeval::evaluation;

constexpr const char* kJob = "eval";
constexpr LeaseId kLease{1};

// What each task is asked with: the suite's shots unless the command line has its own.
ev::Options OptionsFor(const EvalSpec& spec, const std::string& task) {
  ev::Options options = spec.options;
  if (!options.num_fewshot && spec.suite) options.num_fewshot = ev::SuiteShots(*spec.suite, task);
  return options;
}

runner::TaskFrame FrameOf(const EvalSpec& spec, const EvalJob& job, size_t index) {
  const ev::Options options = OptionsFor(spec, job.tasks[index].config.task);
  runner::TaskFrame frame;
  frame.job = kJob;
  frame.index = static_cast<int64_t>(index);
  frame.total = static_cast<int64_t>(job.tasks.size());
  frame.task = ev::TaskToJson(job.tasks[index]);
  frame.num_fewshot = options.num_fewshot;
  frame.limit = options.limit;
  frame.seed = options.seed;
  frame.chat = ev::ChatOptionsToJson(options.chat);
  return frame;
}

// Puts the answers of one batch into the job. INVALID_ARGUMENT for what is not of this job.
Status Take(const Json& results, EvalJob& job) {
  ASSIGN_OR_RETURN(const std::string name, JsonString(results, "task", "batch"));
  size_t task = 0;
  while (task < job.tasks.size() && job.tasks[task].config.task != name) ++task;
  const Json* answers = JsonFind(results, "results");
  if (task == job.tasks.size() || answers == nullptr || !answers->is_array()) {
    return InvalidArgument("a batch of a task that was not asked for: " + name);
  }
  for (const Json& answer : *answers) {
    const auto placed = job.answers[task].Place(answer);
    if (!placed.ok()) return placed.status().WithContext("an answer of " + name);
  }
  return OkStatus();
}

Status ScoreAll(EvalJob& job, EvalOutcome& outcome) {
  for (size_t t = 0; t < job.tasks.size(); ++t) {
    if (const auto missing = job.answers[t].FirstMissing()) {
      return FailedPrecondition(
          fmt::format("request {} of task {} has no answer: run the frames "
                      "to their end and collect again",
                      *missing, job.tasks[t].config.task));
    }
    job.responses.push_back(job.answers[t].Responses());
    ASSIGN_OR_RETURN(ev::TaskScore score, ev::Score(job.prepared[t], job.responses[t]));
    outcome.scores.push_back(std::move(score));
  }
  ASSIGN_OR_RETURN(outcome.groups, ev::ScoreGroups(job.groups, outcome.scores));
  return OkStatus();
}

}  // namespace

Result<EvalJob> PrepareEval(const EvalSpec& spec) {
  EvalJob job;
  ASSIGN_OR_RETURN(ev::TaskSelection selection,
                   ev::LoadSelection(spec.tasks_dir, spec.tasks, spec.datasets_dir));
  job.tasks = std::move(selection.tasks);
  job.groups = std::move(selection.groups);
  for (const ev::Task& task : job.tasks) {
    ASSIGN_OR_RETURN(ev::PreparedTask prepared,
                     ev::Prepare(task, OptionsFor(spec, task.config.task)));
    job.answers.emplace_back(prepared.request_kind, prepared.requests.size());
    job.prepared.push_back(std::move(prepared));
  }
  return job;
}

Result<EvalOutcome> RunEval(const EvalSpec& spec, EvalJob& job, const OnProgress& on_progress) {
  runner::SessionOptions options;
  options.spawn.binary = spec.runner;
  options.spawn.forward_log = spec.forward_log;
  const Clock& clock = Clock::Real();
  const MonoTime started = clock.Mono();
  ASSIGN_OR_RETURN(const auto session, runner::RunnerSession::Start(options, clock));
  EvalOutcome outcome;
  ASSIGN_OR_RETURN(outcome.facts, session->Load(spec.load));
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    RETURN_IF_ERROR(session->SendTask(FrameOf(spec, job, i)));
  }
  ASSIGN_OR_RETURN(outcome.plan, session->Plan(kJob));
  runner::RunFrame run;
  run.job = kJob;
  run.lease = kLease;
  run.end = outcome.plan.BatchCount();
  run.plan_digest = outcome.plan.digest;
  ASSIGN_OR_RETURN(const auto ran,
                   session->Run(run, [&](const runner::BatchFrame& batch) -> Status {
                     RETURN_IF_ERROR(Take(batch.results, job));
                     on_progress(batch.batch + 1, *run.end);
                     return OkStatus();
                   }));
  (void)session->Close();
  if (ran.how != runner::RunOutcome::How::kDone) return Internal("the runner stopped by itself");
  RETURN_IF_ERROR(ScoreAll(job, outcome));
  outcome.run_ms = clock.Mono() - started;
  return outcome;
}

Result<std::string> EmitFrames(const EvalSpec& spec, const EvalJob& job) {
  std::string frames = runner::FormatFrame(spec.load);
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    frames += runner::FormatFrame(FrameOf(spec, job, i));
  }
  frames += runner::FormatFrame(runner::PlanFrame{kJob});
  runner::RunFrame run;
  run.job = kJob;
  run.lease = kLease;
  frames += runner::FormatFrame(run);
  return frames + runner::FormatFrame(runner::QuitFrame{});
}

Result<EvalOutcome> CollectFrames(const std::string& frames, EvalJob& job) {
  EvalOutcome outcome;
  size_t at = 0;
  for (int64_t number = 1; at < frames.size(); ++number) {
    const size_t end = std::min(frames.find('\n', at), frames.size());
    const auto frame = runner::ParseRunnerFrame(std::string_view(frames).substr(at, end - at));
    at = end + 1;
    if (!frame.ok()) return frame.status().WithContext(fmt::format("line {}", number));
    if (const auto* loaded = std::get_if<runner::LoadedFrame>(&*frame)) {
      outcome.facts = loaded->facts;
    } else if (const auto* planned = std::get_if<runner::PlannedFrame>(&*frame)) {
      outcome.plan = *planned;
    } else if (const auto* batch = std::get_if<runner::BatchFrame>(&*frame)) {
      RETURN_IF_ERROR(Take(batch->results, job));
      outcome.run_ms += batch->run_ms;
    } else if (const auto* failed = std::get_if<runner::FailedFrame>(&*frame)) {
      return FailedPrecondition(failed->ending + ": " + failed->message);
    }
  }
  RETURN_IF_ERROR(ScoreAll(job, outcome));
  return outcome;
}

}  // namespace koeval::cli
