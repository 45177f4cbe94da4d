// koeval check: the submission checks of a model, by the same program that the scheduler uses.
#include <fmt/format.h>

#include <atomic>
#include <filesystem>
#include <memory>

#include "common/base/cancel.h"
#include "common/hub/check_process.h"
#include "common/hub/hub_client.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/hub_flags.h"
#include "scheduler/cli/render_check.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

struct CheckFlags {
  std::string model, revision = "main", policy, chat_template;
  HubFlags hub;
  hub::CheckWish wish;
  bool wants_chat_template = false;
};

std::string Absolute(const std::string& path) {
  std::error_code ignored;
  return path.empty() ? "" : std::filesystem::absolute(path, ignored).string();
}

// Whether `model` is a directory rather than org/name.
bool IsDirectory(const std::string& model) {
  std::error_code ignored;
  return model.starts_with('/') || model.starts_with('.') ||
         std::filesystem::is_directory(model, ignored) || !hub::CheckRepositoryId(model).ok() ||
         model.find('/') == std::string::npos;
}

Result<hub::CheckReport> CheckOnHub(const hub::CheckProcess& process, const CheckFlags& flags) {
  ASSIGN_OR_RETURN(const auto client, hub::MakeHubClient(SettingsOf(flags.hub)));
  const auto repository = hub::HubClient::Open(client, hub::RepositoryKind::kModel, flags.model,
                                               flags.revision, std::make_shared<Cancel>());
  if (!repository.ok()) {
    return hub::OpenFailed(flags.model, flags.revision, repository.status());
  }
  hub::CheckWish wish = flags.wish;
  wish.model = flags.model;
  const std::atomic<bool> never_stop = false;
  std::error_code error;
  const std::string scratch = std::filesystem::temp_directory_path(error).string();
  if (error) return Unavailable("no folder for temporary files; set TMPDIR to one");
  return hub::CheckRepository(process, **repository, scratch, wish, Clock::Real(), never_stop);
}

Result<hub::CheckReport> RunChecks(const Shell& shell, CheckFlags flags) {
  const auto checker = std::filesystem::path(shell.self).parent_path() / "koeval-check";
  const hub::CheckProcess process{checker.string(), Absolute(flags.policy), ChildLimits{}};
  const std::atomic<bool> never_stop = false;
  if (flags.wants_chat_template) flags.wish.chat_template = flags.chat_template;
  if (!IsDirectory(flags.model)) return CheckOnHub(process, flags);
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
      app.add_subcommand("check", "The submission checks of a model, without submitting");
  command->add_option("model", flags->model, "org/name on a hub, or a directory")->required();
  command->add_option("--revision", flags->revision, "Branch, tag or commit (default main)");
  command->add_option("--precision", flags->wish.precision, "float16, bfloat16 or float32");
  command->add_option("--weight-type", flags->wish.weight_type, "Default Original");
  command->add_option("--policy", flags->policy,
                      "Submission policy (configs/submission-policy.yaml; default: the built-in)");
  const CLI::Option* wants = command->add_option("--chat-template", flags->chat_template,
                                                 "A chat template of this name must be there");
  AddHubFlags(*command, flags->hub);
  command->footer(
      "Exit codes: 0 nothing stands against a submission, 1 it would fail.\n"
      "Examples:\n  koeval check ./my-model\n  koeval check org/model --revision v1 --json");
  command->callback([&shell, flags, wants] {
    flags->wants_chat_template = wants->count() > 0;
    shell.command = [&shell, flags] { return Check(shell, *flags); };
  });
}

}  // namespace koeval::cli
