// Settings of the scheduler daemon.
#include "scheduler/service/config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "common/base/config.h"
#include "common/rpc/auth.h"
#include "scheduler/service/address.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSecond = 1'000;
constexpr int64_t kHour = 3'600 * kSecond;
constexpr int64_t kDay = 24 * kHour;
constexpr std::array<std::string_view, 4> kLogLevels = {"debug", "info", "warning", "error"};

std::string Rebase(const std::string& path, const fs::path& folder) {
  if (path.empty() || fs::path(path).is_absolute()) return path;
  return (folder / path).lexically_normal().string();
}

void RebaseAll(const fs::path& folder, ServiceConfig* c) {
  for (std::string* path :
       {&c->state_dir, &c->database, &c->suites_dir, &c->datasets_dir, &c->models_dir, &c->tls.cert,
        &c->tls.key, &c->tls.client_ca, &c->tokens_file, &c->check.binary, &c->exports.requests_dir,
        &c->exports.results_dir, &c->web.about_file, &c->check.policy_file, &c->hub.token_file,
        &c->notify.webhook.secret_file}) {
    *path = Rebase(*path, folder);
  }
  for (std::string& root : c->local_model_roots) root = Rebase(root, folder);
}

void ReadTimes(ConfigMap& map, ServiceConfig* c) {
  c->heartbeat_ms = map.DurationMs("heartbeat", c->heartbeat_ms, 100, 60 * kSecond);
  c->lease_ms = map.DurationMs("lease", c->lease_ms, 300, 600 * kSecond);
  c->grace_ms = map.DurationMs("grace", c->grace_ms, 0, kHour);
  c->fit_wait_ms = map.DurationMs("fit_wait", c->fit_wait_ms, kSecond, 365 * kDay);
  c->score_time_limit_ms =
      map.DurationMs("score_time_limit", c->score_time_limit_ms, kSecond, 365 * kDay);
  c->submits_window_ms =
      map.DurationMs("submits_window", c->submits_window_ms, kSecond, 365 * kDay);
  c->time_limit_default_ms =
      map.DurationMs("time_limit_default", c->time_limit_default_ms, kSecond, 365 * kDay);
  c->time_limit_max_ms =
      map.DurationMs("time_limit_max", c->time_limit_max_ms, kSecond, 365 * kDay);
}

Status ReadNotify(ConfigMap& map, NotifyConfig* c) {
  ConfigMap notify = map.Map("notify");
  c->webhook.url = notify.String("webhook_url", "");
  c->webhook.secret_file = notify.String("webhook_secret_file", "");
  c->webhook.timeout_ms = notify.DurationMs("webhook_timeout", c->webhook.timeout_ms, 100, kHour);
  c->mail.command = notify.Strings("mail_command");
  c->mail.timeout_ms = notify.DurationMs("mail_timeout", c->mail.timeout_ms, 100, kHour);
  c->retry_for_ms = notify.DurationMs("retry_for", c->retry_for_ms, 0, 365 * kDay);
  return notify.Finish();
}

Status ReadNested(ConfigMap& map, ServiceConfig* c) {
  ConfigMap tls = map.Map("tls");
  c->tls.cert = tls.String("cert", "");
  c->tls.key = tls.String("key", "");
  c->tls.client_ca = tls.String("client_ca", "");
  RETURN_IF_ERROR(tls.Finish());

  RETURN_IF_ERROR(ReadNotify(map, &c->notify));

  ConfigMap check = map.Map("check");
  c->check.binary = check.String("binary", "");
  c->check.threads = check.Int("threads", c->check.threads, 1, 64);
  c->check.time_limit_ms = check.DurationMs("time_limit", c->check.time_limit_ms, 100, kHour);
  c->check.memory_bytes = check.Int("memory_mib", c->check.memory_bytes >> 20, 0, int64_t{1} << 24)
                          << 20;
  c->check.hub_wait_ms = check.DurationMs("hub_wait", c->check.hub_wait_ms, 0, 365 * kDay);
  c->check.policy_file = check.String("policy_file", "");
  RETURN_IF_ERROR(check.Finish());

  ConfigMap hub = map.Map("hub");
  c->hub.endpoint = hub.String("endpoint", "");
  c->hub.token_file = hub.String("token_file", "");
  c->hub.accept_tokens = hub.Bool("accept_tokens", false);
  RETURN_IF_ERROR(hub.Finish());

  ConfigMap exports = map.Map("export");
  c->exports.requests_dir = exports.String("requests_dir", "");
  c->exports.results_dir = exports.String("results_dir", "");
  c->exports.suite = exports.String("suite", "");
  c->exports.debounce_ms = exports.DurationMs("debounce", c->exports.debounce_ms, 0, 600 * kSecond);
  RETURN_IF_ERROR(exports.Finish());

  ConfigMap web = map.Map("web");
  c->web.title = web.String("title", c->web.title);
  c->web.about_file = web.String("about_file", "");
  c->web.footer = web.String("footer", "");
  c->web.contact = web.String("contact", "");
  c->web.public_pages = web.Bool("public_pages", c->web.public_pages);
  return web.Finish();
}

