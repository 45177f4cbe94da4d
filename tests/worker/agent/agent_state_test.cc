// The agent's state machine: leases, results that must not be lost, self-fencing, goodbye.
#include "worker/agent/agent_state.h"

#include <gtest/gtest.h>

#include "worker/agent/limits.h"

namespace koeval::agent {
namespace {

class AgentStateTest : public ::testing::Test {
 protected:
  AgentState state_{"node-a", "1", {{0, "cpu", 0, "class"}, {1, "cpu", 0, "class"}}};
  MonoTime now_{1000};

  std::vector<AgentAction> Apply(const AgentEvent& event) { return state_.Apply(event, now_); }

  void Connect(std::vector<LeaseId> keep = {}) {
    Apply(LinkUp{});
    Apply(FromScheduler(Welcome{{1}, 2000, 10000, std::move(keep)}));
  }

  static LeaseOrder Order(int64_t lease, int64_t slot, int64_t begin = 0, int64_t end = 4) {
    LeaseOrder order;
    order.lease = {lease};
    order.slot = slot;
    order.begin = begin;
    order.end = end;
    return order;
  }
  static BatchDone Batch(int64_t lease, int64_t batch) {
    return {{lease}, batch, "{}", 5, "class", "plan"};
  }

  template <typename Action>
  static std::vector<Action> Of(const std::vector<AgentAction>& actions) {
    std::vector<Action> out;
    for (const AgentAction& action : actions) {
      if (const auto* found = std::get_if<Action>(&action)) out.push_back(*found);
    }
    return out;
  }
  template <typename Message>
  static std::vector<Message> Sent(const std::vector<AgentAction>& actions) {
    std::vector<Message> out;
    for (const Send& send : Of<Send>(actions)) {
      if (const auto* found = std::get_if<Message>(&send.message)) out.push_back(*found);
    }
    return out;
  }
};

TEST_F(AgentStateTest, HelloNamesSlotsAndHeldLeases) {
  Connect();
  Apply(FromScheduler(Order(7, 1)));
  Apply(LinkDown{"gone"});
  const auto hello = Sent<Hello>(Apply(LinkUp{}));
  ASSERT_EQ(hello.size(), 1u);
  EXPECT_EQ(hello[0].slots.size(), 2u);
  ASSERT_EQ(hello[0].held.size(), 1u);
  EXPECT_EQ(hello[0].held[0].lease, LeaseId{7});
  EXPECT_EQ(hello[0].held[0].slot, 1);
}

TEST_F(AgentStateTest, OrderStartsItsSlot) {
  Connect();
  const auto started = Of<StartLease>(Apply(FromScheduler(Order(7, 1))));
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(started[0].slot, 1);
  EXPECT_FALSE(state_.idle());
}

TEST_F(AgentStateTest, LeaseEndsOnlyAfterEveryResultIsStored) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  EXPECT_EQ(Sent<BatchDone>(Apply(SlotBatch{0, Batch(7, 0)})).size(), 1u);
  Apply(SlotBatch{0, Batch(7, 1)});
  EXPECT_TRUE(Sent<LeaseEnded>(Apply(SlotEnded{0, {7}, "NO_PROGRESS", "", ""})).empty());
  EXPECT_TRUE(Sent<LeaseEnded>(Apply(FromScheduler(BatchStored{{7}, 0}))).empty());
  const auto ended = Sent<LeaseEnded>(Apply(FromScheduler(BatchStored{{7}, 1})));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].ending, "NO_PROGRESS");
  EXPECT_TRUE(state_.idle());
}

TEST_F(AgentStateTest, FinishedRangeFreesItsSlotWithoutAWord) {
  Connect();
  Apply(FromScheduler(Order(7, 0, 0, 1)));
  Apply(SlotBatch{0, Batch(7, 0)});
  Apply(SlotEnded{0, {7}, "DONE", "", ""});
  EXPECT_FALSE(state_.idle());
  EXPECT_TRUE(Of<Send>(Apply(FromScheduler(BatchStored{{7}, 0}))).empty());
  EXPECT_TRUE(state_.idle());
}

