// The real koeval-runner with tiny checkpoints: plan against naive, ranges over fresh processes,
// files instead of pipes, signals, and the reference harness's log-likelihoods.
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cmath>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "common/base/file.h"
#include "common/evaluation/task.h"
#include "tests/common/temp_folder.h"
#include "worker/runner/failure.h"
#include "worker/runner/session.h"

namespace koeval::runner {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// (task, request) -> (log-likelihood, greedy)
using Answers = std::map<std::pair<std::string, int64_t>, std::pair<double, bool>>;

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Binary() {
  return FromEnvironment("KOEVAL_BIN_DIR") + "/koeval-runner";
}

fs::path ModelsDir() {
  return fs::path(FromEnvironment("KOEVAL_SOURCE_DIR")) / "tests/golden/models";
}

std::vector<std::string> Models() {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(ModelsDir())) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

LoadFrame LoadOf(const std::string& model, const std::string& engine = "plan") {
  LoadFrame load;
  load.model_dir = ModelsDir() / model;
  load.threads = 1;
  load.engine = engine;
  return load;
}

// Questions whose choices share a context, and whose contexts share a start.
evaluation::Task Questions(const std::string& name, int documents) {
  evaluation::Task task;
  task.config.task = name;
  task.config.test_split = "test";
  task.config.doc_to_text = "question";
  task.config.doc_to_choice = "choices";
  task.config.doc_to_target = 0;
  task.config.metrics = {{.metric = "acc", .aggregation = "mean", .higher_is_better = true}};
  for (int i = 0; i < documents; ++i) {
    const int moved = i * 7 % 13;
    const std::string question = fmt::format(
        "다음 물음에 답하시오.\n문제 {}. 창고에 상자가 {}개 있고 그 가운데 {}개를 옮겼다. "
        "남은 상자는 몇 개인가?\n답:",
        i, i + 20, moved);
    task.docs.push_back({{"question", question},
                         {"choices", {fmt::format("{}개입니다", i + 20 - moved), "모른다", "x"}}});
  }
  return task;
}

void AddTo(Answers& answers, const BatchFrame& batch) {
  for (const Json& result : batch.results["results"]) {
    const auto key = std::pair(batch.results["task"].get<std::string>(), result[0].get<int64_t>());
    EXPECT_TRUE(answers.try_emplace(key, result[1], result[2]).second) << "answered twice";
  }
}

struct Loaded {
  std::unique_ptr<RunnerSession> session;
  PlannedFrame plan;
};

// A runner with `tasks` planned as job "j".
Loaded Prepare(const LoadFrame& load, const std::vector<evaluation::Task>& tasks) {
  SessionOptions options;
  options.spawn.binary = Binary();
  auto session = RunnerSession::Start(options);
  EXPECT_TRUE(session.ok()) << session.status().ToString();
  if (!session.ok()) return {};
  const auto facts = (*session)->Load(load);
  EXPECT_TRUE(facts.ok()) << facts.status().ToString();
  for (size_t i = 0; i < tasks.size(); ++i) {
    TaskFrame frame;
    frame.job = "j";
    frame.index = static_cast<int64_t>(i);
    frame.total = static_cast<int64_t>(tasks.size());
    frame.task = evaluation::TaskToJson(tasks[i]);
    EXPECT_TRUE((*session)->SendTask(frame).ok());
  }
  auto plan = (*session)->Plan("j");
  EXPECT_TRUE(plan.ok()) << plan.status().ToString();
  if (!plan.ok()) return {};
  return {std::move(*session), *plan};
}

RunFrame RunOf(const Loaded& loaded, int64_t begin, int64_t end) {
  RunFrame run;
  run.job = "j";
  run.lease = LeaseId{begin + 1};
  run.begin = begin;
  run.end = end;
  run.plan_digest = loaded.plan.digest;
  return run;
}

Answers RunRange(const Loaded& loaded, int64_t begin, int64_t end) {
  Answers answers;
  const auto outcome = loaded.session->Run(RunOf(loaded, begin, end), [&](const BatchFrame& batch) {
    AddTo(answers, batch);
    return OkStatus();
  });
  EXPECT_TRUE(outcome.ok()) << outcome.status().ToString();
  return answers;
}

class RunnerBinary : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(FromEnvironment("KOEVAL_BIN_DIR").empty());
    ASSERT_FALSE(FromEnvironment("KOEVAL_SOURCE_DIR").empty());
  }
};

