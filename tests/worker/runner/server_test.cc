// The runner's side of the protocol: conversations, ranges, stops, deadlines, faults.
#include "worker/runner/server.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <set>

#include "common/base/file.h"
#include "tests/common/temp_folder.h"
#include "tests/worker/runner/server_fixture.h"

namespace koeval::runner {
namespace {

using evaluation::Task;
using testing::HasSubstr;

class ServerTest : public ServerFixture {
 protected:
  // Frames of a whole run: the batches' results by index.
  std::map<int64_t, std::string> RunAll(const std::string& job, int64_t lease) {
    Send(Run(job, lease, 0, std::nullopt));
    std::map<int64_t, std::string> out;
    while (true) {
      const RunnerFrame frame = Next();
      if (std::holds_alternative<LeaseDoneFrame>(frame)) return out;
      const auto* batch = std::get_if<BatchFrame>(&frame);
      if (batch == nullptr) {
        ADD_FAILURE() << FormatFrame(frame);
        return out;
      }
      EXPECT_EQ(batch->lease, LeaseId{lease});
      EXPECT_EQ(batch->batch, static_cast<int64_t>(out.size()));
      out[batch->batch] = CompactJson(batch->results);
    }
  }
};

TEST_F(ServerTest, WholeConversation) {
  Start();
  const RunnerFacts facts = LoadModel();
  EXPECT_EQ(facts.architecture, "FakeForCausalLM");
  EXPECT_EQ(facts.max_length, 64);
  EXPECT_EQ(facts.tokenizer_digest, "bytes");
  EXPECT_EQ(facts.bos_id, 256);
  EXPECT_EQ(facts.eos_id, std::nullopt);
  const PlannedFrame plan = PlanJob("j", {SmallTask("first", 5), SmallTask("second", 3)});
  ASSERT_EQ(plan.tasks.size(), 2U);
  EXPECT_EQ(plan.tasks[0].task, "first");
  EXPECT_EQ(plan.tasks[0].requests, 10);
  EXPECT_EQ(plan.tasks[1].documents, 3);
  EXPECT_GT(plan.tasks[0].batches, 1);
  const auto batches = RunAll("j", 7);
  EXPECT_EQ(static_cast<int64_t>(batches.size()), plan.BatchCount());
  std::map<std::string, std::set<int64_t>> answered;
  for (const auto& [index, text] : batches) {
    const Json results = *ParseJson(text);
    EXPECT_EQ(results["task"], index < plan.tasks[0].batches ? "first" : "second");
    for (const Json& result : results["results"]) {
      EXPECT_TRUE(answered[results["task"]].insert(result[0].get<int64_t>()).second);
    }
  }
  EXPECT_EQ(answered["first"].size(), 10U);
  EXPECT_EQ(answered["second"].size(), 6U);
  Send(QuitFrame{});
  EXPECT_EQ(Wait(), 0);
}

TEST_F(ServerTest, RangeGivesTheBatchesOfTheWholeRun) {
  Start();
  LoadModel();
  const PlannedFrame plan = PlanJob("j", {SmallTask("first", 5), SmallTask("second", 3)});
  const auto whole = RunAll("j", 1);
  RunFrame run = Run("j", 2, 1, 4);
  run.plan_digest = plan.digest;
  Send(run);
  for (int64_t i = 1; i < 4; ++i) {
    const auto batch = Expect<BatchFrame>();
    EXPECT_EQ(batch.batch, i);
    EXPECT_EQ(CompactJson(batch.results), whole.at(i));
  }
  EXPECT_EQ(Expect<LeaseDoneFrame>().lease, LeaseId{2});
}

TEST_F(ServerTest, NaiveEngineAnswersTheSame) {
  Start();
  LoadModel();
  const PlannedFrame plan = PlanJob("j", {SmallTask("t", 6)});
  const auto planned = RunAll("j", 1);
  LoadFrame load = DefaultLoad();
  load.engine = "naive";
  Send(load);
  Expect<LoadedFrame>();
  EXPECT_EQ(PlanJob("j", {SmallTask("t", 6)}).digest, plan.digest);
  EXPECT_EQ(RunAll("j", 2), planned);
}

TEST_F(ServerTest, OptionsOfTheLoadReachEngineAndTokenizer) {
  Start();
  LoadFrame load = DefaultLoad();
  load.precision = "bfloat16";
  load.logits_dtype = "as_model";
  load.device = "cuda:3";
  load.threads = 2;
  load.profile = "leaderboard-v1";
  LoadModel(load);
  EXPECT_EQ(model.last_load.dtype, engine::Dtype::kBFloat16);
  EXPECT_EQ(model.last_load.logits_dtype, engine::LogitsDtype::kAsModel);
  EXPECT_EQ(model.last_load.device, "cuda:3");
  EXPECT_EQ(model.last_load.threads, 2);
  EXPECT_EQ(model.last_load.generation, 4);
  EXPECT_EQ(model.last_tokenizer_load->generation, tokenizer::Generation::k4);
  EXPECT_EQ(model.last_tokenizer_load->model_type, "fake");
  Send(DefaultLoad());
  Expect<LoadedFrame>();
  EXPECT_EQ(model.last_load.generation, 5);
  EXPECT_EQ(model.last_tokenizer_load->generation, tokenizer::Generation::k5);
}

TEST_F(ServerTest, LengthComesFromModelThenTokenizerThenFallback) {
  model.facts.max_length = 0;
  model.tokenizer_max_length = 77;
  Start();
  EXPECT_EQ(LoadModel().max_length, 77);
  model.tokenizer_max_length.reset();
  Send(DefaultLoad());
  EXPECT_EQ(Expect<LoadedFrame>().facts.max_length, kMaxLengthFallback);
}

TEST_F(ServerTest, SecondLoadFreesTheFirstModelAndItsJobs) {
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 2)});
  Send(DefaultLoad());
  Expect<LoadedFrame>();
  EXPECT_EQ(model.engines_alive_most, 1);
  Send(Run("j", 1, 0, 1));
  ExpectFailed(Ending::kInternal, "not planned here");
}