TEST_F(AgentStateTest, NextOrderWaitsForTheSlotThatStillEndsItsLastLease) {
  Connect();
  Apply(FromScheduler(Order(7, 0, 0, 1)));
  Apply(SlotBatch{0, Batch(7, 0)});
  Apply(FromScheduler(BatchStored{{7}, 0}));
  EXPECT_TRUE(Of<StartLease>(Apply(FromScheduler(Order(8, 0)))).empty());
  EXPECT_EQ(Of<StartLease>(Apply(SlotEnded{0, {7}, "DONE", "", ""})).size(), 1u);
}

TEST_F(AgentStateTest, UnstoredResultsAreSentAgainOverANewStream) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  Apply(SlotBatch{0, Batch(7, 0)});
  Apply(SlotBatch{0, Batch(7, 1)});
  Apply(FromScheduler(BatchStored{{7}, 0}));
  Apply(LinkDown{"gone"});
  EXPECT_TRUE(Of<Send>(Apply(SlotBatch{0, Batch(7, 2)})).empty());
  Apply(LinkUp{});
  const auto again = Sent<BatchDone>(Apply(FromScheduler(Welcome{{2}, 2000, 10000, {{7}}})));
  ASSERT_EQ(again.size(), 2u);
  EXPECT_EQ(again[0].batch, 1);
  EXPECT_EQ(again[1].batch, 2);
}

TEST_F(AgentStateTest, LeaseThatTheSchedulerDidNotKeepStopsAndIsNeverMentionedAgain) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  Apply(SlotBatch{0, Batch(7, 0)});
  Apply(LinkDown{"gone"});
  Apply(LinkUp{});
  const auto actions = Apply(FromScheduler(Welcome{{2}, 2000, 10000, {}}));
  EXPECT_EQ(Of<StopLease>(actions).size(), 1u);
  EXPECT_TRUE(Sent<BatchDone>(actions).empty());
  EXPECT_TRUE(Of<Send>(Apply(SlotBatch{0, Batch(7, 1)})).empty());
  EXPECT_TRUE(Of<Send>(Apply(SlotEnded{0, {7}, "STOPPED", "", ""})).empty());
  EXPECT_TRUE(state_.idle());
}

TEST_F(AgentStateTest, OrderForAnAbandonedSlotStartsWhenTheSlotIsFree) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  EXPECT_EQ(Of<StopLease>(Apply(FromScheduler(Revoke{{7}, "cancelled"}))).size(), 1u);
  EXPECT_TRUE(Of<StartLease>(Apply(FromScheduler(Order(8, 0)))).empty());
  const auto started = Of<StartLease>(Apply(SlotEnded{0, {7}, "STOPPED", "", ""}));
  ASSERT_EQ(started.size(), 1u);
  EXPECT_EQ(started[0].order.lease, LeaseId{8});
}

TEST_F(AgentStateTest, RevokeForgetsAQueuedOrder) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  Apply(FromScheduler(Revoke{{7}, "cancelled"}));
  Apply(FromScheduler(Order(8, 0)));
  Apply(FromScheduler(Revoke{{8}, "cancelled"}));
  EXPECT_TRUE(Of<StartLease>(Apply(SlotEnded{0, {7}, "STOPPED", "", ""})).empty());
}

TEST_F(AgentStateTest, ThirdOrderForASlotIsHandedBack) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  Apply(FromScheduler(Order(8, 0)));
  const auto ended = Sent<LeaseEnded>(Apply(FromScheduler(Order(9, 0))));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].ending, "HANDED_BACK");
}

TEST_F(AgentStateTest, OrderForAnUnknownSlotIsHandedBack) {
  Connect();
  const auto ended = Sent<LeaseEnded>(Apply(FromScheduler(Order(7, 5))));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].lease, LeaseId{7});
}

TEST_F(AgentStateTest, PlanIsSentInPlaceOfTheEndOnceTheSlotIsFree) {
  Connect();
  Apply(FromScheduler(Order(7, 0, 0, 0)));
  EXPECT_TRUE(Of<Send>(Apply(SlotPlan{0, {{7}, "digest", {}}})).empty());
  const auto actions = Apply(SlotEnded{0, {7}, "DONE", "", ""});
  EXPECT_EQ(Sent<PlanReady>(actions).size(), 1u);
  EXPECT_TRUE(Sent<LeaseEnded>(actions).empty());
  EXPECT_FALSE(state_.idle());
  EXPECT_TRUE(Of<Send>(Apply(FromScheduler(BatchStored{{7}, -1}))).empty());
  EXPECT_TRUE(state_.idle());
}

