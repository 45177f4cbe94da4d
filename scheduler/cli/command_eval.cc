// koeval eval: one evaluation on the spot, without daemons.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/evaluation/result_file.h"
#include "common/evaluation/result_table.h"
#include "scheduler/cli/chat_flags.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/eval_run.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/hub_flags.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

namespace ev = koeval::evaluation;

struct EvalFlags {
  std::string model, suite, tasks_dir, datasets_dir, output, profile, emit, collect, runner;
  std::string suites_dir = "configs/suites";
  std::string dtype = "float32", logits_dtype, device = "cpu", engine = "plan";
  std::vector<std::string> tasks;
  ChatFlags chat;
  HubFlags hub;
  std::string revision = "main";
  int64_t limit = -1, num_fewshot = -1, seed = -1, threads = 0;
  bool log_samples = false;
  bool verbose = false;
};

// --suite is a name in the suites folder or the path of a suite file.
Result<ev::Suite> FindSuite(const EvalFlags& flags) {
  if (flags.suite.find('/') != std::string::npos || flags.suite.ends_with(".yaml")) {
    return ev::LoadSuite(flags.suite);
  }
  ASSIGN_OR_RETURN(const auto suites, ev::LoadSuites(flags.suites_dir));
  std::string known;
  for (const ev::Suite& suite : suites) {
    if (suite.name == flags.suite) return suite;
    known += (known.empty() ? "" : ", ") + suite.name;
  }
  return NotFound(fmt::format("no suite \"{}\" in {}; there is {}", flags.suite, flags.suites_dir,
                              known.empty() ? "none" : known));
}

// The model's directory, and what holds it in the cache when it came from a hub.
struct ModelFiles {
  std::string dir;
  std::optional<hub::Snapshot> snapshot;
};

// --model is a directory, else ORG/NAME on the hub.
Result<ModelFiles> FindModel(const EvalFlags& flags) {
  std::error_code ignored;
  const auto path = std::filesystem::absolute(flags.model, ignored).lexically_normal();
  const bool is_here = std::filesystem::exists(path, ignored);
  // What can be no name of a repository is a directory that the runner will not find.
  if (is_here || !hub::CheckRepositoryId(flags.model).ok()) {
    return ModelFiles{path.string(), std::nullopt};
  }
  auto snapshot = FetchModel(flags.hub, flags.model, flags.revision);
  if (!snapshot.ok()) {
    return snapshot.status().WithContext("there is no directory " + flags.model +
                                         ", and from the hub");
  }
  std::string dir = snapshot->dir;
  return ModelFiles{std::move(dir), *std::move(snapshot)};
}

Result<EvalSpec> MakeSpec(const Shell& shell, const EvalFlags& flags, const std::string& model_dir,
                          WallTime started) {
  EvalSpec spec;
  spec.runner = flags.runner.empty()
                    ? (std::filesystem::path(shell.self).parent_path() / "koeval-runner").string()
                    : flags.runner;
  spec.tasks = flags.tasks;
  spec.tasks_dir = flags.tasks_dir;
  spec.datasets_dir = flags.datasets_dir;
  spec.forward_log = flags.verbose;
  std::string profile = flags.profile;
  if (!flags.suite.empty()) {
    ASSIGN_OR_RETURN(spec.suite, FindSuite(flags));
    if (spec.tasks.empty()) spec.tasks = ev::SuiteTasks(*spec.suite);
    if (spec.tasks_dir.empty()) spec.tasks_dir = spec.suite->tasks_dir;
    if (profile.empty()) profile = ev::ProfileName(spec.suite->profile);
  }
  if (spec.tasks.empty()) return InvalidArgument("name a --suite or a --task");
  if (spec.tasks_dir.empty()) spec.tasks_dir = "configs/demo/tasks";
  if (profile.empty()) profile = ev::ProfileName(ev::Profile::kLmEval04);
  ASSIGN_OR_RETURN(spec.options.profile, ev::ParseProfile(profile));
  if (flags.num_fewshot >= 0) spec.options.num_fewshot = flags.num_fewshot;
  if (flags.limit >= 0) spec.options.limit = flags.limit;
  if (flags.seed >= 0) spec.options.seed = flags.seed;
  spec.load.model_dir = model_dir;
  ASSIGN_OR_RETURN(spec.options.chat,
                   MakeChatOptions(flags.chat, spec.load.model_dir, started.micros / 1'000'000));
  spec.load.precision = flags.dtype;
  spec.load.logits_dtype = flags.logits_dtype;
  if (flags.logits_dtype.empty()) {
    const bool says = spec.suite && !spec.suite->logits_dtype.empty();
    spec.load.logits_dtype = says ? spec.suite->logits_dtype : "float32";
  }
  spec.load.device = flags.device;
  spec.load.threads = flags.threads;
  spec.load.profile = profile;
  spec.load.engine = flags.engine;
  return spec;
}

