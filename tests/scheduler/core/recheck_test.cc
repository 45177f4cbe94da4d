// Checks that found no model hub: the request waits and is checked again, within bounds.
#include <gmock/gmock.h>

#include "tests/scheduler/core/bench.h"

namespace koeval::core {
namespace {

using testing::HasSubstr;

Limits ShortPauses() {
  Limits limits;
  limits.recheck_tries_max = 4;
  limits.recheck_first_ms = 1'000;
  limits.recheck_last_ms = 3'000;
  limits.recheck_for_ms = 60'000;
  return limits;
}

void NoHub(Bench& b, const std::string& id = "r") {
  b.Do(ChecksDone{RequestId{id}, b.Row(id).round, "{}",
                  Finding{Ending::kHubUnavailable, "the hub is silent", ""}});
}

// Milliseconds until the checks of "r" are asked for again.
int64_t PauseOf(Bench& b) {
  for (int64_t ms = 500; ms <= 60'000; ms += 500) {
    b.Pass(500);
    if (!b.All<StartChecks>().empty()) return ms;
  }
  return -1;
}

TEST(Recheck, PausesDoubleUpToTheirBoundAndTheLastTryEndsTheRequest) {
  Bench b(ShortPauses());
  b.Submit("r");
  NoHub(b);
  EXPECT_EQ(b.PhaseIs("r"), "checking");
  EXPECT_EQ(b.Row("r").state, RequestState::kPending);
  EXPECT_EQ(PauseOf(b), 1'000);
  NoHub(b);
  EXPECT_EQ(PauseOf(b), 2'000);
  NoHub(b);
  EXPECT_EQ(PauseOf(b), 3'000) << "no longer than the last pause";
  NoHub(b);
  EXPECT_EQ(b.PhaseIs("r"), "failed");
  EXPECT_EQ(b.Row("r").ending, "HUB_UNAVAILABLE");
  EXPECT_EQ(b.Row("r").reason, "asked 4 times within 6.0 s: the hub is silent");
  EXPECT_EQ(b.Row("r").remedy, InfoOf(Ending::kHubUnavailable).submitter_text);
  EXPECT_FALSE(b.mirror.meta.contains("recheck:r"));
}

TEST(Recheck, TheTimeSinceTheFirstAnswerIsBoundedToo) {
  Limits limits = ShortPauses();
  limits.recheck_for_ms = 2'500;
  Bench b(limits);
  b.Submit("r");
  NoHub(b);
  EXPECT_EQ(PauseOf(b), 1'000);
  NoHub(b);
  EXPECT_EQ(b.Row("r").ending, "HUB_UNAVAILABLE") << "two more seconds would be too late";
  limits.recheck_for_ms = 0;
  Bench never(limits);
  never.Submit("r");
  NoHub(never);
  EXPECT_EQ(never.Row("r").ending, "HUB_UNAVAILABLE");
  EXPECT_EQ(never.Row("r").reason, "the hub is silent");
}

TEST(Recheck, ItSaysWhatItWaitsForAndWhen) {
  Bench b(ShortPauses());
  b.Submit("r");
  NoHub(b);
  EXPECT_EQ(b.core->WaitReason(RequestId{"r"}),
            "The model hub gives no answer; its submission checks are tried again in 1.0 s (try 2 "
            "of 4).");
  EXPECT_EQ(b.Row("r").reason, "HUB_UNAVAILABLE: the hub is silent");
  EXPECT_EQ(b.mirror.events.back().kind, "postponed");
  EXPECT_EQ(b.core->NextDeadline(), b.now.mono + 1'000);
}

TEST(Recheck, AHubThatComesBackLetsTheRequestGoOn) {
  Bench b(ShortPauses());
  b.Submit("r");
  NoHub(b);
  EXPECT_EQ(PauseOf(b), 1'000);
  b.Checked("r");
  EXPECT_EQ(b.PhaseIs("r"), "queued");
  EXPECT_EQ(b.Row("r").reason, "");
  EXPECT_FALSE(b.mirror.meta.contains("recheck:r"));
}

TEST(Recheck, AFindingAboutTheRepositoryEndsItAtOnce) {
  for (const Ending ending : {Ending::kModelNotFound, Ending::kModelGated}) {
    Bench b(ShortPauses());
    b.Submit("r");
    NoHub(b);
    b.Pass(1'000);
    b.Do(ChecksDone{RequestId{"r"}, 1, "{}", Finding{ending, "as the hub says", ""}});
    EXPECT_EQ(b.Row("r").ending, EndingName(ending));
  }
}

TEST(Recheck, TriesAndTimeSurviveARestart) {
  Limits limits = ShortPauses();
  limits.recheck_for_ms = 7'500;
  Bench b(limits);
  b.Submit("r");
  NoHub(b);
  EXPECT_EQ(PauseOf(b), 1'000);
  NoHub(b);
  b.Restart();
  EXPECT_TRUE(b.All<StartChecks>().empty()) << "the pause holds across the restart";
  EXPECT_EQ(PauseOf(b), 2'000);
  NoHub(b);
  b.Restart();
  EXPECT_EQ(PauseOf(b), 3'000);
  b.Pass(1'500);
  NoHub(b);
  EXPECT_EQ(b.Row("r").ending, "HUB_UNAVAILABLE");
  EXPECT_EQ(b.Row("r").reason, "asked 4 times within 7.5 s: the hub is silent");
}

TEST(Recheck, ARequestThatWaitsForTheHubLeavesItsPlaceToOthers) {
  Limits limits = ShortPauses();
  limits.checks_running_max = 1;
  Bench b(limits);
  b.Submit("r");
  b.Submit("next");
  EXPECT_TRUE(b.All<StartChecks>().empty());
  NoHub(b);
  EXPECT_EQ(b.Only<StartChecks>().id.text, "next");
}

TEST(Recheck, CancellingEndsTheWaitAndARetryBeginsAnew) {
  Bench b(ShortPauses());
  b.Submit("r");
  NoHub(b);
  b.Do(Cancel{ReplyToken{1}, {"ann", "submitter"}, RequestId{"r"}});
  EXPECT_EQ(b.Row("r").ending, "CANCELLED");
  EXPECT_EQ(PauseOf(b), -1);
  b.Do(Retry{ReplyToken{1}, {"ann", "submitter"}, RequestId{"r"}});
  NoHub(b);
  EXPECT_THAT(b.core->WaitReason(RequestId{"r"}), HasSubstr("(try 2 of 4)"));
}

TEST(Recheck, TheDoubleOfALateAnswerCountsOnce) {
  Bench b(ShortPauses());
  b.Submit("r");
  NoHub(b);
  NoHub(b);
  EXPECT_THAT(b.core->WaitReason(RequestId{"r"}), HasSubstr("(try 2 of 4)"));
  b.Checked("r");
  EXPECT_EQ(b.PhaseIs("r"), "queued") << "an answer with a hub counts whenever it comes";
}

}  // namespace
}  // namespace koeval::core