TEST_F(AgentStateTest, PlanIsSentAgainOverANewStreamUntilItIsStored) {
  Connect();
  Apply(FromScheduler(Order(7, 0, 0, 0)));
  Apply(SlotPlan{0, {{7}, "digest", {}}});
  Apply(SlotEnded{0, {7}, "DONE", "", ""});
  Apply(LinkDown{"gone"});
  EXPECT_EQ(Sent<Hello>(Apply(LinkUp{}))[0].held.size(), 1u);
  const auto again = Sent<PlanReady>(Apply(FromScheduler(Welcome{{2}, 2000, 10000, {{7}}})));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].digest, "digest");
  Apply(FromScheduler(BatchStored{{7}, -1}));
  EXPECT_TRUE(state_.idle());
  Apply(LinkDown{"gone"});
  Apply(LinkUp{});
  EXPECT_TRUE(Sent<PlanReady>(Apply(FromScheduler(Welcome{{3}, 2000, 10000, {}}))).empty());
}

TEST_F(AgentStateTest, PlanThatEndsWithoutALinkIsSentOverTheNextOne) {
  Connect();
  Apply(FromScheduler(Order(7, 0, 0, 0)));
  Apply(SlotPlan{0, {{7}, "digest", {}}});
  Apply(LinkDown{"gone"});
  EXPECT_TRUE(Of<Send>(Apply(SlotEnded{0, {7}, "DONE", "", ""})).empty());
  Apply(LinkUp{});
  EXPECT_EQ(Sent<PlanReady>(Apply(FromScheduler(Welcome{{2}, 2000, 10000, {{7}}}))).size(), 1u);
}

TEST_F(AgentStateTest, PlanOfALeaseThatIsNoLongerCurrentIsForgotten) {
  Connect();
  Apply(FromScheduler(Order(7, 0, 0, 0)));
  Apply(SlotPlan{0, {{7}, "digest", {}}});
  Apply(SlotEnded{0, {7}, "DONE", "", ""});
  EXPECT_TRUE(Of<Send>(Apply(FromScheduler(Revoke{{7}, "not current"}))).empty());
  EXPECT_TRUE(state_.idle());
}

TEST_F(AgentStateTest, LeaseAfterAPlanStartsOnceThePlanIsStored) {
  Connect();
  Apply(FromScheduler(Order(7, 0, 0, 0)));
  Apply(SlotPlan{0, {{7}, "digest", {}}});
  Apply(SlotEnded{0, {7}, "DONE", "", ""});
  EXPECT_TRUE(Of<StartLease>(Apply(FromScheduler(Order(8, 0)))).empty());
  EXPECT_EQ(Of<StartLease>(Apply(FromScheduler(BatchStored{{7}, -1}))).size(), 1u);
}

TEST_F(AgentStateTest, FailedPlanningSaysItsEnding) {
  Connect();
  Apply(FromScheduler(Order(7, 0, 0, 0)));
  const auto ended = Sent<LeaseEnded>(Apply(SlotEnded{0, {7}, "BAD_CHECKPOINT", "why", "do"}));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].ending, "BAD_CHECKPOINT");
  EXPECT_EQ(ended[0].remedy, "do");
}

TEST_F(AgentStateTest, LeaseStopsByItselfWhenNoHeartbeatIsAnswered) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  now_.ms += 9'999;
  EXPECT_TRUE(Of<StopLease>(Apply(Tick{})).empty());
  now_.ms += 1;
  EXPECT_EQ(Of<StopLease>(Apply(Tick{})).size(), 1u);
  EXPECT_TRUE(Of<StopLease>(Apply(Tick{})).empty());
}