// A line that rewrites itself on a terminal; nothing elsewhere.
OnProgress ProgressTo(const Shell& shell, WallTime started) {
  if (::isatty(STDERR_FILENO) != 1) return [](int64_t, int64_t) {};
  return [&shell, started](int64_t done, int64_t total) {
    RequestView view;
    view.state = "RUNNING";
    view.phase = "batches";
    view.batches_done = done;
    view.batches_total = total;
    const int64_t elapsed_ms = (Clock::Real().Wall().micros - started.micros) / 1000;
    view.eta_ms = elapsed_ms * (total - done) / done;
    std::fprintf(stderr, "\r%s\x1b[K%s", RenderProgressLine(shell.terminal, view).c_str(),
                 done == total ? "\n" : "");
  };
}

ev::RunFacts FactsOf(const EvalFlags& flags, const EvalSpec& spec, const EvalOutcome& outcome,
                     const std::string& commit, WallTime started) {
  ev::RunFacts facts;
  facts.model_name = flags.model;
  if (!commit.empty()) {
    facts.revision = flags.revision;
    facts.model_sha = commit;
  }
  facts.model_args = fmt::format("pretrained={},dtype={}", flags.model, flags.dtype);
  facts.parameters = outcome.facts.parameters;
  facts.dtype = flags.dtype;
  facts.logits_dtype = spec.load.logits_dtype;
  facts.softmax_dtype = outcome.facts.logits_dtype;
  facts.device = flags.device;
  facts.limit = spec.options.limit;
  facts.chat = spec.options.chat;
  facts.profile = spec.options.profile;
  facts.fewshot_seed =
      spec.options.seed.value_or(spec.options.profile == ev::Profile::kLeaderboardV1 ? 42 : 1234);
  facts.max_length = outcome.facts.max_length;
  if (outcome.facts.bos_id) facts.bos_token = ev::TokenFact{"", *outcome.facts.bos_id};
  if (outcome.facts.eos_id) facts.eos_token = ev::TokenFact{"", *outcome.facts.eos_id};
  facts.engine = flags.engine;
  facts.hardware_class = outcome.facts.hardware_class;
  facts.plan_digest = outcome.plan.digest;
  facts.tokenizer_digest = outcome.facts.tokenizer_digest;
  facts.versions = {{"koeval", std::string(runner::kVersion)}};
  facts.started_at = started;
  facts.finished_at = Clock::Real().Wall();
  return facts;
}

struct Written {
  Json results;
  ev::ResultPaths paths;
};

