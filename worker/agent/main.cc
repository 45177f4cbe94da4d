// koeval-worker: the daemon of one node. Reads its configuration, then serves one scheduler.
//
// THREADS
//   main           the agent's loop: owns the state machine; notifies the service manager
//   signals        waits for SIGTERM and SIGINT, asks the loop to shut down
//   link           keeps the stream to the scheduler open and reads it; posts to the loop
//   link writer    writes the outbox of the current stream
//   slot (each)    one lease at a time with its runner; posts to the loop
// They share bounded queues only; see agent.h, link.h and slot.h.
#include <fmt/format.h>
#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "common/base/hardware_class.h"
#include "common/base/log.h"
#include "common/base/private_memory.h"
#include "common/base/systemd_notify.h"
#include "common/rpc/credentials.h"
#include "worker/agent/agent.h"
#include "worker/agent/gpu_inventory.h"
#include "worker/agent/hardware.h"
#include "worker/agent/limits.h"
#include "worker/agent/swap_guard.h"

namespace koeval::agent {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

struct Flags {
  std::string config;
  std::string scheduler, worker, slots, models_dir, token_file, hub_endpoint, hub_cache;
  bool check_config = false;
  bool print_config = false;
};

std::string SelfPath() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "koeval-worker" : path.string();
}

Result<AgentConfig> Configure(const Flags& flags) {
  AgentConfig config;
  if (!flags.config.empty()) {
    ASSIGN_OR_RETURN(config, LoadAgentConfig(flags.config));
  }
  if (!flags.scheduler.empty()) config.scheduler = flags.scheduler;
  if (!flags.worker.empty()) config.worker = flags.worker;
  if (!flags.models_dir.empty()) config.models_dir = flags.models_dir;
  if (!flags.token_file.empty()) config.token_file = flags.token_file;
  if (!flags.hub_endpoint.empty() || !flags.hub_cache.empty()) {
    if (!config.hub) config.hub = hub::SettingsFromEnvironment(hub::ProcessEnvironment);
    if (!flags.hub_endpoint.empty()) config.hub->endpoint = flags.hub_endpoint;
    if (!flags.hub_cache.empty()) config.hub->cache_dir = flags.hub_cache;
  }
  if (!flags.slots.empty()) {
    ASSIGN_OR_RETURN(config.slots, ParseSlots(flags.slots));
  }
  RETURN_IF_ERROR(CompleteAgentConfig(SelfPath(), config));
  return config;
}

// The slots that the configuration names, else one per GPU, else one CPU slot.
Result<std::vector<SlotInfo>> FindSlots(AgentConfig& config) {
  ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, FindGpus());
  if (config.slots.empty()) {
    for (const Gpu& gpu : gpus) config.slots.push_back({fmt::format("cuda:{}", gpu.index), 0});
    if (config.slots.empty()) config.slots.push_back({"cpu", 0});
  }
  const auto cores = static_cast<int64_t>(std::max(1U, std::thread::hardware_concurrency()));
  const auto cpu_slots = std::max<int64_t>(
      1, std::count_if(config.slots.begin(), config.slots.end(),
                       [](const SlotConfig& slot) { return slot.device == "cpu"; }));
  std::vector<SlotInfo> slots;
  for (size_t i = 0; i < config.slots.size(); ++i) {
    SlotConfig& slot = config.slots[i];
    slot.threads = config.threads_per_slot;
    if (slot.threads == 0) {
      slot.threads = std::max<int64_t>(1, cores / static_cast<int64_t>(config.slots.size()));
    }
    SlotInfo info;
    info.index = static_cast<int64_t>(i);
    info.device = slot.device;
    info.memory_bytes = MainMemoryBytes() / cpu_slots;
    if (slot.device != "cpu") {
      const int64_t wanted = std::stoll(slot.device.substr(5));
      const auto gpu =
          std::find_if(gpus.begin(), gpus.end(), [&](const Gpu& g) { return g.index == wanted; });
      if (gpu == gpus.end()) {
        return FailedPrecondition(fmt::format("slot {} names {}, but this node has {} GPUs", i,
                                              slot.device, gpus.size()));
      }
      info.memory_bytes = std::max<int64_t>(1, gpu->memory_bytes - kCudaContextBytes);
    }
    ASSIGN_OR_RETURN(const std::string hardware,
                     AskHardwareClass(config.runner, slot.device, slot.threads));
    info.hardware_class = WithNumerics(hardware, {config.engine, config.logits_dtype});
    slots.push_back(std::move(info));
  }
  return slots;
}

