// koeval export, import: folders in the layout of the leaderboard's datasets.
#include <fmt/format.h>

#include <cstdio>

#include "common/base/file.h"
#include "common/base/log.h"
#include "scheduler/board/board_folder.h"
#include "scheduler/cli/commands.h"

namespace koeval::cli {
namespace {

constexpr const char* kLeaderboardV1 = "leaderboard-v1";

struct ExchangeFlags {
  std::string folder, suite;
  std::string format = "stored";
};

Status Export(Client& client, const Shell& shell, board::FileKind kind,
              const ExchangeFlags& flags) {
  int64_t written = 0;
  int64_t unchanged = 0;
  board::BoardWriter writer(flags.folder);
  const auto flush = [&writer]() -> Status {
    ASSIGN_OR_RETURN(const auto refused, writer.Flush());
    return refused.empty() ? OkStatus() : refused.front().why;
  };
  const auto format = flags.format == kLeaderboardV1 ? board::ResultFormat::kLeaderboardV1
                                                     : board::ResultFormat::kStored;
  const Status exported =
      client.Export(kind, flags.suite, format, [&](const BoardFileView& file) -> Status {
        ASSIGN_OR_RETURN(const bool changed, writer.Add(file.path, file.text));
        ++(changed ? written : unchanged);
        return writer.full() ? flush() : OkStatus();
      });
  const Status flushed = flush();  // what has come is kept, whatever came after it
  RETURN_IF_ERROR(exported);
  RETURN_IF_ERROR(flushed);
  if (shell.json) {
    PrintJson({{"schema", "koeval.export/1"},
               {"kind", board::FileKindName(kind)},
               {"folder", flags.folder},
               {"written", written},
               {"unchanged", unchanged}});
  } else {
    Print(fmt::format("{}: {} files written, {} unchanged\n", flags.folder, written, unchanged));
  }
  return OkStatus();
}

// Gives the files of a folder one after the other; what cannot be read becomes a problem.
class FolderReader {
 public:
  FolderReader(std::string folder, board::BoardFolder listed)
      : folder_(std::move(folder)), listed_(std::move(listed)), problems_(listed_.skipped) {}

  Result<std::optional<BoardFileView>> operator()() {
    while (next_ < listed_.paths.size()) {
      const std::string& path = listed_.paths[next_++];
      auto text = ReadFile(folder_ + "/" + path, board::kFileBytesMax);
      if (text.ok()) return std::optional<BoardFileView>({path, *std::move(text)});
      problems_.push_back(LogSafe(path) + ": " + text.status().message());
    }
    return std::optional<BoardFileView>();
  }
  const std::vector<std::string>& problems() const { return problems_; }
  int64_t others() const { return listed_.others; }

 private:
  const std::string folder_;
  const board::BoardFolder listed_;
  std::vector<std::string> problems_;
  size_t next_ = 0;
};

void PrintImport(const Shell& shell, board::FileKind kind, const ImportView& import,
                 int64_t others) {
  if (shell.json) {
    PrintJson({{"schema", "koeval.import/1"},
               {"kind", board::FileKindName(kind)},
               {"added", import.added},
               {"changed", import.changed},
               {"unchanged", import.unchanged},
               {"refused", import.refused},
               {"other_files", others},
               {"problems", import.problems}});
    return;
  }
  for (const std::string& problem : import.problems) {
    std::fprintf(stderr, "koeval: %s\n", problem.c_str());
  }
  Print(
      fmt::format("{} files added, {} changed, {} unchanged, {} refused; {} files of other kinds "
                  "left alone\n",
                  import.added, import.changed, import.unchanged, import.refused, others));
}

Status Import(Client& client, const Shell& shell, board::FileKind kind,
              const ExchangeFlags& flags) {
  ASSIGN_OR_RETURN(auto listed, board::ListBoardFolder(flags.folder));
  FolderReader reader(flags.folder, std::move(listed));
  ASSIGN_OR_RETURN(ImportView import, client.Import(kind, [&reader] { return reader(); }));
  import.refused += static_cast<int64_t>(reader.problems().size());
  import.problems.insert(import.problems.end(), reader.problems().begin(), reader.problems().end());
  PrintImport(shell, kind, import, reader.others());
  if (import.refused == 0) return OkStatus();
  return {Code::kUnknown, fmt::format("{} files were refused; the others are stored. Correct them "
                                      "and import the folder again",
                                      import.refused)};
}

using Exchange = Status (*)(Client&, const Shell&, board::FileKind, const ExchangeFlags&);

void AddKind(CLI::App* parent, Shell& shell, board::FileKind kind, const std::string& help,
             bool is_export, Exchange exchange) {
  auto flags = std::make_shared<ExchangeFlags>();
  CLI::App* command = parent->add_subcommand(std::string(board::FileKindName(kind)), help);
  command->add_option("dir", flags->folder, "The folder")->required();
  if (is_export) {
    command->add_option("--suite", flags->suite, "Default: the scheduler's default suite");
  }
  if (is_export && kind == board::FileKind::kResults) {
    command
        ->add_option(
            "--format", flags->format,
            "stored (default: as lm-eval 0.4 writes them, imported files byte by byte), or "
            "leaderboard-v1 (keys \"harness|task|shots\")")
        ->check(CLI::IsMember({"stored", kLeaderboardV1}));
  }
  command->callback([&shell, kind, flags, exchange] {
    shell.command = [&shell, kind, flags, exchange] {
      return WithClient(shell, [&](Client& c) { return exchange(c, shell, kind, *flags); });
    };
  });
}

}  // namespace

void AddExchangeCommands(CLI::App& app, Shell& shell) {
  CLI::App* exports = app.add_subcommand(
      "export", "Write a folder in the layout of the leaderboard's datasets; only what changed");
  exports->require_subcommand(1);
  exports->footer("Example:\n  koeval export requests ./requests");
  AddKind(exports, shell, board::FileKind::kRequests,
          "<org>/<model>_eval_request_<private>_<precision>_<weight_type>.json", true, Export);
  AddKind(exports, shell, board::FileKind::kResults, "<org>/<model>/result_<time>.json", true,
          Export);

  CLI::App* imports = app.add_subcommand(
      "import", "Take in such a folder as history; nothing of it runs (role operator)");
  imports->require_subcommand(1);
  imports->footer("Example:\n  koeval import results ./results");
  AddKind(imports, shell, board::FileKind::kRequests, "Request files of every version", false,
          Import);
  AddKind(imports, shell, board::FileKind::kResults,
          "Result files of the harness (0.3, 0.4, forks) and of the leaderboard", false, Import);
}

}  // namespace koeval::cli
