// The scheduler's process in the simulated world.
#include "tests/sim/sim_scheduler.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "scheduler/core/invariants.h"
#include "tests/sim/core_test_peer.h"
#include "tests/sim/truth.h"

namespace koeval::sim {
namespace {

constexpr int64_t kTickMs = 500;
constexpr int64_t kLateMs = 28'000;  // beyond the time after which an answer counts as lost
// A machine's uptime at the start of each process: monotonic values of two processes differ.
constexpr int64_t kUptimeStepMs = 7'000'000;

}  // namespace

core::Now SimScheduler::TimeNow() const {
  return {WallTime{(1'700'000'000'000 + world_.now_ms) * 1000},
          MonoTime{world_.now_ms + incarnation_ % 3 * kUptimeStepMs}};
}

void SimScheduler::Later(int64_t ms, std::function<void()> what) {
  world_.After(ms, [this, incarnation = incarnation_, what = std::move(what)] {
    if (incarnation == incarnation_ && is_up()) what();
  });
}

void SimScheduler::Start() {
  ++incarnation_;
  ++restarts;
  world_.Trace("scheduler starts");
  core_ = std::make_unique<core::Core>(options_.limits);
  core::CoreTestPeer::SetMutants(*core_, options_.mutants);
  inbox_.clear();
  turn_is_scheduled_ = false;
  stalled_until_ms_ = 0;
  effects_until_death_.reset();
  const Status status = RestoreTurn(*core_, store_.Load(), store_, *this, TimeNow());
  if (!status.ok()) return world_.Violation("restore failed: " + status.ToString());
  const std::string restored = Dump(core_->state());
  if (!dump_at_death_.empty() && restored != dump_at_death_) {
    world_.Violation("the restored queue differs.\n--- before\n" + dump_at_death_ + "--- after\n" +
                     restored);
  }
  const Status invariants = CheckInvariants(core_->state());
  if (!invariants.ok()) world_.Violation(invariants.message());
  TickLater();
}

void SimScheduler::TickLater() {
  Later(kTickMs, [this] {
    Post(core::Tick{});
    TickLater();
  });
}

void SimScheduler::Kill(int64_t down_ms) {
  if (!is_up()) return;
  dump_at_death_ = Dump(core_->state());
  Die(down_ms);
}

void SimScheduler::KillAtCommit(CommitCrash how, int64_t down_ms) {
  store_.CrashAtNextCommit(how);
  down_ms_ = down_ms;
}

void SimScheduler::KillAfterEffects(int64_t effects, int64_t down_ms) {
  effects_until_death_ = effects;
  down_ms_ = down_ms;
}

void SimScheduler::Calm() {
  effects_until_death_.reset();
  stalled_until_ms_ = 0;
}

void SimScheduler::Die(int64_t down_ms) {
  world_.Trace("scheduler dies");
  core_.reset();
  inbox_.clear();
  for (auto& [session, link] : std::exchange(links_, {})) link->Break();
  world_.After(down_ms, [this] {
    if (!is_up()) Start();
  });
}

void SimScheduler::Post(core::Event event) {
  if (!is_up()) return;
  inbox_.push_back(std::move(event));
  ScheduleTurn();
}

void SimScheduler::Detach(SessionId session) {
  links_.erase(session);
  Post(core::WorkerGone{session});
}

void SimScheduler::ScheduleTurn() {
  if (turn_is_scheduled_) return;
  turn_is_scheduled_ = true;
  Later(world_.rng.Between(0, 8), [this] { RunTurn(); });
}

void SimScheduler::RunTurn() {
  if (world_.now_ms < stalled_until_ms_) {
    Later(stalled_until_ms_ - world_.now_ms, [this] { RunTurn(); });
    return;
  }
  turn_is_scheduled_ = false;
  const std::vector<core::Event> events = std::exchange(inbox_, {});
  const Status status = OneTurn(events);
  if (!status.ok()) {
    if (status.code() != Code::kUnavailable) world_.Violation("commit: " + status.ToString());
    dump_at_death_.clear();
    return Die(down_ms_);
  }
  const Status invariants = CheckInvariants(core_->state());
  if (!invariants.ok()) return world_.Violation(invariants.message());
  if (effects_until_death_ && *effects_until_death_ <= 0) Kill(down_ms_);
}

Status SimScheduler::OneTurn(const std::vector<core::Event>& events) {
  core::Output all;
  for (const core::Event& event : events) {
    coverage.Count(*core_, event);
    core::Output one = ApplyAll(*core_, std::span(&event, 1), TimeNow());
    std::move(one.mutations.begin(), one.mutations.end(), std::back_inserter(all.mutations));
    std::move(one.effects.begin(), one.effects.end(), std::back_inserter(all.effects));
  }
  if (options_.acknowledge_early) {
    for (const core::Effect& effect : std::exchange(all.effects, {})) Perform(effect);
  }
  return Finish(std::move(all), store_, *this);
}

void SimScheduler::Committed(std::span<const core::Mutation> mutations) {
  for (const core::Mutation& mutation : mutations) {
    if (const auto* event = std::get_if<core::EventRow>(&mutation)) {
      world_.Trace("feed ", std::to_string(event->seq), " ", event->request.text, " ", event->kind,
                   " ", event->text);
    }
  }
}

void SimScheduler::Emit(const core::Effect& effect) {
  if (effects_until_death_ && --*effects_until_death_ < 0) return;
  CheckPersisted(effect);
  Perform(effect);
}

// Persist, then tell: what an effect speaks of is in the store already.
void SimScheduler::CheckPersisted(const core::Effect& effect) {
  if (const auto* lease = std::get_if<core::SendLease>(&effect)) {
    if (!store_.ever_leased.contains(lease->lease.id)) {
      world_.Violation("a lease was told before it was stored");
    }
  }
  if (const auto* reply = std::get_if<core::Reply>(&effect)) {
    if (reply->status.ok() && reply->request && !store_.requests.contains(reply->request->id)) {
      world_.Violation("a submit was acknowledged before it was stored");
    }
  }
}

void SimScheduler::Perform(const core::Effect& effect) {
  std::visit(
      [this, &effect](const auto& e) {
        using E = std::decay_t<decltype(e)>;
        if constexpr (std::is_same_v<E, core::Reply>) {
          on_reply(e);
        } else if constexpr (std::is_same_v<E, core::StartChecks>) {
          RunChecks(e);
        } else if constexpr (std::is_same_v<E, core::ComputeScore>) {
          RunScore(e);
        } else if constexpr (std::is_same_v<E, core::CloseSession>) {
          const auto link = links_.find(e.session);
          if (link == links_.end()) return;
          world_.Trace("close session ", std::to_string(e.session.value), " ", e.status.ToString());
          link->second->Break();
          links_.erase(e.session);
        } else {
          const auto link = links_.find(e.session);
          if (link != links_.end()) link->second->Down(effect);
        }
      },
      effect);
}

// How long a pool takes for an answer; nothing when the answer is lost.
std::optional<int64_t> SimScheduler::PoolTime(const std::string& pool, int64_t most_ms) {
  const int64_t usual_ms = world_.rng.Between(5, most_ms);
  if (!world_.faults_on || !world_.rng.Chance(150)) return usual_ms;
  if (world_.rng.Chance(500)) {
    world_.CountFault("answer of the " + pool + " lost");
    return std::nullopt;
  }
  world_.CountFault("answer of the " + pool + " late");
  return usual_ms + kLateMs;
}

void SimScheduler::RunChecks(const core::StartChecks& checks) {
  const auto ms = PoolTime("checks", 2'000);
  if (!ms) return;
  Later(*ms, [this, checks] {
    core::ChecksDone done{checks.id, checks.round, "{\"ok\":true}", std::nullopt,
                          MemoryNeedOf(checks.spec.model)};
    if (checks.spec.model == kRefusedModel) {
      done.finding = core::Finding{Ending::kNoSafetensors, "it has no safetensors file", ""};
    } else if (world_.faults_on && world_.rng.Chance(200)) {
      world_.CountFault("hub away during checks");
      done.finding = core::Finding{Ending::kHubUnavailable, "the hub is silent", ""};
    }
    Post(done);
  });
}

void SimScheduler::RunScore(const core::ComputeScore& score) {
  const auto ms = PoolTime("scores", 8'000);
  if (!ms) return;
  Later(*ms, [this, score] {
    if (world_.faults_on && world_.rng.Chance(150)) {
      world_.CountFault("score failed");
      Post(core::ScoreFailed{score.id, score.round, {Ending::kInternal, "no file handles", ""}});
      return;
    }
    double sum = 0;
    for (int64_t batch = 0; batch < score.plan.BatchCount(); ++batch) {
      const auto row = store_.batches.find({score.id, score.round, batch});
      if (row == store_.batches.end()) {
        return world_.Violation("request " + score.id.text + " is scored without batch " +
                                std::to_string(batch));
      }
      sum += static_cast<double>(HashText(row->second.results_json) % 1000);
    }
    Post(core::ScoreDone{score.id, score.round, "{}", sum});
  });
}

}  // namespace koeval::sim
