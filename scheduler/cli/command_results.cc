// koeval results, leaderboard, samples.
#include <fmt/format.h>

#include <cstdio>

#include "common/base/file.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

struct ResultFlags {
  std::string id, task, output;
  std::vector<std::string> columns;
  LeaderboardQuery board;
};

Status ShowResults(Client& client, const Shell& shell, const ResultFlags& flags) {
  ASSIGN_OR_RETURN(const ResultsView results, client.Results(flags.id));
  if (!flags.output.empty()) {
    RETURN_IF_ERROR(WriteFileAtomically(flags.output, results.results_json + "\n"));
  }
  if (shell.json) {
    PrintJson(Document("results", "results", ToJson(results)));
  } else {
    Print(RenderResults(shell.terminal, results));
  }
  return OkStatus();
}

Status ShowLeaderboard(Client& client, const Shell& shell, const ResultFlags& flags) {
  ASSIGN_OR_RETURN(const LeaderboardView board, client.Leaderboard(flags.board));
  if (shell.json) {
    PrintJson(Document("leaderboard", "leaderboard", ToJson(board)));
  } else {
    Print(RenderLeaderboard(shell.terminal, board, flags.columns));
  }
  return OkStatus();
}

Status ShowSamples(Client& client, const ResultFlags& flags) {
  std::unique_ptr<AtomicFile> file;
  if (!flags.output.empty()) {
    ASSIGN_OR_RETURN(file, AtomicFile::Create(flags.output, 0600));
  }
  int64_t withheld = 0;
  RETURN_IF_ERROR(
      client.Samples(flags.id, flags.task, [&](const std::string& line, bool without_texts) {
        withheld += without_texts ? 1 : 0;
        if (file) return file->Append(line + "\n");
        Print(line + "\n");
        return OkStatus();
      }));
  if (withheld > 0) {
    std::fprintf(stderr,
                 "koeval: %lld lines are of private rows, so that their documents, prompts, "
                 "targets and generated texts are left out; an operator gets them\n",
                 static_cast<long long>(withheld));
  }
  return file ? file->Commit() : OkStatus();
}

}  // namespace

void AddResultCommands(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<ResultFlags>();
  CLI::App* results = app.add_subcommand("results", "Scores of a FINISHED request");
  results->add_option("id", flags->id, "The request")->required();
  results->add_option("--output", flags->output, "Also write the complete result file here");
  results->footer("Example:\n  koeval results r-1f2e3d --output results.json");
  results->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      return WithClient(shell, [&](Client& c) { return ShowResults(c, shell, *flags); });
    };
  });

  CLI::App* leaderboard = app.add_subcommand("leaderboard", "Models by their average");
  leaderboard->add_option("--suite", flags->board.suite, "Default: the scheduler's default suite");
  leaderboard->add_option("--suite-version", flags->board.suite_version,
                          "An earlier version of the suite; default: the current one");
  leaderboard
      ->add_option("--settings", flags->board.settings,
                   "Only rows that were evaluated as the suite says (standard), with a chat "
                   "template (chat), or otherwise (other); default: all, marked in the last column")
      ->check(CLI::IsMember({"standard", "chat", "other"}));
  leaderboard->add_option("--limit", flags->board.limit, "At most N rows (default 100)")
      ->check(CLI::Range(1, 10000));
  leaderboard->add_flag("--flagged", flags->board.flagged, "Flagged models too, marked as such");
  leaderboard
      ->add_option("--columns", flags->columns,
                   fmt::format("Columns behind the model, joined by commas: {}",
                               fmt::join(LeaderboardColumns(), ", ")))
      ->delimiter(',')
      ->check(CLI::IsMember(LeaderboardColumns()));
  leaderboard->footer(
      "Examples:\n  koeval leaderboard --json\n"
      "  koeval leaderboard --columns type,average,params,license --flagged\n"
      "  koeval leaderboard --settings chat");
  leaderboard->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      return WithClient(shell, [&](Client& c) { return ShowLeaderboard(c, shell, *flags); });
    };
  });

  CLI::App* samples = app.add_subcommand(
      "samples",
      "Per-document records of a FINISHED request, JSON lines; texts of private rows for "
      "operators alone");
  samples->add_option("id", flags->id, "The request")->required();
  samples->add_option("--task", flags->task, "Of this task only");
  samples->add_option("--output", flags->output,
                      "Write to this file (mode 0600), which appears once it is whole");
  samples->footer("Example:\n  koeval samples r-1f2e3d --task demo_reasoning");
  samples->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      return WithClient(shell, [&](Client& c) { return ShowSamples(c, *flags); });
    };
  });
}

}  // namespace koeval::cli
