// koeval suites.
#include "scheduler/cli/commands.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

Status ShowSuites(Client& client, const Shell& shell) {
  ASSIGN_OR_RETURN(const auto suites, client.Suites());
  if (shell.json) {
    PrintJson(Document("suites", "suites", ToJsonList(suites)));
  } else {
    Print(RenderSuites(shell.terminal, suites));
  }
  return OkStatus();
}

}  // namespace

void AddSuitesCommand(CLI::App& app, Shell& shell) {
  CLI::App* command =
      app.add_subcommand("suites", "Suites of the scheduler, the default one with *");
  command->footer("Example:\n  koeval suites --json");
  command->callback([&shell] {
    shell.command = [&shell] {
      return WithClient(shell, [&](Client& client) { return ShowSuites(client, shell); });
    };
  });
}

}  // namespace koeval::cli
