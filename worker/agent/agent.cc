// The loop: one event, one step of the state machine, its actions.
#include "worker/agent/agent.h"

#include "common/base/log.h"
#include "common/base/random.h"

namespace koeval::agent {
namespace {

constexpr const char* kVersion = "0.1.0";
constexpr int64_t kGoodbyeMs = 2'000;

SlotOptions OptionsOf(const AgentConfig& config, const SlotInfo& info, size_t index) {
  SlotOptions options;
  options.info = info;
  options.threads = index < config.slots.size() ? config.slots[index].threads : 0;
  options.engine = config.engine;
  options.logits_dtype = config.logits_dtype;
  options.session.spawn.binary = config.runner;
  options.session.spawn.forward_log = true;
  options.session.spawn.core_dumps = config.core_dumps;
  if (config.core_dumps) options.session.spawn.arguments.emplace_back("--core-dumps");
  if (config.lock_runner_memory) options.session.spawn.arguments.emplace_back("--lock-memory");
  options.session.times.no_progress_ms = config.no_progress_ms;
  return options;
}

}  // namespace

Agent::Agent(const AgentConfig& config, std::vector<SlotInfo> slots,
             std::shared_ptr<grpc::Channel> channel, PrepareCall prepare, ModelSource models,
             Notifier notifier, const Clock& clock)
    : config_(config),
      clock_(clock),
      notifier_(std::move(notifier)),
      inbox_(kInboxMax),
      state_(config.worker, kVersion, slots),
      bundles_(kBundlesMax,
               [channel, prepare](const std::string& digest) {
                 return FetchBundle(channel, prepare, digest);
               }),
      models_(std::move(models)) {
  const auto post = [this](AgentEvent event) { Post(std::move(event)); };
  for (size_t i = 0; i < slots.size(); ++i) {
    slots_.push_back(
        std::make_unique<Slot>(OptionsOf(config_, slots[i], i), bundles_, models_, post, clock_));
  }
  link_ = std::make_unique<Link>(Link::Options{channel, prepare, post, RandomSeed()});
}

Agent::~Agent() {
  // Threads that still post must find room or a closed queue.
  inbox_.Close();
  slots_.clear();
  link_.reset();
}

void Agent::Post(AgentEvent event) {
  (void)inbox_.Push(std::move(event));
}

void Agent::Shutdown() {
  shutdowns_asked_.fetch_add(1);
  (void)inbox_.TryPush(Tick{});
}

Status Agent::Run() {
  bool was_connected = false;
  bool shutting_down = false;
  MonoTime leave_at;
  MonoTime ticked = clock_.Mono();
  std::string described;
  while (!goodbye_) {
    const auto event = inbox_.PopFor(kTickMs);
    const MonoTime now = clock_.Mono();
    if (event) {
      if (const auto* down = std::get_if<LinkDown>(&*event)) {
        spdlog::warn("link to {}: {}", config_.scheduler, LogSafe(down->reason));
      }
      for (const AgentAction& action : state_.Apply(*event, now)) Do(action);
    }
    if (shutdowns_asked_.load() > 0 && !shutting_down) {
      shutting_down = true;
      leave_at = now + config_.shutdown_ms;
      spdlog::info("shutting down: finishing the batches in flight");
      for (const AgentAction& action : state_.Apply(ShutdownAsked{}, now)) Do(action);
    }
    if (now - ticked >= kTickMs) {
      ticked = now;
      for (const AgentAction& action : state_.Apply(Tick{}, now)) Do(action);
      notifier_.alive();
    }
    if (const std::string text = state_.Describe(); text != described) {
      described = text;
      notifier_.status(text);
    }
    if (state_.connected() && !was_connected) {
      was_connected = true;
      spdlog::info("connected to {} as {}", config_.scheduler, config_.worker);
      notifier_.ready();
    }
    RETURN_IF_ERROR(link_->refused());
    if (shutting_down && (now >= leave_at || shutdowns_asked_.load() > 1)) {
      spdlog::warn("leaving before everything was handed back; the scheduler takes it back");
      break;
    }
  }
  link_->CloseGracefully(kGoodbyeMs);
  return OkStatus();
}

void Agent::Do(const AgentAction& action) {
  const auto slot = [this](int64_t index) -> Slot& { return *slots_[static_cast<size_t>(index)]; };
  if (const auto* send = std::get_if<Send>(&action)) {
    link_->Send(send->message);
  } else if (const auto* start = std::get_if<StartLease>(&action)) {
    slot(start->slot).Start(start->order);
  } else if (const auto* stop = std::get_if<StopLease>(&action)) {
    slot(stop->slot).Stop(stop->lease);
  } else if (const auto* extend = std::get_if<ExtendLease>(&action)) {
    slot(extend->slot).Extend(extend->lease, extend->time_left_ms);
  } else {
    goodbye_ = true;
  }
}

}  // namespace koeval::agent
