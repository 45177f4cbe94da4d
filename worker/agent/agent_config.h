// The worker's configuration: worker.yaml as a value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/hub/hub_settings.h"

namespace koeval::agent {

struct SlotConfig {
  std::string device = "cpu";  // "cpu" or "cuda:N"
  int64_t threads = 0;         // CPU threads of its runner; 0: cores / slots
};

struct AgentConfig {
  std::string scheduler = "127.0.0.1:7711";
  std::string worker;             // the node's name; default: host name
  int64_t threads_per_slot = 0;   // 0: cores / slots
  std::vector<SlotConfig> slots;  // empty: one per GPU, or one CPU slot where there is none
  std::string runner;             // path of koeval-runner; default: beside koeval-worker
  std::string models_dir;         // where org/name is looked for; "": only absolute directories
  // Where what is in no directory is downloaded from; nothing: from nowhere.
  std::optional<hub::HubSettings> hub;
  std::string engine = "plan";
  std::string logits_dtype = "float32";
  std::string log_level = "info";
  int64_t shutdown_ms = 0;
  int64_t no_progress_ms = 0;  // a batch that takes longer ends as NO_PROGRESS
  // Security: see common/rpc.
  bool core_dumps = false;  // of this daemon and its runners; a core file holds private rows
  bool lock_memory = true;  // of this daemon, where the limit allows it: no private row is swapped
  // What happens where private rows might be swapped all the same: "warn", or "refuse" to start.
  std::string private_data_swap = "warn";
  bool lock_runner_memory = false;  // not a setting: found at the start
  std::string tls_ca, tls_cert, tls_key, tls_server_name;
  std::string token_file;
};

// "cpu", "cpu*2" (two CPU slots) and "cuda:0", separated by commas.
Result<std::vector<SlotConfig>> ParseSlots(const std::string& text);

// Reads `path`; INVALID_ARGUMENT names file, line and key.
Result<AgentConfig> LoadAgentConfig(const std::string& path);
// Fills defaults (host name, runner path beside `executable`) and checks the whole.
Status CompleteAgentConfig(const std::string& executable, AgentConfig& config);
// The configuration as YAML, without secrets (it names their files only).
std::string PrintAgentConfig(const AgentConfig& config);

}  // namespace koeval::agent
