// koeval status, explain: the queue at a glance or one request in full, once or for as long as it
// changes, and why it is where it is.
#include <fmt/format.h>

#include <csignal>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/render.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

constexpr int64_t kShownMax = 200;
constexpr int64_t kRefreshMs = 1000;

struct StatusFlags {
  std::string id;
  bool watch = false;
};

struct Frame {
  std::string text;
  Json json;
  bool over = false;  // nothing will change any more
  bool failed = false;
};

Result<std::vector<RequestView>> Newest(Client& client, const std::string& state, int64_t limit) {
  return client.List({.states = {state},
                      .suite = "",
                      .model = "",
                      .submitter = "",
                      .newest_first = true,
                      .limit = limit});
}

Result<Frame> QueueFrame(Client& client, const Shell& shell) {
  ASSIGN_OR_RETURN(const QueueView queue, client.Queue());
  std::vector<RequestView> shown;
  for (const auto& [state, limit] : {std::pair<const char*, int64_t>{"RUNNING", kShownMax},
                                     {"PENDING", kShownMax},
                                     {"FINISHED", 20},
                                     {"FAILED", 20}}) {
    ASSIGN_OR_RETURN(auto part, Newest(client, state, limit));
    shown.insert(shown.end(), part.begin(), part.end());
  }
  Frame frame;
  frame.text = RenderStatus(shell.terminal, queue, shown);
  frame.json = Document("status", "queue", ToJson(queue));
  frame.json["requests"] = ToJsonList(shown);
  return frame;
}

Result<Frame> RequestFrame(Client& client, const Shell& shell, const std::string& id) {
  ASSIGN_OR_RETURN(const auto got, client.Get(id));
  const auto& [request, attempts] = got;
  Frame frame;
  frame.text = RenderRequest(shell.terminal, request, attempts, Clock::Real().Wall().micros);
  frame.json = Document("request", "request", ToJson(request));
  frame.json["attempts"] = ToJsonList(attempts);
  frame.over = request.terminal();
  frame.failed = request.state == "FAILED";
  return frame;
}

void WaitOneRefresh() {
  Mutex mutex;
  CondVar never;
  MutexLock lock(mutex);
  never.WaitFor(mutex, kRefreshMs);
}

// Redraws in place on a terminal; prints frame after frame elsewhere, and only changed ones.
void Show(const Shell& shell, const Frame& frame, bool watching, std::string& previous) {
  const std::string text = shell.json ? frame.json.dump(watching ? -1 : 2) + "\n" : frame.text;
  if (text == previous) return;
  const bool redraw = watching && !shell.json && shell.terminal.is_terminal;
  Print(redraw ? "\x1b[H\x1b[J" + text : text);
  previous = text;
}

Status Follow(Client& client, Shell shell, const StatusFlags& flags, bool& failed) {
  std::string previous;
  while (true) {
    shell.terminal.width = Terminal::OfStdout().width;
    const auto frame =
        flags.id.empty() ? QueueFrame(client, shell) : RequestFrame(client, shell, flags.id);
    if (frame.ok()) {
      Show(shell, *frame, flags.watch, previous);
      failed = frame->failed;
      if (!flags.watch || frame->over) return OkStatus();
    } else if (!flags.watch || frame.status().code() != Code::kUnavailable) {
      return frame.status();
    }
    WaitOneRefresh();
  }
}

Status Explain(Client& client, const Shell& shell, const std::string& id) {
  ASSIGN_OR_RETURN(const ExplanationView why, client.Explain(id));
  if (shell.json) {
    PrintJson(Document("explanation", "explanation", ToJson(why)));
  } else {
    Print(RenderExplanation(shell.terminal, why, Clock::Real().Wall().micros));
  }
  return OkStatus();
}

}  // namespace

void AddExplainCommand(CLI::App& app, Shell& shell) {
  auto id = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "explain", "Why a request is where it is: slot by slot, and what was decided so far");
  command->add_option("id", *id, "The request")->required();
  command->footer("Example:\n  koeval explain r-1f2e3d");
  command->callback([&shell, id] {
    shell.command = [&shell, id] {
      return WithClient(shell, [&](Client& client) { return Explain(client, shell, *id); });
    };
  });
}

void AddStatusCommand(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<StatusFlags>();
  CLI::App* command = app.add_subcommand("status", "The queue at a glance, or one request in full");
  command->add_option("id", flags->id, "A request");
  command->add_flag("--watch", flags->watch, "Follow; with an id, until the request ends");
  command->footer(
      "Examples:\n"
      "  koeval status\n"
      "  koeval status r-1f2e3d --watch\n"
      "  koeval status --json | jq .queue");
  command->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      bool failed = false;
      const int code =
          WithClient(shell, [&](Client& client) { return Follow(client, shell, *flags, failed); });
      return code == kExitDone && flags->watch && failed ? kExitFailed : code;
    };
  });
}

}  // namespace koeval::cli
