// Every event in every phase of a request: the phase that follows and the effects.
#include <array>
#include <functional>
#include <map>

#include "tests/scheduler/core/bench.h"

namespace koeval::core {
namespace {

constexpr std::array kPhases = {"unknown", "checking", "queued",   "planning",
                                "batches", "scoring",  "finished", "failed"};
const Actor kOperator{"op", "operator"};

// Brings request "r" into `phase`: one worker of one slot, session 1; paused where it must wait.
void Reach(Bench& b, const std::string& phase) {
  b.Hello("w", 1);
  if (phase == "unknown") return;
  if (phase == "queued") b.Do(SetPaused{ReplyToken{1}, kOperator, true});
  b.Submit("r");
  if (phase == "checking") return;
  if (phase == "failed") {
    b.Do(Cancel{ReplyToken{1}, kOperator, RequestId{"r"}});
    return;
  }
  b.Checked("r");
  if (phase == "queued" || phase == "planning") return;
  b.Planned(b.LeaseOf("r").id, 3);
  if (phase == "batches") return;
  b.RunAll();
  if (phase == "scoring") return;
  b.Do(ScoreDone{RequestId{"r"}, 1, "{}", 1});
}

// The lease that is current, or one that is not.
LeaseId LeaseNow(const Bench& b) {
  return b.mirror.leases.empty() ? LeaseId{1} : b.mirror.leases.begin()->first;
}

const std::map<std::string, std::function<Event(const Bench&)>>& Events() {
  static const std::map<std::string, std::function<Event(const Bench&)>> events = {
      {"Submit",
       [](const Bench&) {
         return Submit{ReplyToken{9}, {"ann", "submitter"}, RequestId{"r"}, Bench::Spec("r")};
       }},
      {"Cancel",
       [](const Bench&) {
         return Cancel{ReplyToken{9}, kOperator, RequestId{"r"}};
       }},
      {"Retry",
       [](const Bench&) {
         return Retry{ReplyToken{9}, kOperator, RequestId{"r"}};
       }},
      {"SetPaused",
       [](const Bench&) {
         return SetPaused{ReplyToken{9}, kOperator, false};
       }},
      {"SetDrained",
       [](const Bench&) {
         return SetDrained{ReplyToken{9}, kOperator, WorkerId{"w"}, true, "fan"};
       }},
      {"ChecksDone",
       [](const Bench&) {
         return ChecksDone{RequestId{"r"}, 1, "{}", {}};
       }},
      {"ScoreDone",
       [](const Bench&) {
         return ScoreDone{RequestId{"r"}, 1, "{}", 1};
       }},
      {"ScoreFailed",
       [](const Bench&) {
         return ScoreFailed{RequestId{"r"}, 1, {Ending::kInternal, "disk", ""}};
       }},
      {"WorkerHello",
       [](const Bench&) {
         return WorkerHello{SessionId{2}, WorkerId{"w"}, "", {{0, "cpu", 1, "cpu"}}, {}};
       }},
      {"WorkerHeartbeat",
       [](const Bench& b) {
         return WorkerHeartbeat{SessionId{1}, {{LeaseNow(b), 0}}, {}};
       }},
      {"WorkerGone", [](const Bench&) { return WorkerGone{SessionId{1}}; }},
      {"PlanReady",
       [](const Bench& b) {
         return PlanReady{SessionId{1}, LeaseNow(b), {"digest", {{"task", 3, 3, 3, 0}}}};
       }},
      {"BatchDone",
       [](const Bench& b) {
         return BatchDone{SessionId{1}, LeaseNow(b), 0, "{}", 1, "", "digest"};
       }},
      {"LeaseEnded",
       [](const Bench& b) {
         return LeaseEnded{SessionId{1}, LeaseNow(b), "RUNNER_CRASHED", "x", ""};
       }},
      {"Tick", [](const Bench&) { return Tick{}; }},
  };
  return events;
}

// By event, in the order of kPhases: "phase that follows: effects".
const std::map<std::string, std::array<const char*, 8>>& Table() {
  static const std::map<std::string, std::array<const char*, 8>> table = {
      {"Submit",
       {"checking: Reply StartChecks", "checking: Reply", "queued: Reply", "planning: Reply",
        "batches: Reply", "scoring: Reply", "finished: Reply", "failed: Reply"}},
      {"Cancel",
       {"unknown: Reply", "failed: Reply", "failed: Reply", "failed: SendRevoke Reply",
        "failed: SendRevoke Reply", "failed: Reply", "finished: Reply", "failed: Reply"}},
      {"Retry",
       {"unknown: Reply", "checking: Reply", "queued: Reply", "planning: Reply", "batches: Reply",
        "scoring: Reply", "finished: Reply", "checking: Reply StartChecks"}},
      {"SetPaused",
       {"unknown: Reply", "checking: Reply", "planning: Reply SendLease", "planning: Reply",
        "batches: Reply", "scoring: Reply", "finished: Reply", "failed: Reply"}},
      {"SetDrained",
       {"unknown: Reply", "checking: Reply", "queued: Reply", "planning: Reply", "batches: Reply",
        "scoring: Reply", "finished: Reply", "failed: Reply"}},
      {"ChecksDone",
       {"unknown: ", "planning: SendLease",
        "queued: ", "planning: ", "batches: ", "scoring: ", "finished: ", "failed: "}},
      {"ScoreDone",
       {"unknown: ", "checking: ", "queued: ", "planning: ", "batches: ", "finished: ",
        "finished: ", "failed: "}},
      {"ScoreFailed",
       {"unknown: ", "checking: ", "queued: ", "planning: ", "batches: ", "scoring: ComputeScore",
        "finished: ", "failed: "}},
      {"WorkerHello",
       {"unknown: CloseSession SendWelcome", "checking: CloseSession SendWelcome",
        "queued: CloseSession SendWelcome",
        "planning: CloseSession SendWelcome SendRevoke SendLease",
        "batches: CloseSession SendWelcome SendRevoke SendLease",
        "scoring: CloseSession SendWelcome", "finished: CloseSession SendWelcome",
        "failed: CloseSession SendWelcome"}},
      {"WorkerHeartbeat",
       {"unknown: SendRevoke SendHeartbeatAck", "checking: SendRevoke SendHeartbeatAck",
        "queued: SendRevoke SendHeartbeatAck", "planning: SendHeartbeatAck",
        "batches: SendHeartbeatAck", "scoring: SendRevoke SendHeartbeatAck",
        "finished: SendRevoke SendHeartbeatAck", "failed: SendRevoke SendHeartbeatAck"}},
      {"WorkerGone",
       {"unknown: ", "checking: ", "queued: ", "planning: ", "batches: ", "scoring: ", "finished: ",
        "failed: "}},
      {"PlanReady",
       {"unknown: SendRevoke", "checking: SendRevoke", "queued: SendRevoke",
        "batches: SendStored SendLease", "batches: SendRevoke SendLease", "scoring: SendRevoke",
        "finished: SendRevoke", "failed: SendRevoke"}},
      {"BatchDone",
       {"unknown: SendRevoke", "checking: SendRevoke", "queued: SendRevoke",
        "planning: SendRevoke SendLease", "batches: SendStored", "scoring: SendRevoke",
        "finished: SendRevoke", "failed: SendRevoke"}},
      {"LeaseEnded",
       {"unknown: ", "checking: ", "queued: ", "planning: SendLease", "batches: SendLease",
        "scoring: ", "finished: ", "failed: "}},
      {"Tick",
       {"unknown: ", "checking: ", "queued: ", "planning: ", "batches: ", "scoring: ", "finished: ",
        "failed: "}},
  };
  return table;
}

TEST(Pairs, EveryEventInEveryPhaseDoesWhatTheTableSays) {
  size_t pairs = 0;
  for (const auto& [name, make] : Events()) {
    const auto row = Table().find(name);
    if (row == Table().end()) {
      ADD_FAILURE() << "no row for " << name;
      continue;
    }
    for (size_t i = 0; i < kPhases.size(); ++i) {
      SCOPED_TRACE(name + " in " + kPhases[i]);
      Bench b;
      Reach(b, kPhases[i]);
      ASSERT_EQ(b.PhaseIs("r"), kPhases[i]);
      b.Do(make(b));
      EXPECT_EQ(b.PhaseIs("r") + ": " + b.Names(), row->second[i]);
      ++pairs;
    }
  }
  // One event for each alternative of the variant, so that a new one cannot be forgotten.
  EXPECT_EQ(Events().size(), std::variant_size_v<Event>);
  EXPECT_EQ(pairs, std::variant_size_v<Event> * kPhases.size());
}

TEST(Pairs, EveryPhaseSurvivesARestart) {
  for (const char* phase : kPhases) {
    SCOPED_TRACE(phase);
    Bench b;
    Reach(b, phase);
    const std::string before = Dump(b.core->state());
    b.Restart();
    EXPECT_EQ(Dump(b.core->state()), before);
    EXPECT_EQ(b.PhaseIs("r"), phase);
    const std::string names = b.Names();
    const std::string expected = phase == std::string("checking")  ? "StartChecks"
                                 : phase == std::string("scoring") ? "ComputeScore"
                                                                   : "";
    EXPECT_EQ(names, expected);
  }
}

TEST(Restore, ContradictingRowsAreNamed) {
  Bench b;
  b.Hello("w", 1);
  b.Queue("a");
  b.Planned(b.LeaseOf("a").id, 3);
  b.Batch(b.LeaseOf("a").id, 0);
  const Snapshot good = b.mirror.Load();
  const auto refused = [&](const std::function<void(Snapshot&)>& spoil, const std::string& what) {
    Snapshot bad = good;
    spoil(bad);
    Core core{Limits{}};
    const Result<Output> output = core.Restore(bad, b.now);
    ASSERT_FALSE(output.ok()) << what;
    EXPECT_EQ(output.status().code(), Code::kDataLoss);
    EXPECT_NE(output.status().message().find(what), std::string::npos) << output.status().message();
  };
  refused([](Snapshot& s) { s.requests.push_back(s.requests[0]); }, "twice");
  refused([](Snapshot& s) { s.leases[0].end = 99; }, "does not fit");
  refused([](Snapshot& s) { s.leases[0].round = 2; }, "live round");
  refused([](Snapshot& s) { s.leases[0].id.value = 99; }, "live round");
  refused([](Snapshot& s) { s.batches[0].batch = 3; }, "not of its plan");
  refused([](Snapshot& s) { s.batches.push_back(s.batches[0]); }, "twice");
  refused([](Snapshot& s) { s.open_attempts[0].request.text = "b"; }, "open attempt");
  refused([](Snapshot& s) { s.meta.push_back({"next_seq", "x"}); }, "next_seq");
  refused([](Snapshot& s) { s.meta.push_back({"faults:a:1", "w"}); }, "faults");
}

}  // namespace
}  // namespace koeval::core