Result<ServiceConfig> Read(ConfigMap map, const std::string& folder) {
  ServiceConfig c;
  c.grpc_address = map.String("grpc_address", c.grpc_address);
  c.http_address = map.String("http_address", c.http_address);
  c.insecure_listen = map.String("insecure_listen", "");
  c.state_dir = map.String("state_dir", c.state_dir);
  c.database = map.String("database", "");
  c.suites_dir = map.String("suites_dir", c.suites_dir);
  c.datasets_dir = map.String("datasets_dir", "");
  c.public_datasets = map.Strings("public_datasets");
  c.default_suite = map.String("default_suite", "");
  c.models_dir = map.String("models_dir", "");
  c.allow_local_models = map.Bool("allow_local_models", c.allow_local_models);
  c.local_model_roots = map.Strings("local_model_roots");
  c.tokens_file = map.String("tokens_file", "");
  c.core_dumps = map.Bool("core_dumps", c.core_dumps);
  c.lock_memory = map.Bool("lock_memory", c.lock_memory);
  c.log_level = map.String("log_level", c.log_level);
  if (std::find(kLogLevels.begin(), kLogLevels.end(), c.log_level) == kLogLevels.end()) {
    map.Fail("log_level",
             fmt::format("must be {}, found \"{}\"", fmt::join(kLogLevels, ", "), c.log_level));
  }
  c.lease_batches_max = map.Int("lease_batches_max", c.lease_batches_max, 1, 100'000);
  c.submits_max = map.Int("submits_max", c.submits_max, 0, 100'000);
  c.faults_max = map.Int("faults_max", c.faults_max, 1, 100);
  c.scoring_threads = map.Int("scoring_threads", c.scoring_threads, 1, 64);
  ReadTimes(map, &c);
  const Status nested = ReadNested(map, &c);
  RETURN_IF_ERROR(map.Finish());
  RETURN_IF_ERROR(nested);
  RebaseAll(folder, &c);
  return c;
}

// host:port, or a unix socket where that is possible.
Status CheckAddress(const char* key, const std::string& text, bool unix_allowed) {
  if (unix_allowed && text.starts_with("unix:")) return OkStatus();
  return ParseAddress(text).status().WithContext(key);
}

std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string PrintedLimits() {
  return fmt::format(
      "# Bounds of this build:\n"
      "#   inbox {} events, {} of them reserved for workers; {} events in one commit\n"
      "#   message of a worker {} bytes, of a client {} bytes; bundle {} bytes\n"
      "#   {} watchers, {} worker sessions with {} waiting messages each\n"
      "#   page {}, leaderboard {} rows; output of a check {} bytes\n",
      kInboxCapacity, kInboxReserve, kTurnEventsMax, kWorkerMessageBytesMax, kClientMessageBytesMax,
      kBundleBytesMax, kWatchersMax, kSessionsMax, kSessionOutboxMax, kPageMax, kLeaderboardMax,
      kCheckOutputBytesMax);
}

}  // namespace

std::string ServiceConfig::DatabasePath() const {
  return database.empty() ? (fs::path(state_dir) / "koeval.db").string() : database;
}

Result<ServiceConfig> LoadServiceConfig(const std::string& path) {
  ASSIGN_OR_RETURN(ConfigMap map, ConfigMap::Load(path));
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  return Read(std::move(map), error ? std::string() : absolute.parent_path().string());
}

Result<ServiceConfig> ParseServiceConfig(const std::string& text, const std::string& name,
                                         const std::string& folder) {
  ASSIGN_OR_RETURN(ConfigMap map, ConfigMap::Parse(text, name));
  return Read(std::move(map), folder);
}

void ApplyOverrides(const ConfigOverrides& overrides, ServiceConfig* config) {
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (overrides.grpc_address) config->grpc_address = *overrides.grpc_address;
  if (overrides.http_address) config->http_address = *overrides.http_address;
  if (overrides.state_dir) config->state_dir = Rebase(*overrides.state_dir, here);
  if (overrides.database) config->database = Rebase(*overrides.database, here);
  if (overrides.suites_dir) config->suites_dir = Rebase(*overrides.suites_dir, here);
}

Status ValidateServiceConfig(const ServiceConfig& config) {
  if (config.tls.cert.empty() != config.tls.key.empty()) {
    return InvalidArgument("tls: cert and key go together; set both or neither");
  }
  if (!config.tls.client_ca.empty() && config.tls.cert.empty()) {
    return InvalidArgument("tls.client_ca: needs tls.cert and tls.key");
  }
  if (!config.insecure_listen.empty() && config.insecure_listen != rpc::kOpenToAnyone) {
    return InvalidArgument(
        fmt::format("insecure_listen: must be left out or say exactly \"{}\"", rpc::kOpenToAnyone));
  }
  const bool authenticated = !config.tokens_file.empty() || !config.tls.client_ca.empty();
  RETURN_IF_ERROR(CheckAddress("grpc_address", config.grpc_address, /*unix_allowed=*/true));
  RETURN_IF_ERROR(rpc::CheckListenAddress(config.grpc_address, !config.tls.cert.empty(),
                                          authenticated, config.insecure_listen)
                      .WithContext("grpc_address"));
  if (!config.http_address.empty()) {
    RETURN_IF_ERROR(CheckAddress("http_address", config.http_address, /*unix_allowed=*/false));
    RETURN_IF_ERROR(rpc::CheckListenAddress(config.http_address, /*tls=*/false,
                                            /*authentication=*/false, config.insecure_listen)
                        .WithContext("http_address (HTTP has neither)"));
  }
  if (config.lease_ms < 3 * config.heartbeat_ms) {
    return InvalidArgument(
        fmt::format("lease: {}ms is less than three heartbeats of {}ms, so that one late heartbeat "
                    "would lose work; raise lease or lower heartbeat",
                    config.lease_ms, config.heartbeat_ms));
  }
  if (!config.exports.requests_dir.empty() &&
      config.exports.requests_dir == config.exports.results_dir) {
    return InvalidArgument("export: requests_dir and results_dir must be two folders");
  }
  RETURN_IF_ERROR(ValidateWebhook(config.notify.webhook));
  if (!config.notify.mail.command.empty() &&
      !fs::path(config.notify.mail.command.front()).is_absolute()) {
    return InvalidArgument("notify.mail_command: must begin with the absolute path of a program");
  }
  if (config.time_limit_default_ms > config.time_limit_max_ms) {
    return InvalidArgument("time_limit_default: is above time_limit_max; lower it or raise that");
  }
  if (config.hub.endpoint.empty() && (config.hub.accept_tokens || !config.hub.token_file.empty())) {
    return InvalidArgument(
        "hub.endpoint: is missing, but hub.token_file or hub.accept_tokens is set; name the hub");
  }
  for (const std::string& root : config.local_model_roots) {
    if (!fs::path(root).is_absolute()) {
      return InvalidArgument("local_model_roots: \"" + root + "\" is not an absolute path");
    }
  }
  return OkStatus();
}

std::string PrintServiceConfig(const ServiceConfig& c) {
  std::vector<std::string> roots, open;
  for (const std::string& root : c.local_model_roots) roots.push_back(Quoted(root));
  for (const std::string& name : c.public_datasets) open.push_back(Quoted(name));
  std::string out = "# koeval-scheduler: the settings in force\n";
  out += fmt::format("grpc_address: {}\nhttp_address: {}\ninsecure_listen: {}\n",
                     Quoted(c.grpc_address), Quoted(c.http_address), Quoted(c.insecure_listen));
  out += fmt::format(
      "state_dir: {}\ndatabase: {}\nsuites_dir: {}\ndatasets_dir: {}\ndefault_suite: {}\n",
      Quoted(c.state_dir), Quoted(c.DatabasePath()), Quoted(c.suites_dir), Quoted(c.datasets_dir),
      Quoted(c.default_suite));
  out += fmt::format("public_datasets: [{}]\n", fmt::join(open, ", "));
  out += fmt::format("models_dir: {}\nallow_local_models: {}\nlocal_model_roots: [{}]\n",
                     Quoted(c.models_dir), c.allow_local_models, fmt::join(roots, ", "));
  out += fmt::format("tls:\n  cert: {}\n  key: {}\n  client_ca: {}\ntokens_file: {}\n",
                     Quoted(c.tls.cert), Quoted(c.tls.key), Quoted(c.tls.client_ca),
                     Quoted(c.tokens_file));
  out += fmt::format("heartbeat: {}ms\nlease: {}ms\ngrace: {}ms\n", c.heartbeat_ms, c.lease_ms,
                     c.grace_ms);
  out += fmt::format("time_limit_default: {}ms\ntime_limit_max: {}ms\n", c.time_limit_default_ms,
                     c.time_limit_max_ms);
  out += fmt::format("lease_batches_max: {}\nfaults_max: {}\nfit_wait: {}ms\n", c.lease_batches_max,
                     c.faults_max, c.fit_wait_ms);
  out += fmt::format("submits_max: {}\nsubmits_window: {}ms\n", c.submits_max, c.submits_window_ms);
  out += fmt::format("scoring_threads: {}\nscore_time_limit: {}ms\n", c.scoring_threads,
                     c.score_time_limit_ms);
  std::vector<std::string> mail;
  for (const std::string& argument : c.notify.mail.command) mail.push_back(Quoted(argument));
  out += fmt::format(
      "notify:\n  webhook_url: {}\n  webhook_secret_file: {}\n  webhook_timeout: {}ms\n"
      "  mail_command: [{}]\n  mail_timeout: {}ms\n  retry_for: {}ms\n",
      Quoted(c.notify.webhook.url), Quoted(c.notify.webhook.secret_file),
      c.notify.webhook.timeout_ms, fmt::join(mail, ", "), c.notify.mail.timeout_ms,
      c.notify.retry_for_ms);
  out += fmt::format("core_dumps: {}\nlock_memory: {}\n", c.core_dumps, c.lock_memory);
  out += fmt::format(
      "check:\n  binary: {}\n  threads: {}\n  time_limit: {}ms\n  memory_mib: {}\n"
      "  hub_wait: {}ms\n  policy_file: {}\n",
      Quoted(c.check.binary), c.check.threads, c.check.time_limit_ms, c.check.memory_bytes >> 20,
      c.check.hub_wait_ms, Quoted(c.check.policy_file));
  out += fmt::format("hub:\n  endpoint: {}\n  token_file: {}\n  accept_tokens: {}\nlog_level: {}\n",
                     Quoted(c.hub.endpoint), Quoted(c.hub.token_file), c.hub.accept_tokens,
                     c.log_level);
  out +=
      fmt::format("export:\n  requests_dir: {}\n  results_dir: {}\n  suite: {}\n  debounce: {}ms\n",
                  Quoted(c.exports.requests_dir), Quoted(c.exports.results_dir),
                  Quoted(c.exports.suite), c.exports.debounce_ms);
  out += fmt::format(
      "web:\n  title: {}\n  about_file: {}\n  footer: {}\n  contact: {}\n  public_pages: {}\n",
      Quoted(c.web.title), Quoted(c.web.about_file), Quoted(c.web.footer), Quoted(c.web.contact),
      c.web.public_pages);
  return out + PrintedLimits();
}

}  // namespace koeval::service