TEST_F(RunnerBinary, PlanAgreesWithEachRequestAlone) {
  for (const std::string& model : Models()) {
    const std::vector tasks = {Questions("q", 40)};
    const Loaded plan = Prepare(LoadOf(model), tasks);
    const Loaded naive = Prepare(LoadOf(model, "naive"), tasks);
    ASSERT_TRUE(plan.session && naive.session) << model;
    EXPECT_EQ(plan.plan.digest, naive.plan.digest) << model;
    EXPECT_LT(plan.plan.tasks[0].unique_tokens, plan.plan.tasks[0].naive_tokens / 2) << model;
    const Answers a = RunRange(plan, 0, plan.plan.BatchCount());
    const Answers b = RunRange(naive, 0, naive.plan.BatchCount());
    ASSERT_EQ(a.size(), 120U) << model;
    ASSERT_EQ(b.size(), 120U) << model;
    for (const auto& [key, answer] : a) {
      EXPECT_NEAR(answer.first, b.at(key).first, 1e-4) << model << " request " << key.second;
    }
    EXPECT_EQ(plan.session->Close().ending, Ending::kFinished);
  }
}

TEST_F(RunnerBinary, RangesOverFreshProcessesAreBitEqualToOneRun) {
  const std::vector tasks = {Questions("a", 300), Questions("b", 200)};
  const Loaded one = Prepare(LoadOf("llama"), tasks);
  const int64_t count = one.plan.BatchCount();
  ASSERT_GT(count, 2);
  const Answers whole = RunRange(one, 0, count);
  Answers pieces;
  for (int64_t begin = 0; begin < count; begin += 2) {
    const Loaded fresh = Prepare(LoadOf("llama"), tasks);
    ASSERT_EQ(fresh.plan.digest, one.plan.digest);
    pieces.merge(RunRange(fresh, begin, std::min(begin + 2, count)));
  }
  EXPECT_EQ(pieces, whole);
}

TEST_F(RunnerBinary, KillCostsTheBatchInFlightAndNothingElse) {
  const std::vector tasks = {Questions("a", 500)};
  const Loaded first = Prepare(LoadOf("gpt2"), tasks);
  const int64_t count = first.plan.BatchCount();
  ASSERT_GT(count, 2);
  Answers answers;
  int64_t next = 0;
  const auto outcome = first.session->Run(RunOf(first, 0, count), [&](const BatchFrame& batch) {
    AddTo(answers, batch);
    next = batch.batch + 1;
    if (next == 1) {
      EXPECT_EQ(::kill(static_cast<pid_t>(first.session->pid()), SIGKILL), 0);
    }
    return OkStatus();
  });
  // It may have been through with its work before the signal came.
  if (!outcome.ok()) {
    EXPECT_EQ(FailureOf(outcome.status()).ending, Ending::kRunnerCrashed);
    EXPECT_THAT(outcome.status().message(), HasSubstr("SIGKILL"));
  }
  const Loaded second = Prepare(LoadOf("gpt2"), tasks);
  answers.merge(RunRange(second, next, count));
  EXPECT_EQ(answers, RunRange(second, 0, count));
}

TEST_F(RunnerBinary, SigtermEndsItCleanlyBetweenBatches) {
  const Loaded loaded = Prepare(LoadOf("gpt2"), {Questions("a", 500)});
  const auto outcome =
      loaded.session->Run(RunOf(loaded, 0, loaded.plan.BatchCount()), [&](const BatchFrame& batch) {
        if (batch.batch == 0) ::kill(static_cast<pid_t>(loaded.session->pid()), SIGTERM);
        return OkStatus();
      });
  ASSERT_TRUE(outcome.ok()) << outcome.status().ToString();
  EXPECT_EQ(loaded.session->Close().exit_status, 0);
}

TEST_F(RunnerBinary, FilesGiveWhatPipesGive) {
  const evaluation::Task task = Questions("a", 60);
  const Loaded loaded = Prepare(LoadOf("qwen2"), {task});
  const Answers piped = RunRange(loaded, 0, loaded.plan.BatchCount());
  TaskFrame frame;
  frame.job = "j";
  frame.task = evaluation::TaskToJson(task);
  RunFrame run;
  run.job = "j";
  const TempFolder folder;
  const std::string in = folder.File("frames_in");
  const std::string out = folder.File("frames_out");
  ASSERT_TRUE(WriteFileAtomically(
                  in, FormatFrame(ParentFrame(LoadOf("qwen2"))) + FormatFrame(ParentFrame(frame)) +
                          FormatFrame(ParentFrame(PlanFrame{"j"})) + FormatFrame(ParentFrame(run)))
                  .ok());
  ASSERT_EQ(std::system(fmt::format("'{}' <'{}' >'{}'", Binary(), in, out).c_str()), 0);
  Answers filed;
  bool done = false;
  std::ifstream lines(out);
  for (std::string line; std::getline(lines, line);) {
    const auto got = ParseRunnerFrame(line);
    ASSERT_TRUE(got.ok()) << got.status().ToString();
    if (const auto* batch = std::get_if<BatchFrame>(&*got)) AddTo(filed, *batch);
    done = done || std::holds_alternative<LeaseDoneFrame>(*got);
  }
  EXPECT_TRUE(done);
  EXPECT_EQ(filed, piped);
}

