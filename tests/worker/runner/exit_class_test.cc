// The ending that a runner's death stands for.
#include "worker/runner/exit_class.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

namespace koeval::runner {
namespace {

using testing::HasSubstr;

constexpr int Exited(int status) {
  return status << 8;
}

ExitFacts Facts(int wait_status) {
  ExitFacts facts;
  facts.wait_status = wait_status;
  return facts;
}

TEST(ClassifyExit, CleanEndOnRequest) {
  ExitFacts facts = Facts(Exited(0));
  facts.asked = true;
  const RunnerExit exit = ClassifyExit(facts);
  EXPECT_EQ(exit.ending, Ending::kFinished);
  EXPECT_EQ(exit.exit_status, 0);
}

TEST(ClassifyExit, ExitByItselfIsACrashEvenWithStatusZero) {
  EXPECT_EQ(ClassifyExit(Facts(Exited(0))).ending, Ending::kRunnerCrashed);
  EXPECT_EQ(ClassifyExit(Facts(Exited(3))).ending, Ending::kRunnerCrashed);
  EXPECT_THAT(ClassifyExit(Facts(Exited(3))).message, HasSubstr("exit status 3"));
}

TEST(ClassifyExit, SignalIsNamed) {
  const RunnerExit exit = ClassifyExit(Facts(SIGSEGV));
  EXPECT_EQ(exit.ending, Ending::kRunnerCrashed);
  EXPECT_EQ(exit.signal, SIGSEGV);
  EXPECT_THAT(exit.message, HasSubstr("SIGSEGV"));
}

TEST(ClassifyExit, CrashWhileItWasAskedToStopIsStillACrash) {
  ExitFacts facts = Facts(SIGSEGV);
  facts.asked = true;
  EXPECT_EQ(ClassifyExit(facts).ending, Ending::kRunnerCrashed);
}

TEST(ClassifyExit, KillIsMemoryOnlyWhenTheKernelKilledForMemory) {
  ExitFacts facts = Facts(SIGKILL);
  EXPECT_EQ(ClassifyExit(facts).ending, Ending::kRunnerCrashed);
  facts.oom_kills_rose = true;
  EXPECT_EQ(ClassifyExit(facts).ending, Ending::kOutOfMemory);
  facts.asked = true;
  EXPECT_EQ(ClassifyExit(facts).ending, Ending::kCancelled);
}

TEST(ClassifyExit, AbortAfterFailedAllocationIsMemory) {
  ExitFacts facts = Facts(SIGABRT);
  facts.log_tail = "terminate called after throwing an instance of 'std::bad_alloc'\n";
  EXPECT_EQ(ClassifyExit(facts).ending, Ending::kOutOfMemory);
}

TEST(ClassifyExit, LastFailureNamesTheEndingOfAnExit) {
  ExitFacts facts = Facts(Exited(1));
  facts.last_failure = Ending::kNumericalFault;
  EXPECT_EQ(ClassifyExit(facts).ending, Ending::kNumericalFault);
}

TEST(ClassifyExit, LastLogLineIsQuotedSafely) {
  ExitFacts facts = Facts(Exited(1));
  facts.log_tail = "first\nthe \x1b[31mlast\n\n";
  const RunnerExit exit = ClassifyExit(facts);
  EXPECT_THAT(exit.message, HasSubstr("the \\x1b[31mlast"));
  EXPECT_THAT(exit.message, testing::Not(HasSubstr("first")));
}

TEST(OomKills, AreReadFromTheirLine) {
  EXPECT_EQ(OomKills("pgfault 1\noom_kill 17\nlast 2\n"), 17);
  EXPECT_EQ(OomKills("oom_kill 3"), 3);
  EXPECT_EQ(OomKills("drop_oom_kill 3\n"), std::nullopt);
  EXPECT_EQ(OomKills("oom_kill x\n"), std::nullopt);
  EXPECT_EQ(OomKills(""), std::nullopt);
}

}  // namespace
}  // namespace koeval::runner