Result<Written> WriteResults(const EvalFlags& flags, const EvalSpec& spec, const EvalJob& job,
                             const EvalOutcome& outcome,
                             const std::optional<ev::SuiteScore>& suite_score,
                             const std::string& commit, WallTime started) {
  std::vector<ev::TaskRun> runs;
  std::vector<std::pair<std::string, ev::SampleLog>> logs;
  for (size_t t = 0; t < job.tasks.size(); ++t) {
    ev::TaskRun run;
    run.prepared = &job.prepared[t];
    run.score = &outcome.scores[t];
    run.original_documents = static_cast<int64_t>(job.tasks[t].docs.size());
    run.task_digest = ev::TaskDigest(job.tasks[t]);
    if (t < outcome.plan.tasks.size()) run.truncated_requests = outcome.plan.tasks[t].truncated;
    if (flags.log_samples) {
      logs.emplace_back(job.tasks[t].config.task,
                        ev::MakeSampleLog(job.prepared[t], outcome.scores[t], job.responses[t]));
      run.sample_digest = logs.back().second.digest;
    }
    runs.push_back(std::move(run));
  }
  std::optional<ev::SuiteRun> suite;
  if (suite_score) suite = ev::SuiteRun{&*spec.suite, &*suite_score};
  const ev::RunFacts facts = FactsOf(flags, spec, outcome, commit, started);
  Written written;
  written.results = ev::MakeResults(facts, runs, suite, {job.groups, outcome.groups});
  if (!flags.output.empty()) {
    ASSIGN_OR_RETURN(written.paths,
                     ev::WriteResultFiles(flags.output, facts, written.results, logs));
  }
  return written;
}

TaskScoreView ToView(const ev::TaskScore& score) {
  TaskScoreView view{score.task, score.alias, score.num_fewshot, score.documents, {}};
  for (const ev::MetricValue& metric : score.metrics) {
    view.metrics.push_back({metric.metric, metric.filter, metric.value, metric.stderr_value});
  }
  return view;
}

// The harness's own tables, which show how groups lie in each other.
void PrintGroups(const Json& results) {
  Print(ev::ResultsTable(results, ev::TableKind::kTasks));
  if (results.contains("groups")) {
    Print("\n" + ev::ResultsTable(results, ev::TableKind::kGroups));
  }
}

void PrintScores(const Shell& shell, const EvalOutcome& outcome,
                 const std::optional<ev::SuiteScore>& suite_score, const Json& results) {
  if (!outcome.groups.empty() && !suite_score) return PrintGroups(results);
  ResultsView view;
  for (const ev::TaskScore& score : outcome.scores) view.tasks.push_back(ToView(score));
  if (!suite_score) {
    Print(RenderTaskScores(shell.terminal, view.tasks));
    return;
  }
  view.average = suite_score->average;
  for (const ev::EntryScore& entry : suite_score->entries) {
    view.entries.push_back({entry.name, entry.metric, entry.value, entry.stderr_value});
  }
  Print(RenderResults(shell.terminal, view));
}

Result<EvalOutcome> RunOrCollect(const Shell& shell, const EvalFlags& flags, const EvalSpec& spec,
                                 EvalJob& job, WallTime started) {
  if (flags.collect.empty()) return RunEval(spec, job, ProgressTo(shell, started));
  ASSIGN_OR_RETURN(const std::string frames, ReadFile(flags.collect, size_t{8} << 30));
  const auto outcome = CollectFrames(frames, job);
  if (!outcome.ok()) return outcome.status().WithContext(flags.collect);
  return outcome;
}

Status Eval(const Shell& shell, const EvalFlags& flags) {
  const WallTime started = Clock::Real().Wall();
  ASSIGN_OR_RETURN(const ModelFiles model, FindModel(flags));
  const std::string commit = model.snapshot ? model.snapshot->info.commit : "";
  ASSIGN_OR_RETURN(const EvalSpec spec, MakeSpec(shell, flags, model.dir, started));
  ASSIGN_OR_RETURN(EvalJob job, PrepareEval(spec));
  if (!flags.emit.empty()) {
    ASSIGN_OR_RETURN(const std::string frames, EmitFrames(spec, job));
    return WriteFileAtomically(flags.emit, frames, 0600);
  }
  ASSIGN_OR_RETURN(const EvalOutcome outcome, RunOrCollect(shell, flags, spec, job, started));
  std::optional<ev::SuiteScore> suite_score;
  if (spec.suite && flags.tasks.empty()) {
    ASSIGN_OR_RETURN(suite_score, ev::ScoreSuite(*spec.suite, outcome.scores));
  }
  ASSIGN_OR_RETURN(const Written written,
                   WriteResults(flags, spec, job, outcome, suite_score, commit, started));
  if (shell.json) {
    PrintJson(Document("eval", "results", written.results));
    return OkStatus();
  }
  PrintScores(shell, outcome, suite_score, written.results);
  if (!written.paths.results.empty()) {
    std::fprintf(stderr, "written to %s\n", written.paths.results.c_str());
  }
  return OkStatus();
}