TEST_F(ServerTest, FailedLoadsAreNamedAndTheRunnerLivesOn) {
  model.load_status = InvalidArgument("BAD_CHECKPOINT: model.safetensors: header; cut short");
  Start();
  Expect<ReadyFrame>();
  Send(DefaultLoad());
  ExpectFailed(Ending::kBadCheckpoint, "model.safetensors");
  model.load_status = ResourceExhausted("no room");
  Send(DefaultLoad());
  ExpectFailed(Ending::kOutOfMemory, "no room");
  model.load_status = OkStatus();
  model.tokenizer_status = Unimplemented("tokenizer.json: model WordPiece is not supported");
  Send(DefaultLoad());
  ExpectFailed(Ending::kBadTokenizer, "WordPiece");
  Send(PlanFrame{"j"});
  ExpectFailed(Ending::kInternal, "no model is loaded");
  model.tokenizer_status = OkStatus();
  Send(DefaultLoad());
  Expect<LoadedFrame>();
}

TEST_F(ServerTest, StopEndsTheLeaseAfterTheBatchInFlight) {
  model.before_batch = [this](int64_t number) {
    if (number == 2) {
      Send(StopFrame{LeaseId{7}});
      WaitUntilRead();
    }
    return OkStatus();
  };
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 8)});
  Send(Run("j", 7, 0, std::nullopt));
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(Expect<BatchFrame>().batch, i);
  const auto stopped = Expect<LeaseStoppedFrame>();
  EXPECT_EQ(stopped.lease, LeaseId{7});
  EXPECT_EQ(stopped.next, 3);
  Send(Run("j", 8, 3, 4));
  EXPECT_EQ(Expect<BatchFrame>().batch, 3);
  Expect<LeaseDoneFrame>();
}

TEST_F(ServerTest, StopReachesALeaseThatHasNotBegun) {
  model.before_batch = [this](int64_t number) {
    if (number == 0) {
      Send(Run("j", 2, 1, 2));
      Send(StopFrame{LeaseId{2}});
      WaitUntilRead();
    }
    return OkStatus();
  };
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 4)});
  Send(Run("j", 1, 0, 1));
  Expect<BatchFrame>();
  EXPECT_EQ(Expect<LeaseDoneFrame>().lease, LeaseId{1});
  EXPECT_EQ(Expect<LeaseStoppedFrame>().next, 1);
}

TEST_F(ServerTest, StopOfAnotherLeaseChangesNothing) {
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 3)});
  Send(StopFrame{LeaseId{9}});
  EXPECT_FALSE(RunAll("j", 9).empty());  // it was not open when it was stopped
}

TEST_F(ServerTest, LeaseExpiresByItself) {
  model.before_batch = [this](int64_t) {
    clock.AdvanceMs(400);
    return OkStatus();
  };
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 8)});
  RunFrame run = Run("j", 7, 0, std::nullopt);
  run.time_left_ms = 1000;
  Send(run);
  for (int64_t i = 0; i < 3; ++i) EXPECT_EQ(Expect<BatchFrame>().batch, i);
  EXPECT_EQ(Expect<LeaseExpiredFrame>().next, 3);
}

