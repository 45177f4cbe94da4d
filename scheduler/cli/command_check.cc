// koeval check: the submission checks of a local directory, by the same program that the scheduler
// uses.
#include <fmt/format.h>

#include <atomic>
#include <filesystem>

#include "common/base/child_process.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

struct CheckFlags {
  std::string model;
  std::string precision = "float32";
};

Result<Json> RunChecks(const Shell& shell, const CheckFlags& flags) {
  const auto checker = std::filesystem::path(shell.self).parent_path() / "koeval-check";
  std::error_code ignored;
  const auto dir = std::filesystem::absolute(flags.model, ignored);
  const std::atomic<bool> never_stop = false;
  ASSIGN_OR_RETURN(const ChildOutcome outcome, RunChild({checker.string(), "--json", "--precision",
                                                         flags.precision, dir.string()},
                                                        ChildLimits{}, Clock::Real(), never_stop));
  if (outcome.end != ChildEnd::kExited) {
    return FailedPrecondition("the checks of " + dir.string() +
                              " did not end well: a file of it outran the limits of the checker");
  }
  auto report = ParseJson(outcome.out);
  if (!report.ok()) return Internal("koeval-check gave no report: " + outcome.err);
  return report;
}

void PrintReport(const Shell& shell, const Json& report) {
  for (const Json& finding : report["findings"]) {
    const bool error = finding["severity"] == "error";
    Print(fmt::format(
        "{} {}: {}\n  do: {}\n",
        Painted(shell.terminal, error ? Paint::kRed : Paint::kYellow,
                error ? "error  " : "warning"),
        finding["code"].get<std::string>(),
        Wrap(finding["message"].get<std::string>(), shell.terminal.width - 8, "  "),
        Wrap(finding["remedy"].get<std::string>(), shell.terminal.width - 8, "      ")));
  }
  for (const auto& [key, value] : report["facts"].items()) {
    Print(fmt::format("  {:<15}{}\n", key,
                      value.is_string() ? value.get<std::string>() : value.dump()));
  }
  Print(report["ok"].get<bool>() ? "nothing stands against a submission\n"
                                 : "a submission would FAIL\n");
}

int Check(const Shell& shell, const CheckFlags& flags) {
  const auto report = RunChecks(shell, flags);
  if (!report.ok()) return Fail(report.status());
  if (shell.json) {
    PrintJson(Document("check", "report", *report));
  } else {
    PrintReport(shell, *report);
  }
  return (*report)["ok"].get<bool>() ? kExitDone : kExitFailed;
}

}  // namespace

void AddCheckCommand(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* command =
      app.add_subcommand("check", "The submission checks of a local directory, without submitting");
  command->add_option("model", flags->model, "The model's directory")->required();
  command->add_option("--precision", flags->precision, "float16, bfloat16 or float32");
  command->footer("Examples:\n  koeval check ./my-model\n  koeval check ./my-model --json");
  command->callback(
      [&shell, flags] { shell.command = [&shell, flags] { return Check(shell, *flags); }; });
}

}  // namespace koeval::cli
