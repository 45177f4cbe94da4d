// The life of requests: literal event logs and what comes of them.
#include <gmock/gmock.h>

#include "tests/scheduler/core/bench.h"

namespace koeval::core {
namespace {

using testing::HasSubstr;

TEST(Life, RequestRunsFromSubmitToFinished) {
  Bench b;
  b.Submit("a");
  EXPECT_EQ(b.Names(), "Reply StartChecks");
  EXPECT_EQ(b.PhaseIs("a"), "checking");
  b.Checked("a");
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  b.Hello("w", 1);
  EXPECT_EQ(b.Names(), "SendWelcome SendLease");
  EXPECT_EQ(b.PhaseIs("a"), "planning");
  b.Planned(b.LeaseOf("a").id, 2);
  EXPECT_EQ(b.Names(), "SendStored SendLease");
  EXPECT_EQ(b.Only<SendStored>().batch, -1);
  EXPECT_EQ(b.Only<SendLease>().plan_digest, "digest");
  const LeaseId lease = b.LeaseOf("a").id;
  b.Batch(lease, 0);
  EXPECT_EQ(b.Names(), "SendStored");
  b.Batch(lease, 1);
  EXPECT_EQ(b.Names(), "SendStored ComputeScore");
  EXPECT_EQ(b.PhaseIs("a"), "scoring");
  EXPECT_TRUE(b.mirror.leases.empty());
  b.Do(ScoreDone{RequestId{"a"}, 1, "{}", 0.5});
  EXPECT_EQ(b.PhaseIs("a"), "finished");
  ASSERT_EQ(b.mirror.scores.size(), 1U);
  EXPECT_EQ(b.mirror.scores[0].average, 0.5);
  EXPECT_EQ(b.Row("a").ending, "FINISHED");
  EXPECT_EQ((b.mirror.attempts.at({RequestId{"a"}, 1}).ending), "FINISHED");
  std::string kinds;
  for (const EventRow& e : b.mirror.events) kinds += e.kind + " ";
  EXPECT_EQ(kinds,
            "submitted checked worker_connected running planned batch batch scoring finished ");
}

TEST(Life, FinishedAndItsScoreAreOneCommit) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  b.RunAll();
  const Output output = b.core->Apply(ScoreDone{RequestId{"a"}, 1, "{}", 1}, b.now);
  bool has_row = false;
  bool has_score = false;
  for (const Mutation& m : output.mutations) {
    const auto* row = std::get_if<RequestRow>(&m);
    has_row = has_row || (row != nullptr && row->state == RequestState::kFinished);
    has_score = has_score || std::holds_alternative<ScoreRow>(m);
  }
  EXPECT_TRUE(has_row && has_score);
}

TEST(Life, SameSubmissionGetsTheFirstAnswer) {
  Bench b;
  b.Submit("a");
  const int64_t number = b.Row("a").number;
  b.Submit("a");
  EXPECT_EQ(b.Names(), "Reply");
  EXPECT_TRUE(b.Only<Reply>().status.ok());
  EXPECT_TRUE(b.Only<Reply>().already_known);
  EXPECT_EQ(b.Only<Reply>().request->number, number);
  b.Restart();
  b.Submit("a");
  EXPECT_TRUE(b.Only<Reply>().already_known);
  EXPECT_EQ(b.mirror.requests.size(), 1U);
}

TEST(Life, AnotherSubmissionUnderATakenIdIsRefused) {
  Bench b;
  b.Submit("a");
  b.Submit("a", /*priority=*/5);
  EXPECT_EQ(b.Only<Reply>().status.code(), Code::kAlreadyExists);
  EXPECT_THAT(b.Only<Reply>().status.message(), HasSubstr("differs in: priority;"));
  RequestSpec other = Bench::Spec("a");
  other.precision = "bfloat16";
  other.limit = 3;
  b.Do(core::Submit{ReplyToken{1}, {"ann", "submitter"}, RequestId{"a"}, other});
  EXPECT_THAT(b.Only<Reply>().status.message(), HasSubstr("differs in: precision, limit;"));
}

TEST(Life, TheNameOfARevisionTellsSubmissionsApartAndTheCommitItLedToDoesNot) {
  Bench b;
  const auto submit = [&b](const std::string& wanted, const std::string& commit) {
    RequestSpec spec = Bench::Spec("a");
    spec.wanted_revision = wanted;
    spec.revision = commit;
    b.Do(core::Submit{ReplyToken{1}, {"ann", "submitter"}, RequestId{"a"}, spec});
    return b.Only<Reply>();
  };
  EXPECT_FALSE(submit("main", "c1").already_known);
  b.Restart();
  const Reply moved = submit("main", "c2");
  EXPECT_TRUE(moved.already_known);
  EXPECT_EQ(moved.request->spec.revision, "c1");
  const Status other = submit("dev", "c1").status;
  EXPECT_EQ(other.code(), Code::kAlreadyExists);
  EXPECT_THAT(other.message(), HasSubstr("differs in: revision;"));
}

TEST(Life, BadIdsAndFullQueuesAreRefused) {
  Limits limits;
  limits.pending_max = 2;
  Bench b(limits);
  for (const std::string& id : {std::string(), std::string("a b"), std::string(65, 'x')}) {
    b.Submit(id);
    EXPECT_EQ(b.Only<Reply>().status.code(), Code::kInvalidArgument) << id;
  }
  b.Submit("a");
  b.Submit("b");
  b.Submit("c");
  EXPECT_EQ(b.Only<Reply>().status.code(), Code::kResourceExhausted);
  EXPECT_EQ(b.core->Find(RequestId{"c"}), nullptr);
}

TEST(Life, ASubmitterMakesSoManyRequestsInAWindowAlsoAcrossARestart) {
  Limits limits;
  limits.submits_max = 2;
  limits.submits_window_ms = 3'600'000;
  Bench b(limits);
  b.Submit("a");
  b.Skip(60'000);
  b.Submit("b");
  b.Submit("b");
  EXPECT_TRUE(b.Only<Reply>().status.ok()) << "the same request again is none more";
  b.Restart();
  b.Skip(60'000);
  b.Submit("c");
  const Status refused = b.Only<Reply>().status;
  EXPECT_EQ(refused.code(), Code::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("at 2023-11-14T23:13:20Z, in 58 min"));
  EXPECT_EQ(b.core->Find(RequestId{"c"}), nullptr);
  b.Do(core::Submit{ReplyToken{2}, {"ann", "operator"}, RequestId{"o"}, Bench::Spec("o")});
  EXPECT_TRUE(b.Only<Reply>().status.ok()) << "an operator is not bound";
  RequestSpec other = Bench::Spec("d");
  other.submitter = "bob";
  b.Do(core::Submit{ReplyToken{3}, {"bob", "submitter"}, RequestId{"d"}, other});
  EXPECT_TRUE(b.Only<Reply>().status.ok()) << "each submitter has a limit of its own";
}

TEST(Life, ARetryOfTheSubmitterCountsLikeARequestAlsoAcrossARestart) {
  Limits limits;
  limits.submits_max = 3;
  limits.submits_window_ms = 3'600'000;
  Bench b(limits);
  const auto fail_and_retry = [&b](const std::string& role) {
    b.Do(ChecksDone{RequestId{"a"}, b.Row("a").round, "{}",
                    Finding{Ending::kNoSafetensors, "none", ""}});
    b.Do(Retry{ReplyToken{2}, {"ann", role}, RequestId{"a"}});
    return b.Only<Reply>().status;
  };
  b.Submit("a");
  b.Skip(60'000);
  EXPECT_TRUE(fail_and_retry("submitter").ok());
  EXPECT_TRUE(fail_and_retry("operator").ok()) << "of an operator it is none";
  b.Skip(60'000);
  EXPECT_TRUE(fail_and_retry("submitter").ok());
  b.Restart();
  b.Skip(60'000);
  const Status refused = fail_and_retry("submitter");
  EXPECT_EQ(refused.code(), Code::kResourceExhausted);
  EXPECT_THAT(refused.message(), HasSubstr("3 requests and retries within"));
  EXPECT_THAT(refused.message(), HasSubstr("in 57 min"));
  EXPECT_EQ(b.PhaseIs("a"), "failed");
  b.Submit("b");
  EXPECT_EQ(b.Only<Reply>().status.code(), Code::kResourceExhausted);
  b.Skip(57 * 60'000);
  b.Do(Retry{ReplyToken{2}, {"ann", "submitter"}, RequestId{"a"}});
  EXPECT_TRUE(b.Only<Reply>().status.ok());
}

TEST(Life, RetriesThatCountNoMoreAreForgottenAtTheNextStart) {
  Limits limits;
  limits.submits_max = 3;
  limits.submits_window_ms = 3'600'000;
  Bench b(limits);
  b.Submit("a");
  b.Do(ChecksDone{RequestId{"a"}, 1, "{}", Finding{Ending::kNoSafetensors, "none", ""}});
  b.Do(Retry{ReplyToken{2}, {"ann", "submitter"}, RequestId{"a"}});
  EXPECT_TRUE(b.mirror.meta.contains("retry:a:2"));
  b.Restart();
  EXPECT_TRUE(b.mirror.meta.contains("retry:a:2"));
  b.Skip(3'600'000);
  b.Restart();
  EXPECT_FALSE(b.mirror.meta.contains("retry:a:2"));
}

TEST(Life, ARequestOutsideTheWindowMakesRoomForAnother) {
  Limits limits;
  limits.submits_max = 1;
  limits.submits_window_ms = 3'600'000;
  Bench b(limits);
  b.Submit("a");
  b.Skip(3'599'999);
  b.Submit("b");
  EXPECT_EQ(b.Only<Reply>().status.code(), Code::kResourceExhausted);
  b.Skip(1);
  b.Submit("b");
  EXPECT_TRUE(b.Only<Reply>().status.ok());
}

TEST(Life, FindingOfTheChecksFailsTheRequest) {
  Bench b;
  b.Submit("a");
  b.Do(ChecksDone{RequestId{"a"}, 1, "{\"x\":1}", Finding{Ending::kNoSafetensors, "none", ""}});
  EXPECT_EQ(b.PhaseIs("a"), "failed");
  EXPECT_EQ(b.Row("a").ending, "NO_SAFETENSORS");
  EXPECT_EQ(b.Row("a").reason, "none");
  EXPECT_EQ(b.Row("a").remedy, InfoOf(Ending::kNoSafetensors).submitter_text);
  EXPECT_EQ(b.Row("a").facts_json, "{\"x\":1}");
}

TEST(Life, CancelRevokesEveryLeaseAndIsIdempotent) {
  Bench b;
  b.Hello("w", 1, /*slots=*/2);
  b.Queue("a");
  b.Planned(b.LeaseOf("a").id, 20);
  ASSERT_EQ(b.mirror.leases.size(), 2U);
  const Cancel cancel{ReplyToken{7}, {"ann", "submitter"}, RequestId{"a"}};
  b.Do(cancel);
  EXPECT_EQ(b.Names(), "SendRevoke SendRevoke Reply");
  EXPECT_TRUE(b.mirror.leases.empty());
  EXPECT_EQ(b.Row("a").ending, "CANCELLED");
  b.Do(cancel);
  EXPECT_TRUE(b.Only<Reply>().status.ok());
  EXPECT_EQ(b.mirror.audits.size(), 2U);  // submit, cancel
}

TEST(Life, OnlyOwnRequestsMayBeCancelledOrRetriedBySubmitters) {
  Bench b;
  b.Submit("a");
  b.Do(Cancel{ReplyToken{7}, {"bob", "submitter"}, RequestId{"a"}});
  EXPECT_EQ(b.Only<Reply>().status.code(), Code::kPermissionDenied);
  b.Do(Cancel{ReplyToken{7}, {"bob", "operator"}, RequestId{"a"}});
  EXPECT_TRUE(b.Only<Reply>().status.ok());
  b.Do(Retry{ReplyToken{7}, {"bob", "submitter"}, RequestId{"a"}});
  EXPECT_EQ(b.Only<Reply>().status.code(), Code::kPermissionDenied);
}

TEST(Life, RetryIsANewRoundWithNothingKept) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  b.Planned(b.LeaseOf("a").id, 3);
  b.Batch(b.LeaseOf("a").id, 0);
  b.Do(Cancel{ReplyToken{7}, {"op", "operator"}, RequestId{"a"}});
  b.Do(Retry{ReplyToken{8}, {"op", "operator"}, RequestId{"a"}});
  EXPECT_EQ(b.Names(), "Reply StartChecks");
  EXPECT_EQ(b.Row("a").round, 2);
  EXPECT_FALSE(b.Row("a").plan.has_value());
  EXPECT_EQ(b.Row("a").hardware_class, "");
  b.Checked("a");
  EXPECT_EQ(b.Row("a").attempt, 2);
  b.RunAll();
  b.Do(ScoreDone{RequestId{"a"}, 1, "{}", 1});  // of the first round: stale
  EXPECT_EQ(b.PhaseIs("a"), "scoring");
  b.Do(ScoreDone{RequestId{"a"}, 2, "{}", 1});
  EXPECT_EQ(b.PhaseIs("a"), "finished");
  b.Do(Retry{ReplyToken{8}, {"op", "operator"}, RequestId{"a"}});
  EXPECT_EQ(b.Only<Reply>().status.code(), Code::kFailedPrecondition);
}

TEST(Life, ChecksAndScoresAskedForAreBounded) {
  Limits limits;
  limits.checks_running_max = 2;
  Bench b(limits);
  b.Submit("a");
  b.Submit("b");
  b.Submit("c", /*priority=*/1);
  EXPECT_EQ(b.Names(), "Reply");
  b.Submit("d", /*priority=*/2);
  b.Checked("a");
  EXPECT_EQ(b.Only<StartChecks>().id.text, "d");
  b.Restart();
  EXPECT_EQ(b.Names(), "StartChecks StartChecks");
}

TEST(Life, ScoresAreTriedAgainAFewTimes) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  b.RunAll();
  const ScoreFailed failed{RequestId{"a"}, 1, {Ending::kInternal, "disk read", ""}};
  b.Do(failed);
  EXPECT_EQ(b.Names(), "ComputeScore");
  b.Do(failed);
  b.Do(failed);
  EXPECT_EQ(b.Row("a").ending, "INTERNAL");
}

TEST(Life, PauseStopsNewLeasesOnlyAndSurvivesARestart) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, true});
  b.Planned(b.LeaseOf("a").id, 3);
  EXPECT_EQ(b.Names(), "SendStored");
  EXPECT_EQ(b.PhaseIs("a"), "queued");
  EXPECT_THAT(b.core->WaitReason(RequestId{"a"}), HasSubstr("paused"));
  b.Restart();
  EXPECT_TRUE(b.core->counts().paused);
  b.Hello("w", 2);
  EXPECT_TRUE(b.mirror.leases.empty());
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, false});
  EXPECT_EQ(b.Names(), "Reply SendLease");
  EXPECT_EQ(b.Row("a").attempt, 2);
}

