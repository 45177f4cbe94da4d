// Placement by memory: what fits where, what waits, and what fits nowhere.
#include <gmock/gmock.h>

#include "tests/scheduler/core/bench.h"

namespace koeval::core {
namespace {

using testing::HasSubstr;

constexpr int64_t kGib = int64_t{1} << 30;

void HelloWithMemory(Bench& b, const std::string& worker, int64_t session,
                     const std::vector<int64_t>& memory, const std::string& hardware_class = "c") {
  WorkerHello hello{SessionId{session}, WorkerId{worker}, "0.1.0", {}, {}};
  for (const int64_t bytes : memory) {
    hello.slots.push_back(
        {static_cast<int64_t>(hello.slots.size()), "cuda:0", bytes, hardware_class});
  }
  b.sessions[worker] = SessionId{session};
  b.Do(hello);
}

void QueueWithNeed(Bench& b, const std::string& id, int64_t bytes) {
  b.Submit(id);
  b.Do(ChecksDone{RequestId{id}, b.Row(id).round, "{}", std::nullopt, bytes});
}

TEST(Room, SlotThatCannotHoldTheModelIsNotGivenIt) {
  Bench b;
  HelloWithMemory(b, "small", 1, {10 * kGib});
  HelloWithMemory(b, "wide", 2, {10 * kGib, 80 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  EXPECT_EQ(b.LeaseOf("a").worker.text, "wide");
  EXPECT_EQ(b.LeaseOf("a").slot, 1);
  b.Planned(b.LeaseOf("a").id, 20);
  EXPECT_EQ(b.mirror.leases.size(), 1U) << "the small slots do not help";
}

TEST(Room, ModelThatJustFitsAndSlotThatDoesNotSayRunIt) {
  Bench b;
  HelloWithMemory(b, "v", 1, {40 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  EXPECT_EQ(b.PhaseIs("a"), "planning");
  HelloWithMemory(b, "w", 2, {0});
  QueueWithNeed(b, "b", 900 * kGib);
  EXPECT_EQ(b.LeaseOf("b").worker.text, "w");
}

TEST(Room, SmallerRequestPassesOneThatWaitsForALargerSlot) {
  Bench b;
  HelloWithMemory(b, "large", 1, {80 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  QueueWithNeed(b, "b", 40 * kGib);
  EXPECT_THAT(b.core->WaitReason(RequestId{"b"}), HasSubstr("It waits for a free slot;"));
  QueueWithNeed(b, "c", kGib);
  HelloWithMemory(b, "small", 2, {10 * kGib});
  EXPECT_EQ(b.PhaseIs("b"), "queued");
  EXPECT_EQ(b.LeaseOf("c").worker.text, "small");
  EXPECT_THAT(b.core->WaitReason(RequestId{"b"}), HasSubstr("a free slot with 40.0 GiB"));
}

TEST(Room, AnyNumberOfRequestsThatAreTooLargeDoesNotHideOneThatFits) {
  Bench b;
  HelloWithMemory(b, "large", 1, {80 * kGib});
  QueueWithNeed(b, "first", 40 * kGib);
  const int64_t many = Limits{}.place_scan_max + 10;
  for (int64_t i = 0; i < many; ++i) QueueWithNeed(b, "big" + std::to_string(i), 40 * kGib);
  QueueWithNeed(b, "little", kGib);
  HelloWithMemory(b, "small", 2, {10 * kGib});
  EXPECT_EQ(b.LeaseOf("little").worker.text, "small");
}

TEST(Room, AnyNumberOfSlotsThatAreTooSmallDoesNotHideOneThatFits) {
  Bench b;
  const Limits limits;
  const std::vector<int64_t> small(static_cast<size_t>(limits.worker_slots_max), 10 * kGib);
  const int64_t workers = limits.place_scan_max / limits.worker_slots_max + 1;
  for (int64_t i = 1; i <= workers; ++i) HelloWithMemory(b, "s" + std::to_string(i), i, small);
  HelloWithMemory(b, "wide", workers + 1, {80 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  EXPECT_EQ(b.LeaseOf("a").worker.text, "wide");
}

TEST(Room, SmallestSlotThatFitsIsTakenSoThatLargeOnesStayFree) {
  Bench b;
  HelloWithMemory(b, "v", 1, {80 * kGib, 24 * kGib, 10 * kGib});
  QueueWithNeed(b, "a", 20 * kGib);
  EXPECT_EQ(b.LeaseOf("a").slot, 1);
  QueueWithNeed(b, "b", 60 * kGib);
  EXPECT_EQ(b.LeaseOf("b").slot, 0);
}

TEST(Room, RequestThatFitsNowhereIsInfeasibleWithTheNearestChange) {
  Bench b;
  HelloWithMemory(b, "v", 1, {10 * kGib});
  HelloWithMemory(b, "w", 2, {24 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  QueueWithNeed(b, "b", 400 * kGib);
  EXPECT_THAT(b.core->WaitReason(RequestId{"a"}), HasSubstr("no slot has more than 24.0 GiB"));
  b.PassAlive(Limits{}.fit_wait_ms - 2'000);
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  b.PassAlive(4'000);
  EXPECT_EQ(b.Row("a").ending, "INFEASIBLE");
  EXPECT_EQ(b.Row("a").reason,
            "the model needs 40.0 GiB of memory in float32, and the largest slot has 24.0 GiB "
            "(worker w, slot 0)");
  EXPECT_EQ(b.Row("a").remedy, "Submit it with precision bfloat16: it then needs about 20.0 GiB.");
  EXPECT_EQ(b.Row("b").remedy,
            "Submit a smaller model, or ask the operator for a slot with at least 400.0 GiB.");
  EXPECT_FALSE(b.mirror.meta.contains("memory:a"));
}

TEST(Room, LargerSlotThatComesInTimeSavesTheRequest) {
  Bench b;
  HelloWithMemory(b, "small", 1, {10 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  b.PassAlive(Limits{}.fit_wait_ms / 2);
  HelloWithMemory(b, "large", 2, {80 * kGib});
  EXPECT_EQ(b.LeaseOf("a").worker.text, "large");
}

TEST(Room, RequestWaitsWhileALargeWorkerMayComeBackAndNotLonger) {
  Limits limits;
  limits.worker_forget_ms = 1'000'000;
  Bench b(limits);
  HelloWithMemory(b, "large", 1, {80 * kGib});
  b.Do(WorkerGone{SessionId{1}});
  HelloWithMemory(b, "small", 2, {10 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  b.PassAlive(3 * limits.fit_wait_ms);
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  b.PassAlive(limits.worker_forget_ms);
  EXPECT_EQ(b.Row("a").ending, "INFEASIBLE");
}

TEST(Room, NothingIsInfeasibleBeforeAnyWorkerWasSeenOrWhilePaused) {
  Bench b;
  QueueWithNeed(b, "a", 40 * kGib);
  b.Pass(3 * Limits{}.fit_wait_ms);
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  HelloWithMemory(b, "small", 1, {10 * kGib});
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, true});
  b.PassAlive(3 * Limits{}.fit_wait_ms);
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, false});
  b.PassAlive(2 * Limits{}.fit_wait_ms);
  EXPECT_EQ(b.Row("a").ending, "INFEASIBLE");
}

TEST(Room, NeedSurvivesARestart) {
  Bench b;
  QueueWithNeed(b, "a", 40 * kGib);
  b.Restart();
  HelloWithMemory(b, "small", 1, {10 * kGib});
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  HelloWithMemory(b, "large", 2, {80 * kGib});
  EXPECT_EQ(b.LeaseOf("a").worker.text, "large");
}

TEST(Room, WorkerThatFailedItGetsItAgainWhenTheOthersAreTooSmall) {
  Bench b;
  HelloWithMemory(b, "large", 1, {80 * kGib});
  HelloWithMemory(b, "small", 2, {10 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  b.Ended(b.LeaseOf("a").id, "RUNNER_CRASHED");
  EXPECT_EQ(b.LeaseOf("a").worker.text, "large");
}

TEST(Explain, NamesForEverySlotTheRuleThatClosesIt) {
  Bench b;
  HelloWithMemory(b, "busy", 1, {80 * kGib});
  QueueWithNeed(b, "first", kGib);
  HelloWithMemory(b, "drained", 2, {80 * kGib});
  b.Do(SetDrained{ReplyToken{1}, {"op", "operator"}, WorkerId{"drained"}, true, "fan"});
  HelloWithMemory(b, "gone", 3, {80 * kGib});
  b.Do(WorkerGone{SessionId{3}});
  HelloWithMemory(b, "small", 4, {10 * kGib});
  QueueWithNeed(b, "a", 40 * kGib);
  const auto why = b.core->Explain(RequestId{"a"}, 100);
  ASSERT_TRUE(why.ok());
  ASSERT_EQ(why->slots.size(), 4U);
  EXPECT_EQ(why->slots[0].text, "busy with first");
  EXPECT_EQ(why->slots[1].text, "drained: fan");
  EXPECT_EQ(why->slots[2].text, "its worker is not connected");
  EXPECT_EQ(why->slots[3].text, "too small: it has 10.0 GiB, the model needs 40.0 GiB");
  EXPECT_EQ(why->memory_bytes, 40 * kGib);
  EXPECT_EQ(why->answer, b.core->WaitReason(RequestId{"a"}));
  EXPECT_EQ(b.core->Explain(RequestId{"a"}, 2)->slots.size(), 2U);
  EXPECT_EQ(b.core->Explain(RequestId{"a"}, 2)->slots_known, 4);
}

TEST(Explain, RunningRequestNamesItsSlotAndEndedOnesAreRefused) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  const auto why = b.core->Explain(RequestId{"a"}, 100);
  ASSERT_TRUE(why.ok());
  EXPECT_EQ(why->slots[0].text, "runs it");
  EXPECT_THAT(why->answer, HasSubstr("builds its plan"));
  b.Do(Cancel{ReplyToken{1}, {"op", "operator"}, RequestId{"a"}});
  EXPECT_EQ(b.core->Explain(RequestId{"a"}, 100).status().code(), Code::kFailedPrecondition);
  EXPECT_EQ(b.core->Explain(RequestId{"x"}, 100).status().code(), Code::kNotFound);
}

TEST(Explain, PausedDispatchIsNamedOnAFreeSlot) {
  Bench b;
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, true});
  b.Hello("w", 1);
  b.Queue("a");
  EXPECT_EQ(b.core->Explain(RequestId{"a"}, 100)->slots[0].text, "free, but dispatch is paused");
}

}  // namespace
}  // namespace koeval::core
