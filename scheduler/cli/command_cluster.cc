// koeval workers, drain, undrain.
#include <fmt/format.h>

#include "scheduler/cli/commands.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

struct DrainFlags {
  std::string worker, reason;
};

Status ShowWorkers(Client& client, const Shell& shell) {
  ASSIGN_OR_RETURN(const auto workers, client.Workers());
  if (shell.json) {
    PrintJson(Document("workers", "workers", ToJsonList(workers)));
  } else {
    Print(RenderWorkers(shell.terminal, workers));
  }
  return OkStatus();
}

void AddDrain(CLI::App& app, Shell& shell, const std::string& name, const std::string& help,
              bool drain) {
  auto flags = std::make_shared<DrainFlags>();
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("node", flags->worker, "The worker")->required();
  if (drain) command->add_option("--reason", flags->reason, "Shown to everyone who looks");
  command->footer("Example:\n  koeval " + name + " node-a");
  command->callback([&shell, flags, drain] {
    shell.command = [&shell, flags, drain] {
      return WithClient(shell, [&](Client& client) -> Status {
        ASSIGN_OR_RETURN(const WorkerView worker,
                         client.Drain(flags->worker, drain, flags->reason));
        if (shell.json) {
          PrintJson(Document("worker", "worker", ToJson(worker)));
        } else {
          Print(fmt::format("{} {}\n", worker.id,
                            worker.draining ? "drains: it finishes what it runs and takes no more"
                                            : "takes work"));
        }
        return OkStatus();
      });
    };
  });
}

}  // namespace

void AddClusterCommands(CLI::App& app, Shell& shell) {
  CLI::App* workers = app.add_subcommand("workers", "Nodes, slots and what they hold");
  workers->callback([&shell] {
    shell.command = [&shell] {
      return WithClient(shell, [&](Client& client) { return ShowWorkers(client, shell); });
    };
  });
  AddDrain(app, shell, "drain", "Let a node finish what it runs and give it no more", true);
  AddDrain(app, shell, "undrain", "Give a drained node work again", false);
}

}  // namespace koeval::cli
