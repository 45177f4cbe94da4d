// koeval models, flag, unflag.
#include <fmt/format.h>

#include "scheduler/cli/commands.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

struct ModelFlags {
  bool flagged = false;
  int64_t limit = 1000;
  std::vector<std::string> models;
};
struct FlagFlags {
  std::string model, reason, url;
};

Status ShowModels(Client& client, const Shell& shell, const ModelFlags& flags) {
  ASSIGN_OR_RETURN(const auto models, client.Models(flags.flagged, flags.limit));
  if (shell.json) {
    PrintJson(Document("models", "models", ToJsonList(models)));
  } else {
    Print(RenderModels(shell.terminal, models));
  }
  return OkStatus();
}

// One line for each model that changed or had a problem, as it comes.
Status Refresh(Client& client, const Shell& shell, const ModelFlags& flags) {
  std::vector<RefreshView> all;
  int64_t changed = 0;
  int64_t problems = 0;
  RETURN_IF_ERROR(client.RefreshModels(flags.models, [&](const RefreshView& refreshed) {
    changed += refreshed.changed ? 1 : 0;
    problems += refreshed.problem.empty() ? 0 : 1;
    if (shell.json) {
      all.push_back(refreshed);
    } else if (!refreshed.problem.empty()) {
      Print(fmt::format("{}: {}\n", refreshed.model.model, refreshed.problem));
    } else if (refreshed.changed) {
      Print(fmt::format("{}: changed\n", refreshed.model.model));
    }
  }));
  if (shell.json) {
    PrintJson(Document("models-refresh", "models", ToJsonList(all)));
  } else {
    Print(fmt::format("{} changed, {} with problems\n", changed, problems));
  }
  return OkStatus();
}

void PrintFlag(const Shell& shell, const FlagView& flag) {
  if (shell.json) {
    PrintJson(Document("flag", "flag", ToJson(flag)));
  } else if (flag.lifted_at_us == 0) {
    Print(fmt::format("{} is flagged and left out of the leaderboard: {}\n", flag.model,
                      flag.reason));
  } else {
    Print(fmt::format("{} is not flagged any more\n", flag.model));
  }
}

void AddFlag(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<FlagFlags>();
  CLI::App* command =
      app.add_subcommand("flag", "Warn of a model and hide it in the leaderboard (role operator)");
  command->add_option("model", flags->model, "org/name or a local directory")->required();
  command->add_option("--reason", flags->reason, "Why, shown to everyone")->required();
  command->add_option("--url", flags->url, "Where it is discussed (http or https)");
  command->footer(
      "Example:\n  koeval flag org/name --reason 'trained on test data' --url https://...");
  command->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      return WithClient(shell, [&](Client& client) -> Status {
        ASSIGN_OR_RETURN(const FlagView flag, client.Flag(flags->model, flags->reason, flags->url));
        PrintFlag(shell, flag);
        return OkStatus();
      });
    };
  });
}

void AddUnflag(CLI::App& app, Shell& shell) {
  auto model = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("unflag", "Lift the flag of a model (role operator)");
  command->add_option("model", *model, "org/name or a local directory")->required();
  command->footer("Example:\n  koeval unflag org/name");
  command->callback([&shell, model] {
    shell.command = [&shell, model] {
      return WithClient(shell, [&](Client& client) -> Status {
        ASSIGN_OR_RETURN(const FlagView flag, client.Unflag(*model));
        PrintFlag(shell, flag);
        return OkStatus();
      });
    };
  });
}

}  // namespace

void AddModelCommands(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<ModelFlags>();
  CLI::App* models =
      app.add_subcommand("models", "What is known about models: type, size, licence");
  models->add_flag("--flagged", flags->flagged, "Flagged models alone, with the reasons");
  models->add_option("--limit", flags->limit, "At most N models (default 1000)")
      ->check(CLI::PositiveNumber);
  models->footer("Examples:\n  koeval models --flagged\n  koeval models refresh org/name");
  CLI::App* refresh = models->add_subcommand(
      "refresh", "Look again at requests, folders and the hub (role operator)");
  refresh->add_option("model", flags->models, "These alone; none: all");
  models->callback([&shell, flags, refresh] {
    shell.command = [&shell, flags, wanted = refresh->parsed()] {
      return WithClient(shell, [&](Client& client) {
        return wanted ? Refresh(client, shell, *flags) : ShowModels(client, shell, *flags);
      });
    };
  });
  AddFlag(app, shell);
  AddUnflag(app, shell);
}

}  // namespace koeval::cli
