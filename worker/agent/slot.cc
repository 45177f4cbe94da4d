// The slot's thread and its conversation with the runner.
#include "worker/agent/slot.h"

#include <fmt/core.h>

#include <optional>
#include <thread>

#include "common/base/bounded_queue.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/mutex.h"
#include "common/base/sha256.h"
#include "common/base/size_text.h"
#include "worker/runner/failure.h"

namespace koeval::agent {
namespace {

constexpr size_t kOrdersMax = 4;

// Marks a lease that ended because it was told to, not because something failed.
Status Stopped() {
  return Status(Code::kCancelled, "stopped");
}

// A job in the runner: everything that decides its plan.
std::string JobOf(const LeaseOrder& order) {
  std::string job = order.request.text + "#" + order.bundle_digest.substr(0, 16);
  if (!order.chat_json.empty()) job += "#" + Sha256Hex(order.chat_json).substr(0, 16);
  return job;
}

// "org/name: 1.2 GiB of 14.0 GiB", for people.
std::string DownloadText(const LeaseOrder& order, const hub::CacheProgress& progress) {
  return fmt::format("downloading {}: {} of {}", order.model, SizeText(progress.done_bytes),
                     SizeText(progress.total_bytes));
}

}  // namespace

std::string ModelKeyOf(const LeaseOrder& order) {
  return order.model + "@" + order.revision + ":" + order.precision;
}

class Slot::Impl {
 public:
  Impl(SlotOptions options, BundleCache& bundles, const ModelSource& models,
       std::function<void(AgentEvent)> post, const Clock& clock)
      : options_(std::move(options)),
        bundles_(bundles),
        models_(models),
        post_(std::move(post)),
        clock_(clock),
        orders_(kOrdersMax),
        thread_([this] { Loop(); }) {}

  ~Impl() {
    orders_.Close();
    {
      MutexLock lock(mutex_);
      closing_ = true;
      if (fetching_ != nullptr) fetching_->Ask();
      if (session_ != nullptr) session_->Abort();
    }
    thread_.join();
  }

  void Start(const LeaseOrder& order) {
    {
      MutexLock lock(mutex_);
      stop_asked_.reset();
    }
    if (orders_.TryPush(order)) return;
    post_(SlotEnded{options_.info.index, order.lease, "HANDED_BACK", "the slot is closing", ""});
  }

  void Stop(LeaseId lease) {
    MutexLock lock(mutex_);
    stop_asked_ = lease;
    if (fetching_ != nullptr && fetching_lease_ == lease) fetching_->Ask();
    // Before the range runs this does nothing in the runner; Loop looks at stop_asked_ then.
    if (session_ != nullptr && running_ == lease) (void)session_->StopLease(lease);
  }

  void Extend(LeaseId lease, int64_t time_left_ms) {
    MutexLock lock(mutex_);
    if (session_ != nullptr && running_ == lease) (void)session_->ExtendLease(lease, time_left_ms);
    extended_until_ = clock_.Mono() + time_left_ms;
  }

 private:
  void Loop() {
    while (const auto order = orders_.Pop()) {
      const Status status = RunLease(*order);
      SlotEnded ended{options_.info.index, order->lease, "DONE", "", ""};
      if (status.code() == Code::kCancelled && status.message() == "stopped") {
        ended.ending = "STOPPED";
      } else if (!status.ok()) {
        const runner::Failure failure = runner::FailureOf(status);
        ended.ending = EndingName(failure.ending);
        ended.reason = failure.message;
        ended.remedy = failure.remedy;
        spdlog::warn("slot {} lease {} of {}: {}: {}", options_.info.index, order->lease.value,
                     order->request.text, ended.ending, LogSafe(ended.reason));
      }
      DropDeadRunner();
      next_place_ = {};  // of a model that was not loaded after all
      post_(std::move(ended));
    }
    DropRunner();
  }

  Status RunLease(const LeaseOrder& order) {
    ASSIGN_OR_RETURN(const auto bundle, FetchTasks(order));
    RETURN_IF_ERROR(StopIfAsked(order));
    const bool is_loaded = session() != nullptr && LoadKey(order, *bundle) == loaded_;
    if (!is_loaded) RETURN_IF_ERROR(FindModel(order));
    RETURN_IF_ERROR(StopIfAsked(order));
    RETURN_IF_ERROR(EnsureRunner());
    RETURN_IF_ERROR(EnsureModel(order, *bundle));
    RETURN_IF_ERROR(StopIfAsked(order));
    RETURN_IF_ERROR(EnsurePlan(order, *bundle));
    RETURN_IF_ERROR(StopIfAsked(order));
    return order.planning() ? ReportPlan(order) : RunRange(order);
  }