TEST_F(RunnerBinary, BadModelsAreNamedAndTheRunnerLivesOn) {
  SessionOptions options;
  options.spawn.binary = Binary();
  const auto session = RunnerSession::Start(options);
  ASSERT_TRUE(session.ok()) << session.status().ToString();
  LoadFrame load;
  load.model_dir = "/nonexistent/model";
  const auto missing = (*session)->Load(load);
  ASSERT_FALSE(missing.ok());
  EXPECT_NE(FailureOf(missing.status()).ending, Ending::kInternal) << missing.status().ToString();
  EXPECT_THAT(missing.status().message(), HasSubstr("/nonexistent/model"));
  const auto good = (*session)->Load(LoadOf("llama"));
  EXPECT_TRUE(good.ok()) << good.status().ToString();
}

TEST_F(RunnerBinary, CommandLineIsAnswered) {
  const auto run = [](const std::string& arguments) {
    const int status =
        std::system(fmt::format("'{}' {} </dev/null >/dev/null 2>&1", Binary(), arguments).c_str());
    return WEXITSTATUS(status);
  };
  EXPECT_EQ(run("--help"), 0);
  EXPECT_EQ(run("--version"), 0);
  EXPECT_EQ(run("--no-such-flag"), 2);
  EXPECT_EQ(run("--log-level loud"), 2);
  EXPECT_EQ(run("--in-fd 77"), 2);
  EXPECT_EQ(run(""), 0);  // the end of its input
}

// ---- the reference harness ----

struct GoldenTask {
  evaluation::Task task;
  std::vector<std::pair<double, bool>> wanted;  // in request order
};

// A golden file as a task: contexts and continuations as they are, nothing rendered.
std::optional<GoldenTask> ReadGolden(const fs::path& path) {
  GoldenTask out;
  out.task = Questions(path.stem(), 0);
  out.task.config.doc_to_text = "ctx";
  out.task.config.doc_to_choice = "conts";
  out.task.config.target_delimiter = "";
  out.task.config.overrides = {{"shuffle_documents", false}};
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    const auto line = ParseJson(text);
    EXPECT_TRUE(line.ok()) << path;
    if (JsonFind(*line, "conts") == nullptr || JsonFind(*line, "ll") == nullptr) return {};
    out.task.docs.push_back({{"ctx", line->at("ctx")}, {"conts", line->at("conts")}});
    for (size_t i = 0; i < line->at("ll").size(); ++i) {
      out.wanted.emplace_back(line->at("ll")[i], line->at("is_greedy")[i]);
    }
  }
  return out;
}

class RunnerGoldens : public RunnerBinary, public testing::WithParamInterface<const char*> {};

TEST_P(RunnerGoldens, EveryLogLikelihoodIsTheHarnesss) {
  const std::string data = FromEnvironment("KOEVAL_TEST_DATA");
  if (data.empty()) GTEST_SKIP() << "KOEVAL_TEST_DATA names no folder of test data";
  const fs::path folder = fs::path(data) / ".." / "goldens" / GetParam();
  if (!fs::is_directory(folder)) GTEST_SKIP() << folder << " is not there";
  int64_t compared = 0, models = 0;
  double worst = 0;
  for (const std::string& model : Models()) {
    if (!fs::is_directory(folder / model)) continue;
    ++models;
    std::vector<evaluation::Task> tasks;
    std::map<std::string, std::vector<std::pair<double, bool>>> wanted;
    for (const auto& file : fs::directory_iterator(folder / model)) {
      if (file.path().extension() != ".jsonl") continue;
      auto golden = ReadGolden(file.path());
      if (!golden) continue;
      wanted[golden->task.config.task] = golden->wanted;
      tasks.push_back(std::move(golden->task));
    }
    LoadFrame load = LoadOf(model);
    load.profile = std::string(GetParam()) == "lm_eval" ? "lm-eval-0.4" : "leaderboard-v1";
    const Loaded loaded = Prepare(load, tasks);
    ASSERT_TRUE(loaded.session) << model;
    const Answers answers = RunRange(loaded, 0, loaded.plan.BatchCount());
    for (const auto& [task, values] : wanted) {
      for (size_t i = 0; i < values.size(); ++i, ++compared) {
        const auto& got = answers.at({task, static_cast<int64_t>(i)});
        const double off = std::abs(got.first - values[i].first);
        worst = std::max(worst, off);
        ASSERT_LE(off, 1e-3 + 2e-6 * std::abs(values[i].first)) << model << " " << task << " " << i;
        ASSERT_EQ(got.second, values[i].second) << model << " " << task << " " << i;
      }
    }
  }
  std::cout << GetParam() << ": " << compared << " requests, largest difference " << worst << "\n";
  EXPECT_GT(compared, 500);
  EXPECT_EQ(models, std::distance(fs::directory_iterator(folder), {}))
      << "a golden model is missing";
}

INSTANTIATE_TEST_SUITE_P(Profiles, RunnerGoldens, testing::Values("lm_eval", "lm_eval_old"),
                         [](const auto& test) { return std::string(test.param); });

}  // namespace
}  // namespace koeval::runner
