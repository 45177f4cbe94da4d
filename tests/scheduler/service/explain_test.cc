// Placement by memory and its explanation, over gRPC.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scheduler/service/harness.h"

namespace koeval::service {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

constexpr int64_t kGib = int64_t{1} << 30;
constexpr int64_t kFitWaitMs = 1'000;

class ExplainTest : public ServiceTest {
 protected:
  void SetUp() override {
    config_.fit_wait_ms = kFitWaitMs;
    Start();
  }

  v1::ExplainResponse Explain(const std::string& id) {
    grpc::ClientContext context;
    Prepare(&context);
    v1::ExplainRequest request;
    request.set_request_id(id);
    v1::ExplainResponse response;
    const grpc::Status status = queue_->Explain(&context, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response;
  }
};

TEST_F(ExplainTest, SlotThatIsTooSmallIsNamedAndOneThatIsLargeEnoughRunsIt) {
  FakeStream small(channel_);
  small.Hello("small", 1, {}, 1, 24 * kGib);
  small.NextWelcome();
  MustSubmit("a", "org/large");
  WaitForPhase("a", "queued");
  const v1::ExplainResponse waits = Explain("a");
  EXPECT_THAT(waits.answer(), HasSubstr("no slot has more than 24.0 GiB"));
  EXPECT_EQ(waits.memory_bytes(), kLargeModelBytes);
  ASSERT_EQ(waits.slots_size(), 1);
  EXPECT_EQ(waits.slots(0).worker(), "small");
  EXPECT_EQ(waits.slots(0).text(), "too small: it has 24.0 GiB, the model needs 40.0 GiB");
  EXPECT_FALSE(waits.slots(0).open());
  ASSERT_EQ(waits.decisions_size(), 2);
  EXPECT_EQ(waits.decisions(0).kind(), "submitted");
  EXPECT_EQ(waits.decisions(1).kind(), "checked");

  FakeStream large(channel_);
  large.Hello("large", 1, {}, 1, 80 * kGib);
  EXPECT_EQ(large.NextLease().request_id(), "a");
  const v1::ExplainResponse runs = Explain("a");
  ASSERT_EQ(runs.slots_size(), 2);
  EXPECT_EQ(runs.slots(0).text(), "runs it");
  EXPECT_EQ(runs.request().phase(), "planning");
}

TEST_F(ExplainTest, RequestThatFitsNowhereEndsAsInfeasibleWithTheNearestChange) {
  FakeStream small(channel_);
  small.Hello("small", 1, {}, 1, 24 * kGib);
  small.NextWelcome();
  MustSubmit("a", "org/large");
  WaitForPhase("a", "queued");
  // In steps: a longer silence of the clock counts as a stall of the scheduler itself.
  for (int64_t ms = 0; ms <= 3 * kFitWaitMs; ms += 500) {
    clock_.AdvanceMs(500);
    v1::GetRequestResponse response;
    ASSERT_TRUE(Get("a", &response).ok());
  }
  const v1::Request request = WaitForPhase("a", "done");
  EXPECT_EQ(request.ending(), "INFEASIBLE");
  EXPECT_THAT(request.reason(), HasSubstr("worker small, slot 0"));
  EXPECT_THAT(request.remedy(), HasSubstr("bfloat16"));
  EXPECT_EQ(Explain("a").answer(), "It has ended as INFEASIBLE.");
  EXPECT_EQ(Explain("a").slots_size(), 0);
}

TEST_F(ExplainTest, UnknownRequestIsNotFound) {
  grpc::ClientContext context;
  Prepare(&context);
  v1::ExplainRequest request;
  request.set_request_id("nope");
  v1::ExplainResponse response;
  EXPECT_EQ(queue_->Explain(&context, request, &response).error_code(), StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace koeval::service
