// Lines over pipes and files: partial reads, bounds, broken streams.
#include "worker/runner/frame_io.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <future>
#include <string>
#include <thread>

namespace koeval::runner {
namespace {

using Kind = LineReader::Kind;

class FrameIoTest : public testing::Test {
 protected:
  void SetUp() override {
    std::array<int, 2> fds{};
    ASSERT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
    in = fds[0];
    out = fds[1];
  }
  void TearDown() override {
    CloseOut();
    if (in >= 0) ::close(in);
  }
  void CloseOut() {
    if (out >= 0) ::close(out);
    out = -1;
  }
  void Put(std::string_view text) {
    ASSERT_EQ(::write(out, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  int in = -1;
  int out = -1;
};

TEST_F(FrameIoTest, LinesArriveWholeHoweverTheyAreCut) {
  LineReader reader(in);
  Put("one\ntw");
  EXPECT_EQ(reader.Next(-1)->line, "one");
  EXPECT_EQ(reader.Next(0)->kind, Kind::kNothing);
  Put("o\n\nfour\n");
  EXPECT_EQ(reader.Next(-1)->line, "two");
  EXPECT_EQ(reader.Next(-1)->line, "");
  EXPECT_EQ(reader.Next(-1)->line, "four");
  CloseOut();
  EXPECT_EQ(reader.Next(-1)->kind, Kind::kEnd);
}

TEST_F(FrameIoTest, LineLongerThanAnyBufferArrivesWhole) {
  const std::string line(3'000'000, 'x');
  std::thread feeder([&] { EXPECT_TRUE(FrameWriter(out).Write(line + "\nend\n").ok()); });
  LineReader reader(in);
  const auto got = reader.Next(-1);
  EXPECT_EQ(got->line, line);
  EXPECT_EQ(reader.Next(-1)->line, "end");
  feeder.join();
}

TEST_F(FrameIoTest, LineOverTheBoundIsAnError) {
  LineReader reader(in, /*bytes_max=*/8);
  Put("1234567\n123456789\n");
  EXPECT_EQ(reader.Next(-1)->line, "1234567");
  EXPECT_EQ(reader.Next(-1).status().code(), Code::kResourceExhausted);
}

TEST_F(FrameIoTest, InputThatEndsWithinALineIsAnError) {
  LineReader reader(in);
  Put("whole\npart");
  CloseOut();
  EXPECT_EQ(reader.Next(-1)->line, "whole");
  EXPECT_EQ(reader.Next(-1).status().code(), Code::kDataLoss);
}

TEST_F(FrameIoTest, WakeDescriptorEndsTheWait) {
  std::array<int, 2> wake{};
  ASSERT_EQ(::pipe(wake.data()), 0);
  LineReader reader(in);
  ASSERT_EQ(::write(wake[1], "x", 1), 1);
  EXPECT_EQ(reader.Next(-1, wake[0])->kind, Kind::kNothing);
  ::close(wake[0]);
  ::close(wake[1]);
}

TEST_F(FrameIoTest, SignalsDoNotDisturbReading) {
  struct sigaction quiet {};
  quiet.sa_handler = [](int) {};  // without SA_RESTART: calls return EINTR
  ASSERT_EQ(::sigaction(SIGUSR1, &quiet, nullptr), 0);
  std::promise<pthread_t> id;
  std::string got;
  std::thread thread([&] {
    id.set_value(::pthread_self());
    LineReader reader(in);
    got = reader.Next(-1)->line;
  });
  const pthread_t target = id.get_future().get();
  for (int i = 0; i < 100; ++i) ::pthread_kill(target, SIGUSR1);
  Put("still\n");
  thread.join();
  EXPECT_EQ(got, "still");
}

TEST_F(FrameIoTest, WriterGivesUpOnAReaderThatTakesNothing) {
  ASSERT_EQ(::fcntl(out, F_SETFL, O_NONBLOCK), 0);
  FrameWriter writer(out);
  const std::string big(1 << 22, 'x');
  EXPECT_EQ(writer.Write(big + "\n", /*timeout_ms=*/20).code(), Code::kDeadlineExceeded);
  // Part of that frame is in the pipe: nothing sensible can follow.
  EXPECT_EQ(writer.Write("small\n", 20).code(), Code::kUnavailable);
}

TEST_F(FrameIoTest, WriterSaysWhenTheReaderIsGone) {
  ::close(in);
  in = -1;
  FrameWriter writer(out);
  EXPECT_EQ(writer.Write("x\n").code(), Code::kUnavailable);
}

TEST_F(FrameIoTest, FramesOfSeveralThreadsDoNotMix) {
  FrameWriter writer(out);
  const auto feed = [&](char c) {
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(writer.Write(std::string(5'000, c) + "\n").ok());
    }
  };
  std::thread a(feed, 'a'), b(feed, 'b');
  LineReader reader(in);
  for (int i = 0; i < 400; ++i) {
    const std::string line = reader.Next(-1)->line;
    ASSERT_EQ(line.size(), 5'000U);
    ASSERT_EQ(line.find_first_not_of(line[0]), std::string::npos);
  }
  a.join();
  b.join();
}

}  // namespace
}  // namespace koeval::runner
