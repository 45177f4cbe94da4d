// Settings of the scheduler daemon: scheduler.yaml and the flags that override it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "scheduler/service/mail_command.h"
#include "scheduler/service/webhook.h"

namespace koeval::service {

struct TlsConfig {
  std::string cert;       // PEM chain of the server; "" = no TLS
  std::string key;        // PEM key of the server
  std::string client_ca;  // PEM; when set, clients must present a certificate of it
};

struct CheckConfig {
  std::string binary;  // "" = koeval-check beside the daemon's own binary
  int64_t threads = 2;
  int64_t time_limit_ms = 120'000;
  int64_t memory_bytes = int64_t{8} << 30;  // that the process can write to; 0 = no limit
  int64_t hub_wait_ms = 6 * 3'600'000LL;    // for a hub that gives the checks no answer
  std::string policy_file;                  // submission policy; "" = the built-in one
};

struct HubConfig {
  std::string endpoint;        // "https://huggingface.co"; "" = no hub
  std::string token_file;      // of the leaderboard's own account; "" = none
  bool accept_tokens = false;  // a hub token of the submitter's says who they are
};

// Folders that are kept in step with the queue, in the layout of the leaderboard's datasets.
struct ExportConfig {
  std::string requests_dir;  // "" = none
  std::string results_dir;   // "" = none
  std::string suite;         // "" = the default suite
  int64_t debounce_ms = 2'000;
};

// What the pages say about the site; all plain texts but the about file.
struct WebConfig {
  std::string title = "koeval";
  std::string about_file;     // Markdown of the page about the site; "" = the built-in one
  std::string footer;         // a line at the end of every page
  std::string contact;        // an address of mail, a URL or a text
  bool public_pages = false;  // with tokens: whether reading needs none
};

struct NotifyConfig {
  WebhookConfig webhook;
  MailConfig mail;
  int64_t retry_for_ms = 24 * 3'600'000LL;  // then a notification is dropped
};

struct ServiceConfig {
  std::string grpc_address = "127.0.0.1:7711";
  std::string http_address = "127.0.0.1:7712";  // "" = no HTTP
  std::string insecure_listen;                  // rpc::kOpenToAnyone or ""
  std::string state_dir = "/var/lib/koeval";
  std::string database;  // "" = <state_dir>/koeval.db
  std::string suites_dir = "/etc/koeval/suites";
  std::string datasets_dir;  // rows of tasks that name a dataset; "" = none
  // Tasks and dataset_paths whose texts readers may see; rows that no entry names are private.
  std::vector<std::string> public_datasets;
  std::string default_suite;  // "" = a submission must name its suite, unless there is only one
  std::string models_dir;     // "" = none; org/name is looked for below it
  bool allow_local_models = false;
  std::vector<std::string> local_model_roots;  // a local model lies below one; empty = anywhere
  TlsConfig tls;
  std::string tokens_file;  // "" = no tokens
  CheckConfig check;
  ExportConfig exports;
  WebConfig web;
  HubConfig hub;
  int64_t heartbeat_ms = 2'000;
  int64_t lease_ms = 9'000;
  int64_t grace_ms = 15'000;
  int64_t time_limit_default_ms = 24 * 3'600'000LL;
  int64_t time_limit_max_ms = 7 * 24 * 3'600'000LL;
  int64_t lease_batches_max = 8;
  int64_t submits_max = 0;  // of one submitter within submits_window; 0 = any number
  int64_t submits_window_ms = 24 * 3'600'000LL;
  int64_t faults_max = 3;         // counted against one batch until the request fails
  int64_t fit_wait_ms = 300'000;  // for a slot that can hold a model; then INFEASIBLE
  int64_t scoring_threads = 1;
  int64_t score_time_limit_ms = 600'000;  // of one score; then it is computed again
  bool core_dumps = false;                // a core file holds private rows
  bool lock_memory = true;                // where the limit allows it: no private row is swapped
  NotifyConfig notify;
  std::string log_level = "info";

  std::string DatabasePath() const;
};

// What the command line may override; for tests and the quickstart.
struct ConfigOverrides {
  std::optional<std::string> grpc_address, http_address, database, state_dir, suites_dir;
};

// Reads `path`; relative paths in it start from its folder. INVALID_ARGUMENT names file, line and
// key for unknown keys, wrong types and values out of range.
Result<ServiceConfig> LoadServiceConfig(const std::string& path);
// The same from `text`; `name` stands in errors, `folder` is where relative paths start.
Result<ServiceConfig> ParseServiceConfig(const std::string& text, const std::string& name,
                                         const std::string& folder);
// Overrides, whose relative paths start from the working directory.
void ApplyOverrides(const ConfigOverrides& overrides, ServiceConfig* config);
// What can be wrong between settings: addresses, the loopback rule, TLS pairs, lease against
// heartbeat. Reads no file. INVALID_ARGUMENT names the keys and the remedy.
Status ValidateServiceConfig(const ServiceConfig& config);
// The settings in force, and the bounds of limits.h as comments, as YAML that LoadServiceConfig
// reads back. Holds no secret: tokens and keys stand in files of their own.
std::string PrintServiceConfig(const ServiceConfig& config);

}  // namespace koeval::service