void AddOptions(CLI::App& command, EvalFlags& flags) {
  command.add_option("--model", flags.model, "The model's directory, or ORG/NAME on the hub")
      ->required();
  command.add_option("--revision", flags.revision, "Of a model on the hub: branch, tag or commit")
      ->capture_default_str();
  AddHubFlags(command, flags.hub);
  command.add_option("--suite", flags.suite, "Name of a suite, or path of its file");
  command.add_option("--task", flags.tasks, "Names of tasks, groups or tags, separated by commas")
      ->delimiter(',');
  command.add_option("--tasks-dir", flags.tasks_dir, "Folder with task files");
  command
      .add_option("--datasets-dir", flags.datasets_dir,
                  "Folder with the rows of tasks that name a dataset")
      ->envname("KOEVAL_DATASETS_DIR");
  command.add_option("--suites-dir", flags.suites_dir, "Folder with suites")->capture_default_str();
  command.add_option("--limit", flags.limit, "First N documents of every task only")
      ->check(CLI::PositiveNumber);
  command.add_option("--num-fewshot", flags.num_fewshot, "Shots, instead of the task's own")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--profile", flags.profile, "leaderboard-v1 or lm-eval-0.4 (default)");
  command.add_option("--dtype", flags.dtype, "float32 (default), bfloat16 or float16")
      ->check(CLI::IsMember({"float32", "bfloat16", "float16"}));
  command
      .add_option("--logits-dtype", flags.logits_dtype,
                  "float32 or as_model (default: the suite's, else float32)")
      ->check(CLI::IsMember({"float32", "as_model"}));
  command.add_option("--device", flags.device, "cpu (default) or cuda:N");
  command.add_option("--threads", flags.threads, "CPU threads of the runner (0: all)")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--engine", flags.engine, "plan (default) or naive")
      ->check(CLI::IsMember({"plan", "naive"}));
  AddChatFlags(command, flags.chat);
  command.add_option("--seed", flags.seed, "Of the few-shot draw")->check(CLI::NonNegativeNumber);
  command.add_option("--output", flags.output, "Write result files below this folder");
  command.add_flag("--log-samples", flags.log_samples, "With --output: one line per document too");
  command.add_option("--runner", flags.runner, "Path of koeval-runner");
  command.add_flag("--verbose", flags.verbose, "Show the runner's log");
  CLI::Option* emit = command.add_option("--emit-frames", flags.emit,
                                         "Write what a runner elsewhere needs, and end");
  command.add_option("--collect", flags.collect, "Score what a runner wrote to this file")
      ->excludes(emit);
}

}  // namespace

void AddEvalCommand(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = app.add_subcommand("eval", "Evaluate a model here and now, without daemons");
  AddOptions(*command, *flags);
  command->footer(
      "Examples:\n"
      "  koeval eval --model configs/demo/model --suite demo\n"
      "  koeval eval --model org/name --revision v1.0 --suite demo\n"
      "  koeval eval --model ./mine --task demo_reasoning --limit 20 --output out --log-samples\n"
      "  koeval eval --model M --suite demo --emit-frames F; koeval-runner <F >R elsewhere;\n"
      "  koeval eval --model M --suite demo --collect R");
  command->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      const Status status = Eval(shell, *flags);
      return status.ok() ? kExitDone : Fail(status);
    };
  });
}

}  // namespace koeval::cli
