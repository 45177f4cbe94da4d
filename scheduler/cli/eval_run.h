// One evaluation on the spot, without daemons: tasks, a runner, responses, scores.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/evaluation/answers.h"
#include "common/evaluation/group.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/score.h"
#include "common/evaluation/suite.h"
#include "worker/runner/messages.h"

namespace koeval::cli {

struct EvalSpec {
  std::string runner;  // path of koeval-runner
  runner::LoadFrame load;
  std::string tasks_dir;
  std::string datasets_dir;  // "" = none
  std::vector<std::string> tasks;
  std::optional<evaluation::Suite> suite;  // its tasks and shots, when given
  evaluation::Options options;
  bool forward_log = false;
};

// Tasks with their requests built and room for their responses.
struct EvalJob {
  std::vector<evaluation::Task> tasks;
  std::vector<evaluation::Group> groups;  // that were asked for, with those that they hold
  std::vector<evaluation::PreparedTask> prepared;
  std::vector<evaluation::AnswerSheet> answers;
  std::vector<std::vector<evaluation::Response>> responses;  // once all are there
};

struct EvalOutcome {
  runner::RunnerFacts facts;
  runner::PlannedFrame plan;
  std::vector<evaluation::TaskScore> scores;
  std::vector<evaluation::GroupScore> groups;
  int64_t run_ms = 0;
};

// (batches done, batches in all), after each batch.
using OnProgress = std::function<void(int64_t, int64_t)>;

// Loads and prepares the tasks. Errors name task, file and row.
Result<EvalJob> PrepareEval(const EvalSpec& spec);
// Runs `job` in a runner of its own and scores it.
Result<EvalOutcome> RunEval(const EvalSpec& spec, EvalJob& job, const OnProgress& on_progress);

// The frames that a runner needs to run `job` from a file: load, tasks, plan, run, quit.
Result<std::string> EmitFrames(const EvalSpec& spec, const EvalJob& job);
// Takes what a runner wrote to a file and scores it. FAILED_PRECONDITION when a request has no
// answer.
Result<EvalOutcome> CollectFrames(const std::string& frames, EvalJob& job);

}  // namespace koeval::cli