TEST(Life, TimeLimitCountsRunningTimeOverRestarts) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a", 0, /*time_limit_ms=*/20'000);
  b.PassAlive(12'000);
  b.Planned(b.LeaseOf("a").id, 3);
  EXPECT_EQ(b.mirror.meta.at("active:a"), "12000");
  b.Do(SetPaused{ReplyToken{1}, {"op", "operator"}, true});
  const LeaseId lease = b.LeaseOf("a").id;
  b.Restart();
  b.Hello("w", 2, 1, "cpu", {{lease, 0}});
  b.PassAlive(6'000);
  EXPECT_EQ(b.PhaseIs("a"), "batches");
  b.PassAlive(4'000);
  EXPECT_EQ(b.Row("a").ending, "TIMED_OUT");
  EXPECT_TRUE(b.mirror.leases.empty());
}

TEST(Life, TimeInTheQueueIsNotRunningTime) {
  Bench b;
  b.Queue("a", 0, /*time_limit_ms=*/5'000);
  b.Pass(60'000);
  b.Hello("w", 1);
  EXPECT_EQ(b.PhaseIs("a"), "planning");
  b.Do(Tick{});
  EXPECT_EQ(b.PhaseIs("a"), "planning");
}

TEST(Life, EveryChangeOfAClientIsAudited) {
  Bench b;
  b.Hello("w", 1);
  const Actor op{"op", "operator"};
  b.Submit("a");
  b.Do(Cancel{ReplyToken{1}, op, RequestId{"a"}});
  b.Do(Retry{ReplyToken{1}, op, RequestId{"a"}});
  b.Do(SetPaused{ReplyToken{1}, op, true});
  b.Do(SetPaused{ReplyToken{1}, op, true});
  b.Do(SetPaused{ReplyToken{1}, op, false});
  b.Do(SetDrained{ReplyToken{1}, op, WorkerId{"w"}, true, "fan"});
  b.Do(SetDrained{ReplyToken{1}, op, WorkerId{"w"}, false, ""});
  std::string actions;
  for (const AuditRow& row : b.mirror.audits) actions += row.who + ":" + row.action + " ";
  EXPECT_EQ(actions, "ann:submit op:cancel op:retry op:pause op:resume op:drain op:undrain ");
}

TEST(Life, QueuePositionAndProgressAreTold) {
  Bench b;
  b.Queue("a");
  b.Queue("b");
  b.Queue("c", /*priority=*/1);
  EXPECT_EQ(b.core->ProgressOf(RequestId{"c"}).queue_position, 1);
  EXPECT_EQ(b.core->ProgressOf(RequestId{"a"}).queue_position, 2);
  EXPECT_EQ(b.core->ProgressOf(RequestId{"b"}).queue_position, 3);
  EXPECT_THAT(b.core->WaitReason(RequestId{"b"}), HasSubstr("No worker"));
  b.Hello("w", 1);
  b.Planned(b.LeaseOf("c").id, 10);
  b.Batch(b.LeaseOf("c").id, 0);
  const Progress progress = b.core->ProgressOf(RequestId{"c"});
  EXPECT_EQ(progress.batches_done, 1);
  EXPECT_EQ(progress.batches_total, 10);
  EXPECT_EQ(progress.eta_ms, 900);
  EXPECT_EQ(progress.workers, std::vector<std::string>{"w"});
  EXPECT_THAT(b.core->WaitReason(RequestId{"b"}), HasSubstr("1 request is ahead"));
}

TEST(Life, ManyPendingRequestsKeepTheirOrder) {
  Bench b;
  b.compares = false;
  constexpr int64_t kRequests = 20'000;
  for (int64_t i = 0; i < kRequests; ++i) b.Submit("r" + std::to_string(i), i % 3);
  for (int64_t i = 0; i < kRequests; ++i) b.Checked("r" + std::to_string(i));
  EXPECT_EQ(b.core->counts().pending, kRequests);
  EXPECT_EQ(b.core->ProgressOf(RequestId{"r2"}).queue_position, 1);
  EXPECT_EQ(b.core->ProgressOf(RequestId{"r0"}).queue_position, 2 * kRequests / 3 + 1);
  b.Hello("w", 1);
  EXPECT_EQ(b.PhaseIs("r2"), "planning");
}

TEST(Turn, CoalescesRowsAndKeepsTheRest) {
  RequestRow first;
  first.id = RequestId{"a"};
  RequestRow second = first;
  second.attempt = 2;
  const std::vector<Mutation> out =
      Coalesce({first, LeaseRow{LeaseId{1}, RequestId{"a"}, 1, 1, WorkerId{"w"}, 0, 0, 0},
                MetaRow{"k", "1"}, second, RemoveLease{LeaseId{1}}, MetaRow{"k", ""}});
  ASSERT_EQ(out.size(), 4U);
  EXPECT_EQ(std::get<RequestRow>(out[0]).attempt, 2);
  EXPECT_TRUE(std::holds_alternative<LeaseRow>(out[1]));
  EXPECT_EQ(std::get<MetaRow>(out[2]).value, "");
  EXPECT_TRUE(std::holds_alternative<RemoveLease>(out[3]));
}

// A store that refuses, and a sink that counts.
struct Refusing {
  Status Commit(std::span<const Mutation> /*mutations*/) { return DataLoss("disk"); }
};
struct Counting : EffectSink {
  void Committed(std::span<const Mutation> /*mutations*/) override { ++committed; }
  void Emit(const Effect& /*effect*/) override { ++emitted; }
  int committed = 0;
  int emitted = 0;
};

TEST(Turn, NothingLeavesAfterAFailedCommit) {
  Core core{Limits{}};
  Refusing store;
  Counting sink;
  const Event event = Submit{ReplyToken{1}, {"ann", "submitter"}, RequestId{"a"}, {}};
  const Status status = Turn(core, std::span(&event, 1), store, sink, Now{});
  EXPECT_EQ(status.code(), Code::kDataLoss);
  EXPECT_EQ(sink.committed + sink.emitted, 0);
}

TEST(Endings, EveryEndingHasItsRow) {
  for (const EndingInfo& info : AllEndings()) {
    EXPECT_EQ(ParseEnding(info.name), info.ending);
    EXPECT_FALSE(info.submitter_text.empty());
    EXPECT_FALSE(info.operator_text.empty());
    EXPECT_FALSE(FaultName(info.fault).empty());
    EXPECT_TRUE(info.retryable || info.blame == Blame::kNothing) << info.name;
  }
  EXPECT_EQ(ParseEnding("DONE"), std::nullopt);
}

TEST(Records, NamesOfStatesAndPhasesReadBack) {
  for (const auto state : {RequestState::kPending, RequestState::kRunning, RequestState::kFinished,
                           RequestState::kFailed}) {
    EXPECT_EQ(ParseState(StateName(state)), state);
  }
  for (const auto phase : {Phase::kChecking, Phase::kQueued, Phase::kPlanning, Phase::kBatches,
                           Phase::kScoring, Phase::kDone}) {
    EXPECT_EQ(ParsePhase(PhaseName(phase)), phase);
  }
  EXPECT_EQ(ParseState("RUNNINGS"), std::nullopt);
}

}  // namespace
}  // namespace koeval::core