// Blocks the signals in every thread that starts later; one thread waits for them.
std::jthread WaitForSignals(Agent& agent, const sigset_t& signals) {
  return std::jthread([&agent, signals](const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const timespec poll{0, 200'000'000};
      if (::sigtimedwait(&signals, nullptr, &poll) > 0) agent.Shutdown();
    }
  });
}

// Bundles lie in the memory of this daemon, and prompts in that of its runners.
Status KeepOutOfSwap(AgentConfig& config) {
  const bool locked = config.lock_memory && LockMemory();
  if (locked) spdlog::info("memory is locked: nothing is swapped");
  ASSIGN_OR_RETURN(const SwapGuard guard,
                   DecideSwapGuard(config, locked, MayBeSwapped(ReadSwapFacts())));
  config.lock_runner_memory = guard.lock_runners;
  if (!guard.warning.empty()) spdlog::warn(guard.warning);
  return OkStatus();
}

Status Serve(AgentConfig config) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  if (!config.core_dumps) ForbidCoreDumps();  // bundles may hold private rows
  RETURN_IF_ERROR(KeepOutOfSwap(config));

  ASSIGN_OR_RETURN(const std::vector<SlotInfo> slots, FindSlots(config));
  ASSIGN_OR_RETURN(const rpc::ClientCredentials credentials,
                   rpc::LoadClientCredentials({.ca_file = config.tls_ca,
                                               .cert_file = config.tls_cert,
                                               .key_file = config.tls_key,
                                               .server_name = config.tls_server_name,
                                               .token_file = config.token_file}));
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(kMessageBytesMax));
  ASSIGN_OR_RETURN(const auto channel, credentials.Dial(config.scheduler, arguments));
  std::shared_ptr<const hub::HubCache> cache;
  if (config.hub) {
    ASSIGN_OR_RETURN(cache, hub::OpenHubCache(*config.hub));
    spdlog::info("models come from {} into {}", config.hub->endpoint, config.hub->cache_dir);
  }
  Notifier notifier{
      [] { SystemdNotify("READY=1"); },
      [](const std::string& text) { SystemdStatus(text); },
      [] { SystemdWatchdog(); },
  };
  for (const SlotInfo& slot : slots) {
    spdlog::info("slot {}: {} ({})", slot.index, slot.device, slot.hardware_class);
  }
  Agent agent(
      config, slots, channel,
      [credentials](grpc::ClientContext& context) { credentials.Prepare(context); },
      ModelSource(config.models_dir, cache), notifier, Clock::Real());
  const std::jthread waiter = WaitForSignals(agent, signals);
  const Status status = agent.Run();
  SystemdNotify("STOPPING=1");
  return status;
}

int Run(int argc, char** argv) {
  Flags flags;
  CLI::App app{"koeval-worker runs evaluations of one scheduler on this node.", "koeval-worker"};
  app.set_version_flag("--version", std::string("koeval-worker ") + KOEVAL_VERSION);
  app.add_option("--config", flags.config, "Configuration file (see configs/worker.yaml)");
  app.add_flag("--check-config", flags.check_config, "Check the configuration and end");
  app.add_flag("--print-config", flags.print_config, "Print the effective configuration and end");
  app.add_option("--scheduler", flags.scheduler, "Address of the scheduler");
  app.add_option("--worker", flags.worker, "Name of this node (default: its host name)");
  app.add_option("--slots", flags.slots, "Such as cpu, cpu*2 or cuda:0,cuda:1");
  app.add_option("--models-dir", flags.models_dir, "Where org/name is looked for");
  app.add_option("--hub-endpoint", flags.hub_endpoint,
                 "Hub that models are downloaded from, such as https://huggingface.co");
  app.add_option("--hub-cache", flags.hub_cache, "Folder of what was downloaded");
  app.add_option("--token-file", flags.token_file, "File that holds this worker's token");
  app.footer(
      "Examples:\n  koeval-worker --config /etc/koeval/worker.yaml\n"
      "  koeval-worker --scheduler 127.0.0.1:7711 --worker node-a --slots cpu");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  const auto config = Configure(flags);
  if (!config.ok()) {
    std::fprintf(stderr, "koeval-worker: %s\n", config.status().message().c_str());
    return kExitUsage;
  }
  if (flags.print_config) std::printf("%s", PrintAgentConfig(*config).c_str());
  if (flags.check_config) std::printf("the configuration is fine\n");
  if (flags.print_config || flags.check_config) return 0;
  Status status = InitLog("koeval-worker", config->log_level);
  if (status.ok()) status = Serve(*config);
  if (status.ok()) return 0;
  std::fprintf(stderr, "koeval-worker: %s\n", status.message().c_str());
  return kExitFailed;
}

}  // namespace
}  // namespace koeval::agent

int main(int argc, char** argv) {
  return koeval::agent::Run(argc, argv);
}