  Result<std::shared_ptr<const Bundle>> FetchTasks(const LeaseOrder& order) {
    auto bundle = bundles_.Get(order.bundle_digest);
    if (bundle.ok()) return bundle;
    return runner::FailureStatus({Ending::kDatasetUnavailable, bundle.status().message(), ""});
  }

  Status StopIfAsked(const LeaseOrder& order) {
    MutexLock lock(mutex_);
    return stop_asked_ == order.lease || closing_ ? Stopped() : OkStatus();
  }

  Status EnsureRunner() {
    if (session() != nullptr) return OkStatus();
    ASSIGN_OR_RETURN(auto fresh, runner::RunnerSession::Start(options_.session, clock_));
    spdlog::info("slot {}: runner {} started", options_.info.index, fresh->pid());
    MutexLock lock(mutex_);
    session_ = std::move(fresh);
    return closing_ ? Stopped() : OkStatus();
  }

  // The suite's, else the slot's own.
  const std::string& LogitsDtypeOf(const Bundle& bundle) const {
    return bundle.logits_dtype.empty() ? options_.logits_dtype : bundle.logits_dtype;
  }

  std::string LoadKey(const LeaseOrder& order, const Bundle& bundle) const {
    return ModelKeyOf(order) + "|" + order.profile + "|" + LogitsDtypeOf(bundle);
  }

  // The model is on this node afterwards, and stays there while `place_` names it.
  Status FindModel(const LeaseOrder& order) {
    const auto cancel = std::make_shared<Cancel>();
    {
      MutexLock lock(mutex_);
      if (stop_asked_ == order.lease || closing_) return Stopped();
      fetching_ = cancel;
      fetching_lease_ = order.lease;
    }
    bool downloads = false;
    auto place = models_.Find(
        order,
        [&](const hub::CacheProgress& progress) {
          const std::string text = DownloadText(order, progress);
          if (!downloads) spdlog::info("slot {}: {}", options_.info.index, text);
          downloads = true;
          post_(SlotNote{options_.info.index, text});
        },
        *cancel);
    {
      MutexLock lock(mutex_);
      fetching_.reset();
    }
    if (downloads) post_(SlotNote{options_.info.index, ""});
    if (place.status().code() == Code::kCancelled) return Stopped();
    RETURN_IF_ERROR(place.status());
    if (downloads) {
      spdlog::info("slot {}: {} is in the cache", options_.info.index, order.model);
    }
    next_place_ = *std::move(place);
    return OkStatus();
  }

  Status EnsureModel(const LeaseOrder& order, const Bundle& bundle) {
    if (LoadKey(order, bundle) == loaded_) return OkStatus();
    loaded_.clear();
    job_.clear();
    post_(SlotWarm{options_.info.index, ""});
    runner::LoadFrame load;
    load.model_dir = next_place_.dir;
    load.precision = order.precision;
    load.logits_dtype = LogitsDtypeOf(bundle);
    load.device = options_.info.device;
    load.threads = options_.threads;
    load.profile = order.profile;
    load.engine = options_.engine;
    ASSIGN_OR_RETURN(facts_, session()->Load(load));
    loaded_ = LoadKey(order, bundle);
    place_ = std::move(next_place_);
    post_(SlotWarm{options_.info.index, ModelKeyOf(order)});
    return OkStatus();
  }

  Status EnsurePlan(const LeaseOrder& order, const Bundle& bundle) {
    const std::string job = JobOf(order);
    if (job == job_) return OkStatus();
    if (!job_.empty()) RETURN_IF_ERROR(session()->Forget(job_));
    job_.clear();
    Json chat;
    if (!order.chat_json.empty()) {
      ASSIGN_OR_RETURN(chat, ParseJson(order.chat_json));
    }
    const auto total = static_cast<int64_t>(bundle.tasks.size());
    for (int64_t i = 0; i < total; ++i) {
      runner::TaskFrame frame;
      frame.chat = chat;
      frame.job = job;
      frame.index = i;
      frame.total = total;
      frame.task = bundle.tasks[static_cast<size_t>(i)];
      frame.limit = order.limit;
      if (static_cast<size_t>(i) < order.shots.size()) {
        frame.num_fewshot = order.shots[static_cast<size_t>(i)].num_fewshot;
      }
      RETURN_IF_ERROR(session()->SendTask(frame));
    }
    ASSIGN_OR_RETURN(plan_, session()->Plan(job));
    job_ = job;
    return OkStatus();
  }

