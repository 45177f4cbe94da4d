// The fixture behind the tests of the server.
#include "tests/worker/runner/server_fixture.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <filesystem>

namespace koeval::runner {

evaluation::Task SmallTask(const std::string& name, int documents) {
  evaluation::Task task;
  task.config.task = name;
  task.config.test_split = "test";
  task.config.doc_to_text = "{{question}}";
  task.config.doc_to_choice = "choices";
  task.config.doc_to_target = "gold";
  task.config.metrics = {{.metric = "acc", .aggregation = "mean", .higher_is_better = true}};
  for (int i = 0; i < documents; ++i) {
    const std::string number = std::to_string(i);
    task.docs.push_back(
        {{"question", "Q" + number + "?"}, {"choices", {"yes" + number, "no"}}, {"gold", i % 2}});
  }
  return task;
}

void ServerFixture::SetUp() {
  std::array<int, 2> input{}, output{};
  ASSERT_EQ(::pipe(input.data()), 0);
  ASSERT_EQ(::pipe(output.data()), 0);
  options.in_fd = input[0];
  options.out_fd = output[1];
  options.stop_fd = ::eventfd(0, EFD_NONBLOCK);
  options.clock = &clock;
  // About one document to a batch.
  options.limits = {.micro_batch_tokens = 12, .batch_tokens = 12, .prefix_tokens_min = 16};
  options.load_engine =
      [this](const engine::LoadOptions& load) -> Result<std::unique_ptr<engine::Engine>> {
    model.last_load = load;
    RETURN_IF_ERROR(model.load_status);
    return std::unique_ptr<engine::Engine>(new FakeEngine(model));
  };
  options.load_tokenizer =
      [this](const std::string&,
             const tokenizer::LoadOptions& load) -> Result<std::unique_ptr<tokenizer::Tokenizer>> {
    model.last_tokenizer_load = load;
    RETURN_IF_ERROR(model.tokenizer_status);
    return std::unique_ptr<tokenizer::Tokenizer>(new ByteTokenizer(model.tokenizer_max_length));
  };
  to_server_ = input[1];
  from_server_ = output[0];
  lines_ = std::make_unique<LineReader>(from_server_);
}

void ServerFixture::TearDown() {
  CloseInput();
  if (thread_.joinable()) Wait();
  for (const int fd : {options.in_fd, options.out_fd, options.stop_fd, from_server_}) ::close(fd);
}

void ServerFixture::Start() {
  thread_ = std::thread([this] { exit_status_ = Serve(options); });
}

int ServerFixture::Wait() {
  // What nobody has read must not hold the server up.
  std::thread drain([this] {
    std::array<char, 4096> bytes;
    while (::read(from_server_, bytes.data(), bytes.size()) > 0) {
    }
  });
  thread_.join();
  ::close(options.out_fd);
  options.out_fd = -1;
  drain.join();
  return exit_status_;
}

int ServerFixture::JoinServer() {
  thread_.join();
  uint64_t count = 0;
  EXPECT_EQ(::read(options.stop_fd, &count, sizeof count), 8);
  return exit_status_;
}

bool ServerFixture::NextIsAlive() {
  const auto line = lines_->Next(/*timeout_ms=*/60'000);
  return line.ok() && line->line == "{\"type\":\"alive\"}";
}

void ServerFixture::SendText(const std::string& text) {
  EXPECT_TRUE(FrameWriter(to_server_).Write(text).ok());
}

void ServerFixture::CloseInput() {
  if (to_server_ >= 0) ::close(to_server_);
  to_server_ = -1;
}

void ServerFixture::WaitUntilRead() {
  // The reader takes the second text only after it has acted on all before it.
  for (int i = 0; i < 2; ++i) {
    int waiting = 1;
    while (waiting > 0 && ::ioctl(options.in_fd, FIONREAD, &waiting) == 0)
      std::this_thread::yield();
    if (i == 0) Send(StopFrame{LeaseId{-1}});
  }
}

size_t ServerFixture::ThreadCount() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

void ServerFixture::WaitUntilThreadsAre(size_t threads) {
  while (ThreadCount() > threads) std::this_thread::yield();
}

RunnerFrame ServerFixture::Next() {
  while (true) {
    const auto line = lines_->Next(/*timeout_ms=*/60'000);
    if (!line.ok() || line->kind != LineReader::Kind::kLine) {
      ADD_FAILURE() << "no more frames";
      return AliveFrame{};
    }
    auto frame = ParseRunnerFrame(line->line);
    EXPECT_TRUE(frame.ok()) << frame.status().ToString();
    if (!frame.ok()) return AliveFrame{};
    if (!std::holds_alternative<AliveFrame>(*frame)) return std::move(frame).value();
  }
}

RunnerFacts ServerFixture::LoadModel(const LoadFrame& load) {
  EXPECT_EQ(Expect<ReadyFrame>().protocol, kProtocol);
  Send(load);
  return Expect<LoadedFrame>().facts;
}

TaskFrame ServerFixture::Frame(const std::string& job, const evaluation::Task& task, int64_t index,
                               int64_t total) {
  TaskFrame frame;
  frame.job = job;
  frame.index = index;
  frame.total = total;
  frame.task = evaluation::TaskToJson(task);
  return frame;
}

PlannedFrame ServerFixture::PlanJob(const std::string& job,
                                    const std::vector<evaluation::Task>& tasks) {
  for (size_t i = 0; i < tasks.size(); ++i) {
    Send(Frame(job, tasks[i], static_cast<int64_t>(i), static_cast<int64_t>(tasks.size())));
  }
  Send(PlanFrame{job});
  return Expect<PlannedFrame>();
}

RunFrame ServerFixture::Run(const std::string& job, int64_t lease, int64_t begin,
                            std::optional<int64_t> end) {
  RunFrame run;
  run.job = job;
  run.lease = LeaseId{lease};
  run.begin = begin;
  run.end = end;
  return run;
}

void ServerFixture::ExpectFailed(Ending ending, const std::string& text) {
  const auto failed = Expect<FailedFrame>();
  EXPECT_EQ(failed.ending, EndingName(ending));
  EXPECT_THAT(failed.message, testing::HasSubstr(text));
  EXPECT_FALSE(failed.remedy.empty());
}

}  // namespace koeval::runner