TEST_F(ServerTest, ExtendedLeaseGoesOn) {
  model.before_batch = [this](int64_t number) {
    clock.AdvanceMs(400);
    if (number == 1) {
      Send(ExtendFrame{LeaseId{7}, 1000});
      WaitUntilRead();
    }
    return OkStatus();
  };
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 8)});
  RunFrame run = Run("j", 7, 0, std::nullopt);
  run.time_left_ms = 1000;
  Send(run);
  // The deadline moved from 1000 to 800 + 1000: batches end at 400, 800, ..., 2000.
  for (int64_t i = 0; i < 5; ++i) EXPECT_EQ(Expect<BatchFrame>().batch, i);
  EXPECT_EQ(Expect<LeaseExpiredFrame>().next, 5);
}

TEST_F(ServerTest, LeaseWithoutTimeRunsNothing) {
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 3)});
  RunFrame run = Run("j", 7, 0, std::nullopt);
  run.time_left_ms = 0;
  Send(run);
  EXPECT_EQ(Expect<LeaseExpiredFrame>().next, 0);
}

TEST_F(ServerTest, AnotherPlanIsAMismatch) {
  Start();
  LoadModel();
  const PlannedFrame plan = PlanJob("j", {SmallTask("t", 3)});
  RunFrame run = Run("j", 7, 0, 1);
  run.plan_digest = std::string(64, '0');
  Send(run);
  const auto failed = Expect<FailedFrame>();
  EXPECT_EQ(failed.ending, "PLAN_MISMATCH");
  EXPECT_EQ(failed.lease, LeaseId{7});
  EXPECT_EQ(failed.job, "j");
  EXPECT_THAT(failed.message, HasSubstr(plan.digest));
  Send(Run("j", 7, 0, plan.BatchCount() + 1));
  ExpectFailed(Ending::kPlanMismatch, "asks for batches");
}

TEST_F(ServerTest, NanIsANumericalFaultAndTheRunnerLivesOn) {
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 3)});
  model.log_likelihood_factor = std::nan("");
  Send(Run("j", 7, 0, 1));
  ExpectFailed(Ending::kNumericalFault, "batch 0, task t");
  model.log_likelihood_factor = std::numeric_limits<double>::infinity();
  Send(Run("j", 8, 1, 2));
  ExpectFailed(Ending::kNumericalFault, "-inf");
  model.log_likelihood_factor = 1;
  EXPECT_FALSE(RunAll("j", 9).empty());
}

TEST_F(ServerTest, EngineFaultsAreClassified) {
  Status fault = ResourceExhausted("no memory for attention");
  model.before_batch = [&](int64_t) { return fault; };
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 3)});
  Send(Run("j", 1, 0, 1));
  ExpectFailed(Ending::kOutOfMemory, "no memory for attention");
  fault = DataLoss("NUMERICAL_FAULT: layer 3");
  Send(Run("j", 2, 0, 1));
  ExpectFailed(Ending::kNumericalFault, "layer 3");
  fault = Internal("CUDA error: an illegal memory access");
  Send(Run("j", 3, 0, 1));
  ExpectFailed(Ending::kRunnerCrashed, "illegal memory access");
  EXPECT_EQ(Wait(), 1);
}

TEST_F(ServerTest, UnknownJobIsNamed) {
  Start();
  LoadModel();
  Send(Run("other", 7, 0, 1));
  ExpectFailed(Ending::kInternal, "job other is not planned here");
  Send(PlanFrame{"other"});
  ExpectFailed(Ending::kInternal, "other");
  PlanJob("j", {SmallTask("t", 2)});
  Send(ForgetFrame{"j"});
  Send(Run("j", 8, 0, 1));
  ExpectFailed(Ending::kInternal, "job j is not planned here");
}

TEST_F(ServerTest, DamagedTaskIsToldWhenItIsPlanned) {
  Start();
  LoadModel();
  TaskFrame frame = Frame("j", SmallTask("t", 2));
  frame.task = {{"not", "a task"}};
  Send(frame);
  Send(PlanFrame{"j"});
  const auto failed = Expect<FailedFrame>();
  EXPECT_EQ(failed.ending, "TASK_INVALID");
  EXPECT_EQ(failed.job, "j");
  // The same job sent again is a fresh start.
  EXPECT_EQ(PlanJob("j", {SmallTask("t", 2)}).tasks.size(), 1U);
}

TEST_F(ServerTest, MissingOrDisorderedTasksAreToldWhenTheyArePlanned) {
  Start();
  LoadModel();
  Send(Frame("j", SmallTask("a", 2), 0, 2));
  Send(PlanFrame{"j"});
  ExpectFailed(Ending::kInternal, "1 of its tasks");
  Send(Frame("j", SmallTask("a", 2), 0, 3));
  Send(Frame("j", SmallTask("c", 2), 2, 3));
  Send(PlanFrame{"j"});
  ExpectFailed(Ending::kInternal, "3 of 3");
}