TEST_F(AgentStateTest, AnsweredHeartbeatRenewsFromWhenItWasSent) {
  Connect();
  Apply(FromScheduler(HeartbeatAck{}));
  Apply(FromScheduler(Order(7, 0)));
  now_.ms += 2'000;
  EXPECT_EQ(Sent<Heartbeat>(Apply(Tick{})).size(), 1u);
  now_.ms += 3'000;
  const auto extended = Of<ExtendLease>(Apply(FromScheduler(HeartbeatAck{})));
  ASSERT_EQ(extended.size(), 1u);
  EXPECT_EQ(extended[0].time_left_ms, 7'000);
  now_.ms += 6'999;
  EXPECT_TRUE(Of<StopLease>(Apply(Tick{})).empty());
  now_.ms += 1;
  EXPECT_EQ(Of<StopLease>(Apply(Tick{})).size(), 1u);
}

TEST_F(AgentStateTest, ShutdownStopsSlotsHandsBackAndSaysGoodbye) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  auto actions = Apply(ShutdownAsked{});
  EXPECT_EQ(Of<StopLease>(actions).size(), 1u);
  EXPECT_TRUE(Of<Goodbye>(actions).empty());
  Apply(SlotBatch{0, Batch(7, 0)});
  EXPECT_TRUE(Of<Goodbye>(Apply(SlotEnded{0, {7}, "STOPPED", "", ""})).empty());
  actions = Apply(FromScheduler(BatchStored{{7}, 0}));
  const auto ended = Sent<LeaseEnded>(actions);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].ending, "HANDED_BACK");
  EXPECT_EQ(Of<Goodbye>(actions).size(), 1u);
  EXPECT_TRUE(Of<Goodbye>(Apply(Tick{})).empty());
}

TEST_F(AgentStateTest, IdleShutdownSaysGoodbyeAtOnce) {
  Connect();
  EXPECT_EQ(Of<Goodbye>(Apply(ShutdownAsked{})).size(), 1u);
}

TEST_F(AgentStateTest, OrderDuringShutdownIsHandedBack) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  Apply(ShutdownAsked{});
  const auto ended = Sent<LeaseEnded>(Apply(FromScheduler(Order(8, 1))));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].ending, "HANDED_BACK");
}

TEST_F(AgentStateTest, EventsOfAnEndedLeaseDoNothing) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  Apply(SlotEnded{0, {7}, "DONE", "", ""});
  EXPECT_TRUE(Apply(SlotBatch{0, Batch(7, 3)}).empty());
  EXPECT_TRUE(Apply(SlotEnded{0, {7}, "DONE", "", ""}).empty());
  EXPECT_TRUE(Apply(FromScheduler(BatchStored{{7}, 3})).empty());
}

TEST_F(AgentStateTest, ResultsOverTheBoundOfAMessageEndTheLeaseWithAReason) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  BatchDone batch = Batch(7, 2);
  batch.results_json.assign(kResultsBytesMax, ' ');
  EXPECT_EQ(Sent<BatchDone>(Apply(SlotBatch{0, batch})).size(), 1u);
  batch.batch = 3;
  batch.results_json += ' ';
  const auto actions = Apply(SlotBatch{0, batch});
  EXPECT_TRUE(Sent<BatchDone>(actions).empty());
  EXPECT_EQ(Of<StopLease>(actions).size(), 1u);
  const auto ended = Sent<LeaseEnded>(actions);
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].ending, "INTERNAL");
  EXPECT_NE(ended[0].reason.find("batch 3 have 66060289 bytes"), std::string::npos)
      << ended[0].reason;
  EXPECT_NE(ended[0].remedy, "");
  EXPECT_TRUE(Of<Send>(Apply(SlotEnded{0, {7}, "STOPPED", "", ""})).empty());
  EXPECT_TRUE(state_.idle());
}

TEST_F(AgentStateTest, EndWaitsForTheLink) {
  Connect();
  Apply(FromScheduler(Order(7, 0)));
  Apply(LinkDown{"gone"});
  EXPECT_TRUE(Of<Send>(Apply(SlotEnded{0, {7}, "RUNNER_CRASHED", "SIGSEGV", ""})).empty());
  Apply(LinkUp{});
  const auto ended = Sent<LeaseEnded>(Apply(FromScheduler(Welcome{{2}, 2000, 10000, {{7}}})));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].ending, "RUNNER_CRASHED");
}

TEST_F(AgentStateTest, ADownloadIsNamedWhileItLasts) {
  Connect();
  Apply(FromScheduler(Order(7, 1)));
  Apply(SlotNote{1, "downloading org/name: 1.0 GiB of 2.0 GiB"});
  EXPECT_EQ(state_.Describe(),
            "connected, 1 of 2 slots busy; slot 1: downloading org/name: 1.0 GiB of 2.0 GiB");
  Apply(SlotNote{1, ""});
  EXPECT_EQ(state_.Describe(), "connected, 1 of 2 slots busy");
}

}  // namespace
}  // namespace koeval::agent
