// A server in a thread of the test, spoken to over pipes, with fakes for model and clock.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "common/base/clock.h"
#include "common/base/endings.h"
#include "common/evaluation/task.h"
#include "tests/worker/runner/fake_engine.h"
#include "worker/runner/frame_io.h"
#include "worker/runner/server.h"

namespace koeval::runner {

// A task of `documents` questions with two answers each.
evaluation::Task SmallTask(const std::string& name, int documents);

class ServerFixture : public testing::Test {
 protected:
  void SetUp() override;
  void TearDown() override;

  void Start();
  // The exit status, once the server has ended by itself or by the end of its input.
  int Wait();
  // The same, but the pipes stay for another Start.
  int JoinServer();

  void Send(const ParentFrame& frame) { SendText(FormatFrame(frame)); }
  void SendText(const std::string& text);
  void CloseInput();
  // Returns when the server's reader has acted on all that was sent. Callable from a batch's hook.
  void WaitUntilRead();
  // Returns when the reader has ended, which makes the threads one fewer than `threads`.
  static void WaitUntilThreadsAre(size_t threads);
  static size_t ThreadCount();

  // The next frame that is not Alive.
  RunnerFrame Next();
  template <typename Frame>
  Frame Expect() {
    RunnerFrame frame = Next();
    if (!std::holds_alternative<Frame>(frame)) {
      ADD_FAILURE() << "unexpected " << FormatFrame(frame);
      return {};
    }
    return std::get<Frame>(std::move(frame));
  }
  bool NextIsAlive();
  // Ready, Load and Loaded.
  RunnerFacts LoadModel(const LoadFrame& load = DefaultLoad());
  static LoadFrame DefaultLoad() {
    LoadFrame load;
    load.model_dir = "/model";
    return load;
  }
  static TaskFrame Frame(const std::string& job, const evaluation::Task& task, int64_t index = 0,
                         int64_t total = 1);
  // Sends `tasks` as a job and plans it.
  PlannedFrame PlanJob(const std::string& job, const std::vector<evaluation::Task>& tasks);
  static RunFrame Run(const std::string& job, int64_t lease, int64_t begin,
                      std::optional<int64_t> end);
  void ExpectFailed(Ending ending, const std::string& text);

  FakeModel model;
  FakeClock clock;
  ServerOptions options;

 private:
  int to_server_ = -1;
  int from_server_ = -1;
  std::unique_ptr<LineReader> lines_;
  std::thread thread_;
  int exit_status_ = -1;
};

}  // namespace koeval::runner