TEST_F(ServerTest, ContinuationLongerThanTheModelIsNamedWithItsTask) {
  model.facts.max_length = 3;
  Start();
  LoadModel();
  Send(Frame("j", SmallTask("long", 2)));
  Send(PlanFrame{"j"});
  ExpectFailed(Ending::kContextTooShort, "task long: request 0");
}

TEST_F(ServerTest, PlanDependsOnTasksAndOptionsAlone) {
  Start();
  LoadModel();
  const std::string digest = PlanJob("j", {SmallTask("t", 4)}).digest;
  EXPECT_EQ(PlanJob("k", {SmallTask("t", 4)}).digest, digest);
  EXPECT_NE(PlanJob("l", {SmallTask("t", 5)}).digest, digest);
  TaskFrame limited = Frame("m", SmallTask("t", 4));
  limited.limit = 2;
  Send(limited);
  Send(PlanFrame{"m"});
  const auto plan = Expect<PlannedFrame>();
  EXPECT_NE(plan.digest, digest);
  EXPECT_EQ(plan.tasks[0].documents, 2);
}

TEST_F(ServerTest, LineThatIsNoFrameIsAnsweredAndPassedOver) {
  Start();
  Expect<ReadyFrame>();
  SendText("hello\n");
  ExpectFailed(Ending::kInternal, "not valid JSON");
  Send(DefaultLoad());
  Expect<LoadedFrame>();
}

TEST_F(ServerTest, InputCutWithinAFrameIsAnError) {
  Start();
  Expect<ReadyFrame>();
  SendText("{\"type\":\"qu");
  CloseInput();
  ExpectFailed(Ending::kInternal, "ends within a frame");
  EXPECT_EQ(Wait(), 1);
}

TEST_F(ServerTest, EndOfThePipeStopsAfterTheBatchInFlight) {
  size_t threads = 0;
  model.before_batch = [&](int64_t number) {
    if (number == 1) {
      threads = ThreadCount();
      CloseInput();
      WaitUntilThreadsAre(threads - 1);
    }
    return OkStatus();
  };
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 8)});
  Send(Run("j", 7, 0, std::nullopt));
  for (int64_t i = 0; i < 2; ++i) EXPECT_EQ(Expect<BatchFrame>().batch, i);
  EXPECT_EQ(Expect<LeaseStoppedFrame>().next, 2);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(ServerTest, StopDescriptorEndsItAfterTheBatchInFlight) {
  model.before_batch = [&](int64_t number) {
    if (number == 1) {
      const size_t threads = ThreadCount();
      const uint64_t one = 1;
      EXPECT_EQ(::write(options.stop_fd, &one, sizeof one), 8);
      WaitUntilThreadsAre(threads - 1);
    }
    return OkStatus();
  };
  Start();
  LoadModel();
  PlanJob("j", {SmallTask("t", 8)});
  Send(Run("j", 7, 0, std::nullopt));
  for (int64_t i = 0; i < 2; ++i) EXPECT_EQ(Expect<BatchFrame>().batch, i);
  EXPECT_EQ(Expect<LeaseStoppedFrame>().next, 2);
  EXPECT_EQ(Wait(), 0);
}

TEST_F(ServerTest, FramesOfAFileAreAllDoneBeforeTheEnd) {
  const TempFolder folder;
  const std::string path = folder.File("frames");
  const std::string frames = FormatFrame(ParentFrame(DefaultLoad())) +
                             FormatFrame(ParentFrame(Frame("j", SmallTask("t", 8)))) +
                             FormatFrame(ParentFrame(PlanFrame{"j"})) +
                             FormatFrame(ParentFrame(Run("j", 7, 0, std::nullopt)));
  for (const std::string& end : {std::string(), FormatFrame(ParentFrame(QuitFrame{}))}) {
    ASSERT_TRUE(WriteFileAtomically(path, frames + end).ok());
    const int pipe_fd = options.in_fd;
    options.in_fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    Start();
    Expect<ReadyFrame>();
    Expect<LoadedFrame>();
    const int64_t count = Expect<PlannedFrame>().BatchCount();
    EXPECT_GT(count, 3);
    for (int64_t i = 0; i < count; ++i) EXPECT_EQ(Expect<BatchFrame>().batch, i);
    Expect<LeaseDoneFrame>();
    ::close(options.in_fd);
    options.in_fd = pipe_fd;
    if (end.empty()) {
      EXPECT_EQ(JoinServer(), 0);
    } else {
      EXPECT_EQ(Wait(), 0);
    }
  }
}

TEST_F(ServerTest, SaysThatItLivesWhileABatchRuns) {
  options.alive_ms = 1;
  Start();
  Expect<ReadyFrame>();
  EXPECT_TRUE(NextIsAlive());
}

}  // namespace
}  // namespace koeval::runner
