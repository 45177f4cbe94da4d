// worker.yaml: reading, defaults, checks.
#include "worker/agent/agent_config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "common/base/config.h"
#include "worker/agent/limits.h"

namespace koeval::agent {
namespace {

constexpr int64_t kNoProgressMsDefault = 30 * 60 * 1000;

bool IsDevice(const std::string& device) {
  if (device == "cpu") return true;
  const std::string digits = device.starts_with("cuda:") ? device.substr(5) : "";
  return !digits.empty() && digits.size() <= 3 &&
         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsSmallNumber(const std::string& text) {
  return !text.empty() && text.size() <= 2 && text != "0" &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Status AddSlots(const std::string& text, std::vector<SlotConfig>& slots) {
  const size_t star = text.find('*');
  const std::string device = text.substr(0, star);
  const std::string count = star == std::string::npos ? "1" : text.substr(star + 1);
  if (!IsDevice(device) || !IsSmallNumber(count)) {
    return InvalidArgument(fmt::format("slot \"{}\" is unknown; use cpu, cpu*2 or cuda:0", text));
  }
  for (int i = 0; i < std::stoi(count); ++i) slots.push_back({device, 0});
  if (slots.size() > static_cast<size_t>(kSlotsMax)) {
    return InvalidArgument(fmt::format("more than {} slots", kSlotsMax));
  }
  return OkStatus();
}

void ReadSlots(ConfigMap& map, AgentConfig& config) {
  config.threads_per_slot = map.Int("threads_per_slot", 0, 0, 1024);
  for (const std::string& text : map.Strings("slots")) {
    if (const Status status = AddSlots(text, config.slots); !status.ok()) {
      map.Fail("slots", status.message());
      return;
    }
  }
}

void ReadHub(ConfigMap& map, AgentConfig& config) {
  if (!map.Has("hub")) return;
  ConfigMap hub = map.Map("hub");
  config.hub = hub::ReadHubSettings(hub, hub::SettingsFromEnvironment(hub::ProcessEnvironment));
  if (const Status status = hub.Finish(); !status.ok()) map.Fail("hub", status.message());
}

std::string PrintHub(const std::optional<hub::HubSettings>& hub) {
  if (!hub) return "";
  return fmt::format(
      "hub: {{endpoint: \"{}\", token_file: \"{}\", cache_dir: \"{}\", cache_size: {}, "
      "downloads: {}, offline: {}}}\n",
      hub->endpoint, hub->token_file, hub->cache_dir, hub->cache_bytes_max, hub->downloads,
      hub->offline);
}

void ReadSecurity(ConfigMap& map, AgentConfig& config) {
  ConfigMap tls = map.Map("tls");
  config.tls_ca = tls.String("ca", "");
  config.tls_cert = tls.String("cert", "");
  config.tls_key = tls.String("key", "");
  config.tls_server_name = tls.String("server_name", "");
  if (const Status status = tls.Finish(); !status.ok()) map.Fail("tls", status.message());
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    map.Fail("tls", "needs both cert and key, or neither");
  }
  config.token_file = map.String("token_file", "");
  config.core_dumps = map.Bool("core_dumps", config.core_dumps);
  config.lock_memory = map.Bool("lock_memory", config.lock_memory);
  config.private_data_swap = map.String("private_data_swap", config.private_data_swap);
}

}  // namespace

Result<std::vector<SlotConfig>> ParseSlots(const std::string& text) {
  std::vector<SlotConfig> slots;
  for (size_t at = 0; at <= text.size();) {
    const size_t comma = std::min(text.find(',', at), text.size());
    RETURN_IF_ERROR(AddSlots(text.substr(at, comma - at), slots));
    at = comma + 1;
  }
  return slots;
}

Result<AgentConfig> LoadAgentConfig(const std::string& path) {
  ASSIGN_OR_RETURN(ConfigMap map, ConfigMap::Load(path));
  AgentConfig config;
  config.scheduler = map.String("scheduler", config.scheduler);
  config.worker = map.String("worker", "");
  config.runner = map.String("runner", "");
  config.models_dir = map.String("models_dir", "");
  config.engine = map.String("engine", config.engine);
  config.logits_dtype = map.String("logits_dtype", config.logits_dtype);
  config.log_level = map.String("log_level", config.log_level);
  config.shutdown_ms = map.DurationMs("shutdown", kShutdownMsDefault, 1000, 3'600'000);
  config.no_progress_ms = map.DurationMs("no_progress", kNoProgressMsDefault, 1000, 86'400'000);
  ReadSlots(map, config);
  ReadHub(map, config);
  ReadSecurity(map, config);
  RETURN_IF_ERROR(map.Finish());
  return config;
}

Status CompleteAgentConfig(const std::string& executable, AgentConfig& config) {
  if (config.worker.empty()) {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
      return FailedPrecondition("this machine has no host name; set \"worker\" or use --worker");
    }
    config.worker = name.data();
  }
  const bool safe = config.worker.size() <= 64 &&
                    std::all_of(config.worker.begin(), config.worker.end(), [](unsigned char c) {
                      return std::isalnum(c) || c == '.' || c == '-' || c == '_';
                    });
  if (!safe) {
    return InvalidArgument(fmt::format(
        "worker \"{}\" must be 1 to 64 of letters, digits, '.', '-' and '_'", config.worker));
  }
  if (config.runner.empty()) {
    config.runner = (std::filesystem::path(executable).parent_path() / "koeval-runner").string();
  }
  if (::access(config.runner.c_str(), X_OK) != 0) {
    return NotFound(
        fmt::format("no runner at {}; set \"runner\" to the path of koeval-runner", config.runner));
  }
  if (config.engine != "plan" && config.engine != "naive") {
    return InvalidArgument("engine must be plan or naive, found \"" + config.engine + "\"");
  }
  if (config.logits_dtype != "float32" && config.logits_dtype != "as_model") {
    return InvalidArgument("logits_dtype must be float32 or as_model, found \"" +
                           config.logits_dtype + "\"");
  }
  if (config.private_data_swap != "warn" && config.private_data_swap != "refuse") {
    return InvalidArgument("private_data_swap must be warn or refuse, found \"" +
                           config.private_data_swap + "\"");
  }
  if (config.shutdown_ms == 0) config.shutdown_ms = kShutdownMsDefault;
  if (config.no_progress_ms == 0) config.no_progress_ms = kNoProgressMsDefault;
  return OkStatus();
}

std::string PrintAgentConfig(const AgentConfig& config) {
  std::string slots;
  for (const SlotConfig& slot : config.slots) {
    slots += fmt::format("{}{}", slots.empty() ? "" : ", ", slot.device);
  }
  return fmt::format(
             "scheduler: {}\nworker: {}\nslots: [{}]\nthreads_per_slot: {}\nrunner: "
             "{}\nmodels_dir: "
             "\"{}\"\n"
             "engine: {}\n"
             "logits_dtype: {}\nlog_level: {}\nshutdown: {}ms\nno_progress: {}ms\n"
             "tls: {{ca: \"{}\", cert: \"{}\", key: \"{}\", server_name: \"{}\"}}\ntoken_file: "
             "\"{}\"\n"
             "core_dumps: {}\nlock_memory: {}\nprivate_data_swap: {}\n",
             config.scheduler, config.worker, slots, config.threads_per_slot, config.runner,
             config.models_dir, config.engine, config.logits_dtype, config.log_level,
             config.shutdown_ms, config.no_progress_ms, config.tls_ca, config.tls_cert,
             config.tls_key, config.tls_server_name, config.token_file, config.core_dumps,
             config.lock_memory, config.private_data_swap) +
         PrintHub(config.hub);
}

}  // namespace koeval::agent
