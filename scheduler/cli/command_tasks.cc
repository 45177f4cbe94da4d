// koeval tasks list, show, validate: task files and their datasets, without a scheduler.
#include <fmt/format.h>

#include <filesystem>

#include "common/evaluation/prepare.h"
#include "common/evaluation/task.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

namespace ev = koeval::evaluation;

struct TasksFlags {
  std::string tasks_dir = "configs/demo/tasks";
  std::string profile = "lm-eval-0.4";
  std::vector<std::string> tasks;
  int64_t num_fewshot = -1;
  int64_t examples = 1;
};

Result<ev::Options> OptionsOf(const TasksFlags& flags) {
  ev::Options options;
  ASSIGN_OR_RETURN(options.profile, ev::ParseProfile(flags.profile));
  if (flags.num_fewshot >= 0) options.num_fewshot = flags.num_fewshot;
  return options;
}

Status List(const Shell& shell, const TasksFlags& flags) {
  ASSIGN_OR_RETURN(const auto tasks, ev::ListTasks(flags.tasks_dir));
  if (shell.json) {
    Json list = Json::array();
    for (const auto& task : tasks) list.push_back({{"task", task.task}, {"file", task.file}});
    PrintJson(Document("tasks", "tasks", list));
    return OkStatus();
  }
  std::vector<std::vector<Cell>> rows;
  for (const auto& task : tasks) rows.push_back({task.task, task.file});
  Print(RenderTable(shell.terminal, {{"task", false, 12, true}, {"file", false, 12, true}}, rows));
  return OkStatus();
}

Json ExampleOf(const ev::PreparedTask& task, size_t index) {
  const ev::Document& document = task.documents[index];
  Json requests = Json::array();
  for (int32_t i = 0; i < document.request_count; ++i) {
    const ev::Request& request =
        task.requests[static_cast<size_t>(document.first_request) + static_cast<size_t>(i)];
    requests.push_back({{"context", request.context}, {"continuation", request.continuation}});
  }
  return {{"doc_id", document.doc_id}, {"gold", document.gold}, {"requests", requests}};
}

Status Show(const Shell& shell, const TasksFlags& flags) {
  ASSIGN_OR_RETURN(const ev::Options options, OptionsOf(flags));
  ASSIGN_OR_RETURN(const auto tasks, ev::LoadTasks(flags.tasks_dir, flags.tasks));
  Json all = Json::array();
  for (const ev::Task& task : tasks) {
    ASSIGN_OR_RETURN(const ev::PreparedTask prepared, ev::Prepare(task, options));
    Json entry = {{"task", task.config.task},
                  {"documents", prepared.documents.size()},
                  {"requests", prepared.requests.size()},
                  {"num_fewshot", prepared.num_fewshot},
                  {"digest", ev::TaskDigest(task)},
                  {"definition", task.config.raw}};
    Json examples = Json::array();
    for (size_t i = 0; i < prepared.documents.size() && i < static_cast<size_t>(flags.examples);
         ++i) {
      examples.push_back(ExampleOf(prepared, i));
    }
    entry["examples"] = examples;
    all.push_back(std::move(entry));
  }
  if (shell.json) {
    PrintJson(Document("task", "tasks", all));
    return OkStatus();
  }
  for (const Json& entry : all) {
    Print(fmt::format("{}: {} documents, {} requests, {} shots, digest {}\n",
                      entry["task"].get<std::string>(), entry["documents"].get<int64_t>(),
                      entry["requests"].get<int64_t>(), entry["num_fewshot"].get<int64_t>(),
                      entry["digest"].get<std::string>()));
    for (const Json& example : entry["examples"]) {
      Print(fmt::format("\n--- document {}, gold {}\n{}\n", example["doc_id"].get<int64_t>(),
                        example["gold"].dump(),
                        example["requests"][0]["context"].get<std::string>()));
      for (const Json& request : example["requests"]) {
        Print(fmt::format("  -> {}\n", Json(request["continuation"]).dump()));
      }
    }
  }
  return OkStatus();
}

Status Validate(const Shell& shell, const TasksFlags& flags) {
  ASSIGN_OR_RETURN(const ev::Options options, OptionsOf(flags));
  std::vector<std::string> names = flags.tasks;
  if (names.empty()) {
    ASSIGN_OR_RETURN(const auto listed, ev::ListTasks(flags.tasks_dir));
    for (const auto& task : listed) names.push_back(task.task);
  }
  Json findings = Json::array();
  std::string first_error;
  for (const std::string& name : names) {
    std::vector<std::string> notes;
    const auto check = [&]() -> Status {
      ASSIGN_OR_RETURN(const auto tasks, ev::LoadTasks(flags.tasks_dir, {name}));
      for (const ev::Task& task : tasks) {
        ASSIGN_OR_RETURN(const ev::PreparedTask prepared, ev::Prepare(task, options));
        notes.insert(notes.end(), task.notes.begin(), task.notes.end());
        if (shell.json) continue;
        Print(fmt::format("ok      {}: {} documents, {} requests\n", task.config.task,
                          prepared.documents.size(), prepared.requests.size()));
        for (const std::string& note : task.notes) Print(fmt::format("        {}\n", note));
      }
      return OkStatus();
    };
    const Status status = check();
    findings.push_back(
        {{"task", name}, {"ok", status.ok()}, {"message", status.message()}, {"notes", notes}});
    if (status.ok()) continue;
    if (first_error.empty()) first_error = name;
    if (!shell.json) Print(fmt::format("WRONG   {}: {}\n", name, status.message()));
  }
  if (shell.json) PrintJson(Document("validate", "tasks", findings));
  if (first_error.empty()) return OkStatus();
  return InvalidArgument("task " + first_error + " is not valid; see above");
}

using Action = Status (*)(const Shell&, const TasksFlags&);

void AddAction(CLI::App& parent, Shell& shell, const std::shared_ptr<TasksFlags>& flags,
               const std::string& name, const std::string& help, const std::string& example,
               bool names_tasks, Action action) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("--tasks-dir", flags->tasks_dir, "Folder with task files")
      ->capture_default_str();
  if (names_tasks) {
    command->add_option("task", flags->tasks, "Names of tasks")->required(name == "show");
    command->add_option("--profile", flags->profile, "leaderboard-v1 or lm-eval-0.4");
    command->add_option("--num-fewshot", flags->num_fewshot, "Shots, instead of the task's own");
    command->add_option("--examples", flags->examples, "Documents to show (default 1)");
  }
  command->footer("Example:\n  " + example);
  command->callback([&shell, flags, action] {
    shell.command = [&shell, flags, action] {
      const Status status = action(shell, *flags);
      return status.ok() ? kExitDone : Fail(status);
    };
  });
}

}  // namespace

void AddTasksCommands(CLI::App& app, Shell& shell) {
  auto flags = std::make_shared<TasksFlags>();
  CLI::App* tasks = app.add_subcommand("tasks", "Task files: list, show, validate");
  tasks->require_subcommand(1);
  AddAction(*tasks, shell, flags, "list", "Tasks that a folder defines",
            "koeval tasks list --tasks-dir configs/demo/tasks", false, List);
  AddAction(*tasks, shell, flags, "show", "A task's definition and rendered examples",
            "koeval tasks show demo_reasoning --num-fewshot 3", true, Show);
  AddAction(*tasks, shell, flags, "validate", "Check task files and datasets together",
            "koeval tasks validate --tasks-dir mytasks", true, Validate);
}

}  // namespace koeval::cli