  Status ReportPlan(const LeaseOrder& order) {
    PlanReady ready{order.lease, plan_.digest, {}};
    for (const runner::PlannedTask& task : plan_.tasks) {
      ready.tasks.push_back(
          {task.task, task.batches, task.requests, task.documents, task.truncated});
    }
    post_(SlotPlan{options_.info.index, std::move(ready)});
    return OkStatus();
  }

  Status RunRange(const LeaseOrder& order) {
    runner::RunFrame run;
    run.job = job_;
    run.lease = order.lease;
    run.begin = order.begin;
    run.end = order.end;
    run.plan_digest = order.plan_digest;
    {
      MutexLock lock(mutex_);
      if (stop_asked_ == order.lease) return Stopped();
      running_ = order.lease;
      // The heartbeats that passed while the model was loaded have renewed the lease.
      run.time_left_ms = std::max<int64_t>(order.time_left_ms, extended_until_ - clock_.Mono());
    }
    const auto outcome =
        session()->Run(run, [&](const runner::BatchFrame& batch) { return Post(order, batch); });
    {
      MutexLock lock(mutex_);
      running_.reset();
    }
    RETURN_IF_ERROR(outcome.status());
    return outcome->how == runner::RunOutcome::How::kDone ? OkStatus() : Stopped();
  }

  Status Post(const LeaseOrder& order, const runner::BatchFrame& batch) {
    post_(SlotBatch{options_.info.index,
                    {order.lease, batch.batch, CompactJson(batch.results), batch.run_ms,
                     options_.info.hardware_class, plan_.digest}});
    return OkStatus();
  }

  // The slot's thread alone makes and drops sessions, so it may use one without the lock.
  runner::RunnerSession* session() {
    MutexLock lock(mutex_);
    return session_.get();
  }

  void DropDeadRunner() {
    if (session() != nullptr && !session()->alive()) DropRunner();
  }

  void DropRunner() {
    std::unique_ptr<runner::RunnerSession> old;
    {
      MutexLock lock(mutex_);
      old = std::move(session_);
    }
    if (old == nullptr) return;
    loaded_.clear();
    job_.clear();
    post_(SlotWarm{options_.info.index, ""});
    (void)old->Close();
    place_ = {};
  }

  const SlotOptions options_;
  BundleCache& bundles_;
  const ModelSource& models_;
  const std::function<void(AgentEvent)> post_;
  const Clock& clock_;
  BoundedQueue<LeaseOrder> orders_;

  // The slot's thread only.
  std::string loaded_;     // model, profile and rounding that the runner holds
  ModelPlace place_;       // of that model
  ModelPlace next_place_;  // of the model to load
  std::string job_;        // whose plan the runner holds
  runner::RunnerFacts facts_;
  runner::PlannedFrame plan_;

  Mutex mutex_;
  std::unique_ptr<runner::RunnerSession> session_ GUARDED_BY(mutex_);
  std::optional<LeaseId> running_ GUARDED_BY(mutex_);
  std::shared_ptr<Cancel> fetching_ GUARDED_BY(mutex_);  // of the download that runs
  LeaseId fetching_lease_ GUARDED_BY(mutex_);
  std::optional<LeaseId> stop_asked_ GUARDED_BY(mutex_);
  MonoTime extended_until_ GUARDED_BY(mutex_);
  bool closing_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

Slot::Slot(SlotOptions options, BundleCache& bundles, const ModelSource& models,
           std::function<void(AgentEvent)> post, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), bundles, models, std::move(post), clock)) {}
Slot::~Slot() = default;
void Slot::Start(const LeaseOrder& order) {
  impl_->Start(order);
}
void Slot::Stop(LeaseId lease) {
  impl_->Stop(lease);
}
void Slot::Extend(LeaseId lease, int64_t time_left_ms) {
  impl_->Extend(lease, time_left_ms);
}

}  // namespace koeval::agent
