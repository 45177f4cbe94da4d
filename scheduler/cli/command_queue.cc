// koeval queue, cancel, retry, pause, resume, backup.
#include <fmt/format.h>

#include "common/base/clock.h"
#include "common/base/size_text.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

Status ListQueue(Client& client, const Shell& shell, const ListFilter& filter) {
  ASSIGN_OR_RETURN(const auto requests, client.List(filter));
  if (shell.json) {
    PrintJson(Document("queue", "requests", ToJsonList(requests)));
  } else {
    Print(RenderQueue(shell.terminal, requests, Clock::Real().Wall().micros));
  }
  return OkStatus();
}

void PrintChanged(const Shell& shell, const RequestView& request, const std::string& what) {
  if (shell.json) {
    PrintJson(Document("request", "request", ToJson(request)));
  } else {
    Print(fmt::format("{} {}: {}\n", request.id, what, request.state));
  }
}

void AddQueue(CLI::App& app, Shell& shell) {
  auto filter = std::make_shared<ListFilter>();
  CLI::App* command = app.add_subcommand("queue", "Requests, one line each");
  command->add_option("--state", filter->states, "PENDING, RUNNING, FINISHED, FAILED; repeatable");
  command->add_option("--suite", filter->suite, "Of this suite only");
  command->add_option("--model", filter->model, "Whose model contains this text");
  command->add_option("--submitter", filter->submitter, "Of this submitter only");
  command->add_flag("--newest-first", filter->newest_first);
  command->add_option("--limit", filter->limit, "At most N requests (default 1000)")
      ->check(CLI::PositiveNumber);
  command->footer("Examples:\n  koeval queue --state PENDING\n  koeval queue --model llama --json");
  command->callback([&shell, filter] {
    shell.command = [&shell, filter] {
      return WithClient(shell, [&](Client& c) { return ListQueue(c, shell, *filter); });
    };
  });
}

using Change = Result<RequestView> (Client::*)(const std::string&);

void AddChange(CLI::App& app, Shell& shell, const std::string& name, const std::string& help,
               const std::string& done, Change change) {
  auto id = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(name, help);
  command->add_option("id", *id, "The request")->required();
  command->footer("Example:\n  koeval " + name + " r-1f2e3d");
  command->callback([&shell, id, done, change] {
    shell.command = [&shell, id, done, change] {
      return WithClient(shell, [&](Client& client) -> Status {
        ASSIGN_OR_RETURN(const RequestView request, (client.*change)(*id));
        PrintChanged(shell, request, done);
        return OkStatus();
      });
    };
  });
}

void AddDispatch(CLI::App& app, Shell& shell, const std::string& name, const std::string& help,
                 bool paused) {
  CLI::App* command = app.add_subcommand(name, help);
  command->callback([&shell, paused] {
    shell.command = [&shell, paused] {
      return WithClient(shell, [&](Client& client) -> Status {
        ASSIGN_OR_RETURN(const bool now, client.SetPaused(paused));
        if (shell.json) {
          PrintJson(Document("dispatch", "paused", now));
        } else {
          Print(now ? "dispatch is paused; running work goes on\n" : "dispatch runs\n");
        }
        return OkStatus();
      });
    };
  });
}

void AddBackup(CLI::App& app, Shell& shell) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "backup", "A consistent copy of the database while the scheduler runs (role operator)");
  command->add_option("file", *name,
                      "Name below the scheduler's state_dir/backups (default: from the time)");
  command->footer("Example:\n  koeval backup before-upgrade.db");
  command->callback([&shell, name] {
    shell.command = [&shell, name] {
      return WithClient(shell, [&](Client& client) -> Status {
        ASSIGN_OR_RETURN(const BackupView backup, client.Backup(*name));
        if (shell.json) {
          PrintJson(Document("backup", "backup", {{"path", backup.path}, {"bytes", backup.bytes}}));
        } else {
          Print(fmt::format("{}  {}\n", backup.path, SizeText(backup.bytes)));
        }
        return OkStatus();
      });
    };
  });
}

}  // namespace

void AddQueueCommands(CLI::App& app, Shell& shell) {
  AddQueue(app, shell);
  AddChange(app, shell, "cancel", "Withdraw a request that has not ended; submitters their own",
            "cancelled", &Client::Cancel);
  AddChange(app, shell, "retry", "Start a new round of a FAILED request", "will be tried again",
            &Client::Retry);
  AddDispatch(app, shell, "pause", "Give out no new work; running work goes on", true);
  AddDispatch(app, shell, "resume", "Give out work again", false);
  AddBackup(app, shell);
}

}  // namespace koeval::cli
