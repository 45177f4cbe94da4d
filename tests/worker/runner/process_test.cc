// A runner as a process: start, frames, stop ladder, reaping, isolation.
#include "worker/runner/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <set>
#include <string>
#include <thread>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/runner/fake_runner.h"

namespace koeval::runner {
namespace {

using testing::HasSubstr;

constexpr int64_t kLongMs = 60'000;  // a wait that only a failure uses up

std::unique_ptr<RunnerProcess> MustSpawn(const SpawnOptions& options) {
  auto process = RunnerProcess::Spawn(options);
  EXPECT_TRUE(process.ok()) << process.status().ToString();
  return std::move(process).value();
}

template <typename Frame>
Frame Expect(RunnerProcess& process) {
  auto next = process.Next(kLongMs);
  EXPECT_TRUE(next.ok()) << next.status().ToString();
  if (!next.ok() || !*next || !std::holds_alternative<Frame>(**next)) {
    ADD_FAILURE() << "another frame";
    return {};
  }
  return std::get<Frame>(**next);
}

// The process is gone and reaped: nothing is left to wait for.
void ExpectGone(int64_t pid) {
  EXPECT_EQ(::kill(static_cast<pid_t>(pid), 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(RunnerProcess, QuitEndsItCleanly) {
  auto process = MustSpawn(Script({SayReady(), "quit"}));
  EXPECT_EQ(Expect<ReadyFrame>(*process).version, "0.1.0");
  const int64_t pid = process->pid();
  const RunnerExit exit = process->Stop();
  EXPECT_EQ(exit.ending, Ending::kFinished);
  EXPECT_EQ(exit.exit_status, 0);
  ExpectGone(pid);
  EXPECT_EQ(process->Stop().ending, Ending::kFinished);
}

TEST(RunnerProcess, SigtermFollowsAnIgnoredQuit) {
  auto process = MustSpawn(Script({SayReady(), "hang"}));
  Expect<ReadyFrame>(*process);
  const RunnerExit exit = process->Stop({.quit_ms = 50, .term_ms = kLongMs});
  EXPECT_EQ(exit.signal, SIGTERM);
  EXPECT_EQ(exit.ending, Ending::kCancelled);
  ExpectGone(process->pid());
}

TEST(RunnerProcess, SigkillFollowsAnIgnoredSigterm) {
  auto process = MustSpawn(Script({"ignore:15", SayReady(), "hang"}));
  Expect<ReadyFrame>(*process);
  const RunnerExit exit = process->Stop({.quit_ms = 20, .term_ms = 20});
  EXPECT_EQ(exit.signal, SIGKILL);
  EXPECT_EQ(exit.ending, Ending::kCancelled);
  ExpectGone(process->pid());
}

TEST(RunnerProcess, DestructionKillsAndReaps) {
  auto process = MustSpawn(Script({SayReady(), "hang"}));
  Expect<ReadyFrame>(*process);
  const int64_t pid = process->pid();
  process.reset();
  ExpectGone(pid);
}

TEST(RunnerProcess, ChildrenOfTheRunnerGoWithIt) {
  auto process = MustSpawn(Script({"child", SayReady(), "raise:11"}));
  Expect<ReadyFrame>(*process);
  // The grandchild holds the pipes open; the end is seen all the same.
  EXPECT_EQ(process->Next(kLongMs).status().code(), Code::kUnavailable);
  EXPECT_EQ(process->ended()->signal, SIGSEGV);
  EXPECT_EQ(::kill(-static_cast<pid_t>(process->pid()), SIGKILL) == 0 || errno == ESRCH, true);
}

TEST(RunnerProcess, FramesWrittenBeforeACrashAreDelivered) {
  auto process = MustSpawn(Script({SayReady(), Say(LeaseDoneFrame{LeaseId{4}}), "log:oh no",
                                   "raw:{\"type\":\"batch\",\"job", "raise:6"}));
  Expect<ReadyFrame>(*process);
  EXPECT_EQ(Expect<LeaseDoneFrame>(*process).lease, LeaseId{4});
  EXPECT_EQ(process->Next(kLongMs).status().code(), Code::kUnavailable);
  const RunnerExit exit = *process->ended();
  EXPECT_EQ(exit.ending, Ending::kRunnerCrashed);
  EXPECT_THAT(exit.message, HasSubstr("SIGABRT"));
  EXPECT_THAT(exit.message, HasSubstr("oh no"));
}

TEST(RunnerProcess, WhatIsNoFrameBreaksTheStream) {
  auto process = MustSpawn(Script({SayReady(), "say:hello", "hang"}));
  Expect<ReadyFrame>(*process);
  EXPECT_EQ(process->Next(kLongMs).status().code(), Code::kDataLoss);
  process->Kill();
  ExpectGone(process->pid());
}

TEST(RunnerProcess, AliveFramesCountAsSoundOnly) {
  auto process = MustSpawn(Script({"alive:3", SayReady(), "quit"}));
  Expect<ReadyFrame>(*process);
  EXPECT_GE(process->SilentMs(), 0);
}

TEST(RunnerProcess, NothingIsAnAnswerToAShortWait) {
  auto process = MustSpawn(Script({"hang"}));
  const auto next = process->Next(10);
  ASSERT_TRUE(next.ok());
  EXPECT_FALSE(next->has_value());
}

TEST(RunnerProcess, ManyFramesWaitUntilTheyAreTaken) {
  // More than the bound, so that reading pauses and goes on.
  std::string frames;
  constexpr int64_t kCount = static_cast<int64_t>(kFramesWaitingMax) * 3;
  for (int64_t i = 0; i < kCount; ++i) {
    frames += FormatFrame(RunnerFrame(LeaseDoneFrame{LeaseId{i}}));
  }
  SpawnOptions options = Script({});
  // One argument has a bound of its own (128 KiB): several of them.
  for (size_t at = 0; at < frames.size(); at += 60'000) {
    options.arguments.push_back("raw:" + frames.substr(at, 60'000));
  }
  options.arguments.push_back("quit");
  auto process = MustSpawn(options);
  for (int64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(Expect<LeaseDoneFrame>(*process).lease, LeaseId{i});
  }
  EXPECT_EQ(process->Stop().ending, Ending::kFinished);
}

TEST(RunnerProcess, MissingBinaryIsNotFound) {
  SpawnOptions options;
  options.binary = "/nonexistent/koeval-runner";
  const auto process = RunnerProcess::Spawn(options);
  ASSERT_FALSE(process.ok());
  EXPECT_EQ(process.status().code(), Code::kNotFound);
  EXPECT_THAT(process.status().message(), HasSubstr("/nonexistent/koeval-runner"));
}

TEST(RunnerProcess, EnvironmentIsCleanedOfWhatMayBeSecret) {
  ASSERT_EQ(::setenv("KOEVAL_TOKEN", "secret", 1), 0);
  ASSERT_EQ(::setenv("LANG", "C", 1), 0);
  SpawnOptions options = Script({"env", SayReady(), "quit"});
  options.environment = {{"EXTRA", "1"}, {"LANG", "C.UTF-8"}};
  auto process = MustSpawn(options);
  std::multiset<std::string> names;
  while (true) {
    auto next = process->Next(kLongMs);
    ASSERT_TRUE(next.ok() && *next);
    const auto* name = std::get_if<FailedFrame>(&**next);
    if (name == nullptr) break;
    names.insert(name->message);
  }
  EXPECT_EQ(names.count("EXTRA"), 1U);
  EXPECT_EQ(names.count("LANG"), 1U);
  EXPECT_EQ(names.count("KOEVAL_TOKEN"), 0U);
}

TEST(RunnerProcess, NoDescriptorIsInheritedByAccident) {
  const int leak = ::dup(STDERR_FILENO);  // not close-on-exec
  auto process = MustSpawn(Script({"fds", "quit"}));
  EXPECT_EQ(Expect<FailedFrame>(*process).message, "3");
  ::close(leak);
}

TEST(RunnerProcess, LeadsItsGroupDumpsNoCoreAndIsTheKernelsFirstChoice) {
  auto process = MustSpawn(Script({"limits", "quit"}));
  EXPECT_EQ(Expect<FailedFrame>(*process).message, "core=0 leader=1 score=500");
}

// The thread that asks for a runner may end; the runner's life hangs on its own thread.
TEST(RunnerProcess, OutlivesTheThreadThatAskedForIt) {
  std::unique_ptr<RunnerProcess> process;
  std::thread([&] {
    process = MustSpawn(Script({SayReady(), "read", SayReady(), "quit"}));
  }).join();
  Expect<ReadyFrame>(*process);
  ASSERT_TRUE(process->Send(PlanFrame{"j"}, kLongMs).ok());
  Expect<ReadyFrame>(*process);
  EXPECT_EQ(process->Stop().ending, Ending::kFinished);
}

TEST(RunnerProcess, KernelKillForMemoryIsTold) {
  const TempFolder folder;
  const std::string path = folder.File("vmstat");
  ASSERT_TRUE(WriteFileAtomically(path, "oom_kill 4\n").ok());
  SpawnOptions options = Script({SayReady(), "read", "raise:9"});
  options.vmstat_path = path;
  auto process = MustSpawn(options);
  Expect<ReadyFrame>(*process);
  ASSERT_TRUE(WriteFileAtomically(path, "oom_kill 5\n").ok());
  ASSERT_TRUE(process->Send(QuitFrame{}, kLongMs).ok());
  EXPECT_FALSE(process->Next(kLongMs).ok());
  EXPECT_EQ(process->ended()->ending, Ending::kOutOfMemory);
}

}  // namespace
}  // namespace koeval::runner
