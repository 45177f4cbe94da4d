// The agent's stream against a scheduler that refuses, ends or overloads it.
#include "worker/agent/link.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/base/bounded_queue.h"
#include "koeval/worker/v1/link.grpc.pb.h"

namespace koeval::agent {
namespace {

using testing::HasSubstr;
namespace pb = koeval::worker::v1;

constexpr int64_t kLongMs = 60'000;  // a wait that only a failure uses up
constexpr size_t kEventsMax = 1'000;

using Stream = grpc::ServerReaderWriter<pb::SchedulerMessage, pb::WorkerMessage>;

// Answers each stream, numbered from 1, with `serve`.
class FakeScheduler final : public pb::WorkerLinkService::Service {
 public:
  using Serve = std::function<grpc::Status(int stream, Stream& messages)>;
  explicit FakeScheduler(Serve serve) : serve_(std::move(serve)) {
    grpc::ServerBuilder builder;
    int port = 0;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(port),
                                   grpc::InsecureChannelCredentials());
  }
  ~FakeScheduler() override { server_->Shutdown(); }

  grpc::Status Connect(grpc::ServerContext* /*context*/, Stream* stream) override {
    return serve_(++streams_, *stream);
  }

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  int streams() const { return streams_.load(); }

 private:
  const Serve serve_;
  std::atomic<int> streams_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// A link whose events wait to be taken.
class LinkUnderTest {
 public:
  explicit LinkUnderTest(const FakeScheduler& scheduler)
      : link_({scheduler.channel(), [](grpc::ClientContext&) {},
               [this](AgentEvent event) { (void)events_.Push(std::move(event)); }, 1}) {}

  // The next event of this kind; others are dropped.
  template <typename Event>
  Event Next() {
    while (auto event = events_.PopFor(kLongMs)) {
      if (const auto* found = std::get_if<Event>(&*event)) return *found;
    }
    ADD_FAILURE() << "no such event";
    return {};
  }
  Link& link() { return link_; }

 private:
  BoundedQueue<AgentEvent> events_{kEventsMax};
  Link link_;
};

TEST(LinkTest, WorkerOfAnOldProtocolEndsWithTheSchedulersRemedyAndDoesNotTryAgain) {
  const std::string remedy = "worker node-a speaks protocol 0 and this scheduler 1; upgrade it";
  const FakeScheduler scheduler(
      [&](int, Stream&) { return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, remedy); });
  LinkUnderTest under(scheduler);
  EXPECT_THAT(under.Next<LinkDown>().reason, HasSubstr(remedy));
  EXPECT_EQ(under.link().refused().code(), Code::kFailedPrecondition);
  EXPECT_EQ(under.link().refused().message(), remedy);
  under.link().CloseGracefully(kLongMs);  // returns once no further stream can come
  EXPECT_EQ(scheduler.streams(), 1);
}

TEST(LinkTest, StreamThatEndedOverALargeMessageNamesItAndIsOpenedAgain) {
  const FakeScheduler scheduler([&](int stream, Stream& messages) {
    if (stream == 1) {
      return grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED,
                          "Received message larger than max (68157440 vs. 67108864)");
    }
    pb::WorkerMessage message;
    while (messages.Read(&message)) {
    }
    return grpc::Status::OK;
  });
  LinkUnderTest under(scheduler);
  EXPECT_THAT(under.Next<LinkDown>().reason, HasSubstr("larger than max"));
  under.Next<LinkUp>();
  EXPECT_TRUE(under.link().refused().ok());
}

TEST(LinkTest, MessagesOfTheSchedulerArriveInOrder) {
  const FakeScheduler scheduler([](int, Stream& messages) {
    for (int64_t batch = 0; batch < 3; ++batch) {
      pb::SchedulerMessage message;
      message.mutable_batch_stored()->set_lease(7);
      message.mutable_batch_stored()->set_batch(batch);
      messages.Write(message);
    }
    pb::WorkerMessage message;
    while (messages.Read(&message)) {
    }
    return grpc::Status::OK;
  });
  LinkUnderTest under(scheduler);
  for (int64_t batch = 0; batch < 3; ++batch) {
    const auto message = under.Next<FromScheduler>();
    const auto* stored = std::get_if<BatchStored>(&message);
    ASSERT_NE(stored, nullptr);
    EXPECT_EQ(stored->batch, batch);
  }
}

}  // namespace
}  // namespace koeval::agent
