// koeval-scheduler: command line, signals and the life of the daemon.
//
// THREADS
//   main          starts and stops everything, waits for signals, tells the service manager.
//   dispatcher    owns the core and the store's writing connection: drains the inbox, applies,
//                 commits once, then emits. The only writer.
//   gRPC threads  made by the library: parse, check the role, post to the inbox or to a pool.
//                 Never wait.
//   reads (4)     unary calls that read the store or ask the dispatcher; each borrows a read-only
//                 connection.
//   streams (2)   fill Watch, GetSamples and FetchBundle streams, a piece at a time.
//   checks (n)    wait for koeval-check processes.
//   scoring (n)   prepare tasks and compute scores from stored batches.
//   http (1 + 4)  /healthz and /metrics.
// Everything that they share is immutable, or guarded by the mutex that its header names.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/private_memory.h"
#include "common/base/systemd_notify.h"
#include "common/evaluation/suite.h"
#include "common/hub/policy.h"
#include "common/rpc/auth.h"
#include "common/rpc/credentials.h"
#include "scheduler/service/check_runner.h"
#include "scheduler/service/client_hub.h"
#include "scheduler/service/config.h"
#include "scheduler/service/scheduler.h"
#include "scheduler/service/version.h"
#include "scheduler/store/job_store.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;
constexpr int64_t kHousekeepingNs = 500'000'000;

struct Flags {
  std::string config;
  bool check_config = false;
  bool print_config = false;
  bool version = false;
  std::string port_file;
  ConfigOverrides overrides;
};

int Complain(const Status& status, int exit_code) {
  std::fprintf(stderr, "koeval-scheduler: %s\n", status.message().c_str());
  return exit_code;
}

Result<ServiceConfig> ReadConfig(const Flags& flags) {
  ServiceConfig config;
  if (!flags.config.empty()) {
    ASSIGN_OR_RETURN(config, LoadServiceConfig(flags.config));
  }
  ApplyOverrides(flags.overrides, &config);
  RETURN_IF_ERROR(ValidateServiceConfig(config));
  return config;
}

Status CheckPolicy(const ServiceConfig& config) {
  if (config.check.policy_file.empty()) return OkStatus();
  return hub::LoadPolicy(config.check.policy_file).status().WithContext("check.policy_file");
}

// What can be found out about the files that the settings name, without starting anything.
Status CheckFiles(const ServiceConfig& config) {
  RETURN_IF_ERROR(rpc::LoadServerCredentials({.cert_file = config.tls.cert,
                                              .key_file = config.tls.key,
                                              .client_ca_file = config.tls.client_ca})
                      .status());
  RETURN_IF_ERROR(rpc::Authenticator::Create({.token_file = config.tokens_file,
                                              .client_certificates = !config.tls.client_ca.empty()})
                      .status());
  RETURN_IF_ERROR(MakeModelHub(config.hub).status());
  RETURN_IF_ERROR(CheckPolicy(config));
  return evaluation::LoadSuites(config.suites_dir).status();
}

std::string CheckBinary(const ServiceConfig& config) {
  if (!config.check.binary.empty()) return config.check.binary;
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (self.parent_path() / "koeval-check").string();
}

sigset_t BlockSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return set;
}

Status WritePortFile(const std::string& path, const Scheduler& scheduler) {
  if (path.empty()) return OkStatus();
  return WriteFileAtomically(
      path, "grpc=" + scheduler.grpc_address() + "\nhttp=" + scheduler.http_address() + "\n");
}

void Reload(Scheduler& scheduler) {
  const Status status = scheduler.ReloadTokens();
  if (status.ok()) {
    spdlog::info("tokens read again");
  } else {
    spdlog::warn("the old tokens stay in force: {}", LogSafe(status.message()));
  }
}

// Until a signal ends the daemon, or the dispatcher did.
void WaitForEnd(Scheduler& scheduler, const sigset_t& signals, const std::atomic<bool>& fatal) {
  std::string last_line;
  while (!fatal.load()) {
    const timespec wait{0, kHousekeepingNs};
    const int signal = ::sigtimedwait(&signals, nullptr, &wait);
    if (signal == SIGTERM || signal == SIGINT) return;
    if (signal == SIGHUP) Reload(scheduler);
    const auto line = scheduler.Housekeeping();
    if (!line.ok()) continue;
    SystemdWatchdog();
    if (*line == last_line) continue;
    last_line = *line;
    SystemdStatus(last_line);
  }
}

