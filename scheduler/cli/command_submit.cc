// koeval submit: one request into the queue, and with --wait its end.
#include <fmt/format.h>

#include <cstdio>

#include "common/base/clock.h"
#include "common/base/random.h"
#include "scheduler/cli/chat_flags.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/render_check.h"
#include "scheduler/cli/view_json.h"
#include "scheduler/cli/wait.h"

namespace koeval::cli {
namespace {

struct SubmitFlags {
  SubmitSpec spec;
  ChatFlags chat;
  std::string request_id;
  int64_t time_limit_s = 0;
  int64_t limit = 0;
  bool wait = false;
  bool dry_run = false;
  bool force = false;
};

void PrintRequest(const Shell& shell, const RequestView& request, bool already_known) {
  if (shell.json) {
    Json out = Document("submit", "request", ToJson(request));
    out["already_known"] = already_known;
    PrintJson(out);
    return;
  }
  Print(fmt::format("{} {} ({})\n", request.id, already_known ? "was already there" : "submitted",
                    request.state));
  if (!request.terminal()) {
    std::fprintf(stderr, "next: koeval status %s --watch\n", request.id.c_str());
  }
}

int DryRun(const Shell& shell, const SubmitSpec& spec) {
  bool accepted = false;
  const int code = WithClient(shell, [&](Client& client) -> Status {
    ASSIGN_OR_RETURN(const DryRunView run, client.DryRun(spec));
    accepted = run.accepted;
    if (shell.json) {
      PrintJson(Document("dry-run", "dry_run", ToJson(run)));
      return OkStatus();
    }
    Print(RenderDryRun(shell.terminal, run));
    Print(accepted ? "\nnothing stands against a submission; nothing was stored\n"
                   : "\na submission would FAIL; nothing was stored\n");
    return OkStatus();
  });
  if (code != kExitDone) return code;
  return accepted ? kExitDone : kExitFailed;
}

int Submit(const Shell& shell, SubmitFlags flags) {
  if (flags.request_id.empty()) flags.request_id = "r-" + RandomHex(6);
  if (flags.limit > 0) flags.spec.limit = flags.limit;
  flags.spec.time_limit_ms = flags.time_limit_s * 1000;
  flags.spec.chat_template = flags.chat.chat_template();
  flags.spec.fewshot_as_multiturn = flags.chat.turns();
  flags.spec.system_instruction = flags.chat.system_instruction;
  if (flags.dry_run) return DryRun(shell, flags.spec);
  int ended = kExitDone;
  const int code = WithClient(shell, [&](Client& client) -> Status {
    ASSIGN_OR_RETURN(const auto submitted,
                     client.Submit(flags.request_id, flags.spec, flags.force));
    const auto& [request, already_known] = submitted;
    if (!flags.wait) {
      PrintRequest(shell, request, already_known);
      return OkStatus();
    }
    std::fprintf(stderr, "%s submitted\n", request.id.c_str());
    ASSIGN_OR_RETURN(const RequestView last, WaitForEnd(client, request.id, shell));
    if (shell.json) {
      PrintJson(Document("submit", "request", ToJson(last)));
    } else {
      Print(RenderRequest(shell.terminal, last, {}, Clock::Real().Wall().micros));
    }
    ended = last.state == "FINISHED" ? kExitDone : kExitFailed;
    return OkStatus();
  });
  return code == kExitDone ? ended : code;
}

}  // namespace

void AddSubmitCommand(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<SubmitFlags>();
  CLI::App* command = app.add_subcommand("submit", "Put a model into the queue");
  command
      ->add_option("model", flags->spec.model,
                   "org/name on a hub, or a local directory where the scheduler allows it")
      ->required();
  command->add_option("--revision", flags->spec.revision, "Branch, tag or commit (default main)");
  command->add_option("--precision", flags->spec.precision,
                      "float16, bfloat16 or float32 (default float32)");
  command->add_option("--weight-type", flags->spec.weight_type, "Default Original");
  command->add_option("--model-type", flags->spec.model_type,
                      "pretrained, continually pretrained, fine-tuned, instruction-tuned, RL-tuned "
                      "or merged");
  command->add_option("--suite", flags->spec.suite, "Default: the scheduler's default suite");
  command->add_option("--profile", flags->spec.profile,
                      "leaderboard-v1 or lm-eval-0.4 (default: the suite's)");
  command->add_option("--limit", flags->limit, "First N documents of every task only")
      ->check(CLI::PositiveNumber);
  command->add_option("--priority", flags->spec.priority, "-100 to 100, higher runs first")
      ->check(CLI::Range(-100, 100));
  command->add_option("--time-limit", flags->time_limit_s, "Seconds that it may run")
      ->check(CLI::PositiveNumber);
  AddChatFlags(*command, flags->chat);
  command->add_option("--request-id", flags->request_id,
                      "Your own id; the same id submits once, however often it is sent");
  command->add_flag("--wait", flags->wait, "Wait for the end; exit 1 when it FAILED");
  command->add_flag("--dry-run", flags->dry_run,
                    "Checks, planned work, placement and start; nothing is stored");
  command->add_flag("--force", flags->force,
                    "Even if the same files were evaluated with the same settings");
  command->footer(
      "Examples:\n"
      "  koeval submit org/model --precision bfloat16\n"
      "  koeval submit org/model --dry-run\n"
      "  koeval submit /models/mine --limit 100 --wait\n"
      "  koeval submit org/chat-model --apply-chat-template --system-instruction 'Be brief.'\n"
      "  koeval submit org/model --request-id nightly-2024-08-12");
  command->callback(
      [&shell, flags] { shell.command = [&shell, flags] { return Submit(shell, *flags); }; });
}

}  // namespace koeval::cli
