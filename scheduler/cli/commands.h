// The commands of koeval: each file adds its own to the command line.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "common/base/json.h"
#include "scheduler/cli/client.h"
#include "scheduler/cli/terminal.h"

namespace koeval::cli {

// What every command shares. `command` is set by the subcommand that was chosen.
struct Shell {
  ClientOptions client;
  bool json = false;
  std::string self;  // path of this program, to find the runner beside it
  Terminal terminal;
  std::function<int()> command;
};

void AddSubmitCommand(CLI::App& app, Shell& shell);
void AddStatusCommand(CLI::App& app, Shell& shell);
void AddExplainCommand(CLI::App& app, Shell& shell);
void AddQueueCommands(CLI::App& app, Shell& shell);   // queue, cancel, retry, pause, resume, backup
void AddResultCommands(CLI::App& app, Shell& shell);  // results, leaderboard, samples
void AddDatasetsCommands(CLI::App& app, Shell& shell);
void AddDatasetsFetchCommand(CLI::App& datasets, Shell& shell);  // below `datasets`
void AddSuitesCommand(CLI::App& app, Shell& shell);
void AddClusterCommands(CLI::App& app, Shell& shell);   // workers, drain, undrain
void AddModelCommands(CLI::App& app, Shell& shell);     // models, flag, unflag
void AddExchangeCommands(CLI::App& app, Shell& shell);  // export, import
void AddEvalCommand(CLI::App& app, Shell& shell);
void AddTokenizeCommand(CLI::App& app, Shell& shell);
void AddCheckCommand(CLI::App& app, Shell& shell);
void AddTasksCommands(CLI::App& app, Shell& shell);

// Runs `call` with a connected client; prints the error of either to stderr.
int WithClient(const Shell& shell, const std::function<Status(Client&)>& call);
// `koeval: message` on stderr; the exit code for `status`.
int Fail(const Status& status);
// Writes to stdout as it is.
void Print(const std::string& text);
// `value` as indented JSON and a newline on stdout.
void PrintJson(const Json& value);

}  // namespace koeval::cli