Result<std::unique_ptr<Scheduler>> Open(const ServiceConfig& config,
                                        std::function<void(const Status&)> on_fatal) {
  std::error_code error;
  fs::create_directories(config.state_dir, error);
  if (error) {
    return PermissionDenied("state_dir: cannot make " + config.state_dir + ": " + error.message() +
                            "; choose a folder that this user may write");
  }
  const Clock& clock = Clock::Real();
  ASSIGN_OR_RETURN(auto store, store::OpenSqliteStore(config.DatabasePath()));
  RETURN_IF_ERROR(CheckPolicy(config));
  ASSIGN_OR_RETURN(const std::shared_ptr<ModelHub> hub, MakeModelHub(config.hub));
  auto checks = std::make_unique<ProcessCheckRunner>(
      CheckBinary(config), config.models_dir, config.check, clock, hub,
      (fs::path(config.state_dir) / "checks").string());
  return Scheduler::Start(config,
                          {std::move(store), std::move(checks), clock, std::move(on_fatal), hub});
}

int Serve(const Flags& flags, const ServiceConfig& config) {
  if (const Status log = InitLog("koeval-scheduler", config.log_level); !log.ok()) {
    return Complain(log, kExitUsage);
  }
  const sigset_t signals = BlockSignals();
  if (!config.core_dumps) ForbidCoreDumps();  // suites may hold private rows
  if (config.lock_memory && LockMemory()) spdlog::info("memory is locked: nothing is swapped");
  std::atomic<bool> fatal{false};
  auto scheduler = Open(config, [&fatal](const Status&) { fatal.store(true); });
  if (!scheduler.ok()) return Complain(scheduler.status(), kExitFailed);
  if (const Status written = WritePortFile(flags.port_file, **scheduler); !written.ok()) {
    return Complain(written, kExitFailed);
  }
  spdlog::info("gRPC on {}, HTTP on {}, database {}", (*scheduler)->grpc_address(),
               (*scheduler)->http_address(), config.DatabasePath());
  SystemdNotify("READY=1");
  WaitForEnd(**scheduler, signals, fatal);
  SystemdNotify("STOPPING=1");
  spdlog::info("stopping");
  const Status ended = (*scheduler)->Stop();
  if (!ended.ok()) return Complain(ended, kExitFailed);
  return 0;
}

void AddFlags(CLI::App& app, Flags* flags) {
  app.add_option("--config", flags->config, "settings; configs/scheduler.yaml explains each");
  app.add_flag("--check-config", flags->check_config, "check settings and files, then exit");
  app.add_flag("--print-config", flags->print_config, "print the settings in force, then exit");
  app.add_flag("--version", flags->version, "print the version, then exit");
  app.add_option("--grpc-address", flags->overrides.grpc_address, "host:port; port 0: any");
  app.add_option("--http-address", flags->overrides.http_address, "host:port; \"\": no HTTP");
  app.add_option("--database", flags->overrides.database, "SQLite file");
  app.add_option("--state-dir", flags->overrides.state_dir, "folder of bundles and backups");
  app.add_option("--suites-dir", flags->overrides.suites_dir, "folder of suite files");
  app.add_option("--port-file", flags->port_file,
                 "written once both ports are open: grpc=ADDRESS and http=ADDRESS");
  app.footer(
      "Exit codes: 0 stopped or done, 1 failed, 2 usage or settings.\n"
      "Signals: TERM and INT stop gracefully, HUP reads the token file again.");
}

int Main(int argc, char** argv) {
  // gRPC writes stack-like lines about what our own messages say; GRPC_VERBOSITY brings them back.
  ::setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  Flags flags;
  CLI::App app("The scheduler of koeval: queue, leases, results.", "koeval-scheduler");
  AddFlags(app, &flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  if (flags.version) {
    std::printf("koeval-scheduler %s\n", kVersion);
    return 0;
  }
  const auto config = ReadConfig(flags);
  if (!config.ok()) return Complain(config.status(), kExitUsage);
  if (flags.print_config) {
    std::fputs(PrintServiceConfig(*config).c_str(), stdout);
    return 0;
  }
  if (flags.check_config) {
    if (const Status files = CheckFiles(*config); !files.ok()) return Complain(files, kExitUsage);
    std::puts("the settings are valid");
    return 0;
  }
  return Serve(flags, *config);
}

}  // namespace
}  // namespace koeval::service

int main(int argc, char** argv) {
  return koeval::service::Main(argc, argv);
}
