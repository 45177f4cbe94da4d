// The dispatcher thread.
#include "scheduler/service/dispatcher.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

#include "common/base/log.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

template <typename... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <typename... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

// One answer that a thread waits for. Lives until the waiter and the asker are both done with it.
struct Answer {
  Mutex mutex;
  CondVar done_changed;
  bool done GUARDED_BY(mutex) = false;
  Status status GUARDED_BY(mutex);

  void Set(Status with) EXCLUDES(mutex) {
    MutexLock lock(mutex);
    if (done) return;
    done = true;
    status = std::move(with);
    done_changed.NotifyAll();
  }
  Status Wait() EXCLUDES(mutex) {
    MutexLock lock(mutex);
    while (!done) done_changed.Wait(mutex);
    return status;
  }
};

// Answers even when the question is dropped unasked.
class AnswerOwner {
 public:
  explicit AnswerOwner(std::shared_ptr<Answer> answer) : answer_(std::move(answer)) {}
  ~AnswerOwner() { answer_->Set(Unavailable("the scheduler stops; try again in a few seconds")); }
  AnswerOwner(const AnswerOwner&) = delete;
  AnswerOwner& operator=(const AnswerOwner&) = delete;
  void Set(Status status) { answer_->Set(std::move(status)); }

 private:
  std::shared_ptr<Answer> answer_;
};

double Seconds(int64_t ms) {
  return static_cast<double>(ms) / 1e3;
}

}  // namespace

// The store with a stopwatch.
struct Dispatcher::TimedStore {
  Options& options;
  size_t events;
  Status Commit(std::span<const core::Mutation> mutations) {
    const MonoTime begin = options.clock.Mono();
    const Status status = options.store.Commit(mutations);
    options.metrics.ObserveCommit(Seconds(options.clock.Mono() - begin), events);
    return status;
  }
};

Dispatcher::Dispatcher(Options options)
    : options_(std::move(options)), core_(options_.limits), inbox_(kInboxCapacity, kInboxReserve) {}

Dispatcher::~Dispatcher() {
  Stop();
}

core::Now Dispatcher::ReadClock() const {
  return {options_.clock.Wall(), options_.clock.Mono()};
}

Status Dispatcher::Start() {
  ASSIGN_OR_RETURN(const store::Snapshot snapshot, options_.store.Load());
  RETURN_IF_ERROR(core::RestoreTurn(core_, snapshot, options_.store, *this, ReadClock()));
  committed_seq_.store(core_.counts().last_seq);
  PublishCounts();
  thread_ = std::thread([this] { Loop(); });
  return OkStatus();
}

void Dispatcher::Stop() {
  inbox_.Close();
  if (thread_.joinable()) thread_.join();
  DropWaitingReplies(Unavailable("the scheduler stops; try again in a few seconds"));
}

Status Dispatcher::Call(const MakeEvent& make, OnReply on_reply) {
  core::ReplyToken token;
  {
    MutexLock lock(mutex_);
    token = {next_token_++};
    replies_.emplace(token, std::move(on_reply));
  }
  const Status posted =
      inbox_.Post({make(token), nullptr, nullptr, options_.clock.Mono()}, Priority::kClient);
  if (!posted.ok()) {
    options_.metrics.CountInboxRefusal();
    MutexLock lock(mutex_);
    replies_.erase(token);
  }
  return posted;
}

Status Dispatcher::PostWorker(core::Event event, std::function<void()> applied) {
  const Status posted = inbox_.Post(
      {std::move(event), nullptr, std::move(applied), options_.clock.Mono()}, Priority::kWorker);
  if (!posted.ok()) options_.metrics.CountInboxRefusal();
  return posted;
}

void Dispatcher::PostOwn(core::Event event) {
  const Status posted =
      inbox_.Post({std::move(event), nullptr, nullptr, options_.clock.Mono()}, Priority::kOwn);
  if (!posted.ok()) spdlog::debug("event dropped: {}", posted.message());
}

Status Dispatcher::Ask(const std::function<void(const core::Core&, core::Now)>& ask) {
  auto answer = std::make_shared<Answer>();
  auto owner = std::make_shared<AnswerOwner>(answer);
  auto run = [ask, owner](const core::Core& core, store::JobStore&, core::Now now) {
    ask(core, now);
    owner->Set(OkStatus());
  };
  owner.reset();  // the item alone holds it now
  RETURN_IF_ERROR(
      inbox_.Post({std::nullopt, std::move(run), nullptr, options_.clock.Mono()}, Priority::kOwn));
  return answer->Wait();
}

Status Dispatcher::AskStore(const std::function<Status(store::JobStore&)>& ask) {
  auto answer = std::make_shared<Answer>();
  auto owner = std::make_shared<AnswerOwner>(answer);
  auto run = [ask, owner](const core::Core&, store::JobStore& store, core::Now) {
    owner->Set(ask(store));
  };
  owner.reset();
  RETURN_IF_ERROR(
      inbox_.Post({std::nullopt, std::move(run), nullptr, options_.clock.Mono()}, Priority::kOwn));
  return answer->Wait();
}

