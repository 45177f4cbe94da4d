// koeval check: the submission checks of a model, by the same program that the scheduler uses.
#include <fmt/format.h>

#include <atomic>
#include <filesystem>

#include "common/hub/check_process.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/render_check.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

struct CheckFlags {
  std::string model, policy, chat_template;
  hub::CheckWish wish;
  bool wants_chat_template = false;
};

std::string Absolute(const std::string& path) {
  std::error_code ignored;
  return path.empty() ? "" : std::filesystem::absolute(path, ignored).string();
}

Result<hub::CheckReport> RunChecks(const Shell& shell, CheckFlags flags) {
  const auto checker = std::filesystem::path(shell.self).parent_path() / "koeval-check";
  const hub::CheckProcess process{checker.string(), Absolute(flags.policy), ChildLimits{}};
  const std::atomic<bool> never_stop = false;
  if (flags.wants_chat_template) flags.wish.chat_template = flags.chat_template;
  return hub::CheckFolder(process, Absolute(flags.model), flags.wish, Clock::Real(), never_stop);
}

int Check(const Shell& shell, const CheckFlags& flags) {
  const auto report = RunChecks(shell, flags);
  if (!report.ok()) return Fail(report.status());
  if (shell.json) {
    PrintJson(Document("check", "report", hub::ToJson(*report)));
  } else {
    Print(RenderCheckReport(shell.terminal, hub::ToJson(*report)));
    Print(report->ok() ? "\nnothing stands against a submission\n" : "\na submission would FAIL\n");
  }
  return report->ok() ? kExitDone : kExitFailed;
}

}  // namespace

void AddCheckCommand(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<CheckFlags>();
  CLI::App* command =
      app.add_subcommand("check", "The submission checks of a local directory, without submitting");
  command->add_option("model", flags->model, "The model's directory")->required();
  command->add_option("--precision", flags->wish.precision, "float16, bfloat16 or float32");
  command->add_option("--weight-type", flags->wish.weight_type, "Default Original");
  command->add_option("--policy", flags->policy,
                      "Submission policy (configs/submission-policy.yaml; default: the built-in)");
  const CLI::Option* wants = command->add_option("--chat-template", flags->chat_template,
                                                 "A chat template of this name must be there");
  command->footer(
      "Exit codes: 0 nothing stands against a submission, 1 it would fail.\n"
      "Examples:\n  koeval check ./my-model\n  koeval check ./my-model --json");
  command->callback([&shell, flags, wants] {
    flags->wants_chat_template = wants->count() > 0;
    shell.command = [&shell, flags] { return Check(shell, *flags); };
  });
}

}  // namespace koeval::cli
