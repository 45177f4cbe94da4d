// koeval: the client. Reads the command line and runs one command.
//
// THREADS: the main thread only; gRPC keeps its own.
#include <cstdlib>
#include <filesystem>

#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"

namespace koeval::cli {
namespace {

std::string SelfPath() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "koeval" : path.string();
}

void AddGlobals(CLI::App& app, Shell& shell) {
  app.add_option("--address", shell.client.address, "The scheduler's gRPC address")
      ->envname("KOEVAL_ADDRESS")
      ->capture_default_str();
  app.add_option("--token-file", shell.client.token_file, "File that holds your token")
      ->envname("KOEVAL_TOKEN_FILE");
  app.add_option(
         "--hub-identity", shell.client.hub_token_file,
         "File with your token of the model hub, where the scheduler knows submitters by it")
      ->envname("KOEVAL_HUB_IDENTITY");
  app.add_option("--tls-ca", shell.client.tls_ca, "Certificate authority of the scheduler (PEM)")
      ->envname("KOEVAL_TLS_CA");
  app.add_option("--tls-cert", shell.client.tls_cert, "Your certificate (PEM)")
      ->envname("KOEVAL_TLS_CERT");
  app.add_option("--tls-key", shell.client.tls_key, "Your private key (PEM)")
      ->envname("KOEVAL_TLS_KEY");
  app.add_option("--tls-server-name", shell.client.tls_server_name,
                 "Name in the scheduler's certificate when it differs from the address");
  app.add_option("--timeout-ms", shell.client.timeout_ms, "Of one call")
      ->check(CLI::Range(100, 600'000))
      ->capture_default_str();
  app.add_flag("--json", shell.json, "Machine-readable output");
  app.add_flag_callback(
      "--no-color", [&shell] { shell.terminal.color = false; }, "No colours");
}

int Run(int argc, char** argv) {
  Shell shell;
  shell.terminal = Terminal::OfStdout();
  shell.self = SelfPath();
  CLI::App app{"koeval evaluates language models on a cluster: submit, watch, read the scores.",
               "koeval"};
  app.set_version_flag("--version", std::string("koeval ") + KOEVAL_VERSION);
  app.require_subcommand(1);
  app.fallthrough();
  AddGlobals(app, shell);
  AddSubmitCommand(app, shell);
  AddStatusCommand(app, shell);
  AddExplainCommand(app, shell);
  AddQueueCommands(app, shell);
  AddResultCommands(app, shell);
  AddSuitesCommand(app, shell);
  AddDatasetsCommands(app, shell);
  AddClusterCommands(app, shell);
  AddModelCommands(app, shell);
  AddExchangeCommands(app, shell);
  AddCheckCommand(app, shell);
  AddEvalCommand(app, shell);
  AddTokenizeCommand(app, shell);
  AddTasksCommands(app, shell);
  app.footer(
      "Exit codes: 0 done, 1 failed, 2 usage, 3 unavailable, 4 refused.\n"
      "Help on a command: koeval COMMAND --help");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }
  return shell.command();
}

}  // namespace
}  // namespace koeval::cli

int main(int argc, char** argv) {
  return koeval::cli::Run(argc, argv);
}