core::Counts Dispatcher::counts() const {
  MutexLock lock(mutex_);
  return counts_;
}

Status Dispatcher::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

int64_t Dispatcher::WaitMs(MonoTime last_tick) const {
  const MonoTime now = options_.clock.Mono();
  int64_t wait = (last_tick + kTickMs) - now;
  if (const auto deadline = core_.NextDeadline()) {
    const MonoTime soonest = last_tick + kTickLeastMs;
    wait = std::min(wait, std::max(*deadline, soonest) - now);
  }
  return std::max<int64_t>(wait, 0);
}

void Dispatcher::Loop() {
  MonoTime last_tick = options_.clock.Mono();
  for (;;) {
    // A clock that stands still (tests) must not keep the thread from seeing new items or the end.
    const int64_t wait = std::min(WaitMs(last_tick), kTickMs);
    std::vector<InboxItem> items = inbox_.Take(kTurnEventsMax, wait);
    if (items.empty() && inbox_.closed()) return;
    const bool tick = WaitMs(last_tick) == 0;
    if (items.empty() && !tick) continue;
    if (tick) last_tick = options_.clock.Mono();
    if (const Status status = RunTurn(std::move(items), tick); !status.ok()) return Fail(status);
  }
}

Status Dispatcher::RunTurn(std::vector<InboxItem> items, bool tick) {
  std::vector<core::Event> events;
  for (InboxItem& item : items) {
    if (item.event) events.push_back(std::move(*item.event));
  }
  if (tick) events.emplace_back(core::Tick{});
  if (!events.empty()) {
    TimedStore store{options_, events.size()};
    RETURN_IF_ERROR(core::Turn(core_, events, store, *this, ReadClock()));
    PublishCounts();
  }
  for (const InboxItem& item : items) {
    if (item.ask) item.ask(core_, options_.store, ReadClock());
    if (item.applied) item.applied();
  }
  const MonoTime end = options_.clock.Mono();
  for (const InboxItem& item : items) options_.metrics.ObserveTurn(Seconds(end - item.posted));
  options_.metrics.SetInboxDepth(inbox_.size());
  return OkStatus();
}

void Dispatcher::Committed(std::span<const core::Mutation> mutations) {
  PublishCounts();  // before the replies, so that who got one reads counts that hold it
  int64_t seq = committed_seq_.load();
  int64_t batches = 0;
  for (const core::Mutation& mutation : mutations) {
    if (const auto* event = std::get_if<core::EventRow>(&mutation)) seq = std::max(seq, event->seq);
    if (std::holds_alternative<core::BatchRow>(mutation)) ++batches;
  }
  if (batches > 0) options_.metrics.CountBatches(batches);
  if (seq == committed_seq_.load()) return;
  committed_seq_.store(seq);
  options_.outlets.Committed(seq);
}

void Dispatcher::Emit(const core::Effect& effect) {
  std::visit(Overloaded{[this](const core::Reply& reply) { DeliverReply(reply); },
                        [this](const core::StartChecks& checks) { options_.outlets.Start(checks); },
                        [this](const core::ComputeScore& score) { options_.outlets.Start(score); },
                        [this, &effect](const auto& send) {
                          using Send = std::decay_t<decltype(send)>;
                          if constexpr (std::is_same_v<Send, core::SendLease>) {
                            options_.metrics.CountLease();
                          }
                          options_.outlets.ToWorker(effect);
                        }},
             effect);
}

void Dispatcher::DeliverReply(const core::Reply& reply) {
  OnReply on_reply;
  {
    MutexLock lock(mutex_);
    const auto found = replies_.find(reply.token);
    if (found == replies_.end()) return;
    on_reply = std::move(found->second);
    replies_.erase(found);
  }
  on_reply(reply, core_);
}

void Dispatcher::DropWaitingReplies(const Status& why) {
  std::map<core::ReplyToken, OnReply> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(replies_);
  }
  for (auto& [token, on_reply] : waiting) {
    on_reply(core::Reply{token, why, std::nullopt, false}, core_);
  }
}

void Dispatcher::PublishCounts() {
  const core::Counts now = core_.counts();
  options_.metrics.SetQueue(now);
  MutexLock lock(mutex_);
  counts_ = now;
}

void Dispatcher::Fail(const Status& status) {
  spdlog::error("the dispatcher ends: {}", LogSafe(status.message()));
  {
    MutexLock lock(mutex_);
    failure_ = status;
  }
  inbox_.Close();
  const auto dropped = inbox_.Take(kInboxCapacity * 2, 0);  // their askers hear of it
  DropWaitingReplies(Unavailable("the scheduler lost its store and restarts; try again"));
  if (options_.on_fatal) options_.on_fatal(status);
}

}  // namespace koeval::service
