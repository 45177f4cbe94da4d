// koeval tasks list, show, validate: task files and their datasets, without a scheduler.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "common/base/config.h"
#include "common/evaluation/prepare.h"
#include "common/evaluation/suite.h"
#include "common/evaluation/task.h"
#include "common/evaluation/task_folder.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

namespace ev = koeval::evaluation;

struct TasksFlags {
  std::string tasks_dir = "configs/demo/tasks";
  std::string datasets_dir;
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

Json DescriptionOf(const ev::Task& task, const ev::PreparedTask& prepared, int64_t examples) {
  Json shown = Json::array();
  for (size_t i = 0; i < prepared.documents.size() && i < static_cast<size_t>(examples); ++i) {
    shown.push_back(ExampleOf(prepared, i));
  }
  return {{"task", task.config.task},
          {"documents", prepared.documents.size()},
          {"requests", prepared.requests.size()},
          {"num_fewshot", prepared.num_fewshot},
          {"digest", ev::TaskDigest(task)},
          {"definition", task.config.raw},
          {"examples", std::move(shown)}};
}

void PrintExamples(const Json& examples) {
  for (const Json& example : examples) {
    Print(fmt::format("\n--- document {}, gold {}\n{}\n", example["doc_id"].get<int64_t>(),
                      example["gold"].dump(),
                      example["requests"][0]["context"].get<std::string>()));
    for (const Json& request : example["requests"]) {
      Print(fmt::format("  -> {}\n", Json(request["continuation"]).dump()));
    }
  }
}

Status Show(const Shell& shell, const TasksFlags& flags) {
  ASSIGN_OR_RETURN(const ev::Options options, OptionsOf(flags));
  ASSIGN_OR_RETURN(const auto tasks,
                   ev::LoadTasks(flags.tasks_dir, flags.tasks, flags.datasets_dir));
  Json all = Json::array();
  for (const ev::Task& task : tasks) {
    ASSIGN_OR_RETURN(const ev::PreparedTask prepared, ev::Prepare(task, options));
    all.push_back(DescriptionOf(task, prepared, std::max<int64_t>(flags.examples, 0)));
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
    PrintExamples(entry["examples"]);
  }
  return OkStatus();
}

// A task file and its rows together; a definition whose rows are not here is checked alone.
struct Finding {
  std::string task;
  Status status;
  bool has_rows = true;
  std::vector<std::string> notes;
  Json description;  // null without rows

  std::string_view word() const { return !status.ok() ? "WRONG" : has_rows ? "ok" : "no rows"; }
};

// Folders of tasks by path, each scanned once.
class TaskFolders {
 public:
  Result<ev::TaskFolder*> Get(const std::string& path) {
    auto found = folders_.find(path);
    if (found == folders_.end()) {
      ASSIGN_OR_RETURN(ev::TaskFolder opened, ev::TaskFolder::Open(path));
      found = folders_.emplace(path, std::move(opened)).first;
    }
    return &found->second;
  }

 private:
  std::map<std::string, ev::TaskFolder> folders_;
};

Finding Check(TaskFolders& folders, const std::string& path, const std::string& name,
              const ev::Options& options, const TasksFlags& flags) {
  Finding out;
  out.task = name;
  const auto folder = folders.Get(path);
  if (!folder.ok()) {
    out.status = folder.status();
    return out;
  }
  const auto selection = (*folder)->Load({name}, flags.datasets_dir);
  if (!selection.ok() && ev::IsDatasetUnavailable(selection.status())) {
    out.has_rows = false;
    out.notes.push_back(selection.status().message());
    out.status = (*folder)->Config(name).status();
    return out;
  }
  if (!selection.ok()) {
    out.status = selection.status();
    return out;
  }
  const ev::Task& task = selection->tasks.front();
  out.notes = task.notes;
  const auto prepared = ev::Prepare(task, options);
  out.status = prepared.status();
  if (prepared.ok()) {
    out.description = DescriptionOf(task, *prepared, std::max<int64_t>(flags.examples, 0));
  }
  return out;
}

void PrintFinding(const Finding& finding, bool shows_examples) {
  if (!finding.status.ok()) {
    Print(fmt::format("WRONG   {}: {}\n", finding.task, finding.status.message()));
    return;
  }
  Print(fmt::format("{:<7} {}", finding.word(), finding.task));
  if (finding.has_rows) {
    Print(fmt::format(": {} documents, {} requests",
                      finding.description["documents"].get<int64_t>(),
                      finding.description["requests"].get<int64_t>()));
  }
  Print("\n");
  for (const std::string& note : finding.notes) Print(fmt::format("        {}\n", note));
  if (shows_examples && finding.has_rows) PrintExamples(finding.description["examples"]);
}

// The tasks of the group `name`, or `name` alone when it is none.
std::vector<std::string> TasksOf(TaskFolders& folders, const std::string& path,
                                 const std::string& name) {
  const auto folder = folders.Get(path);
  if (folder.ok()) {
    if (const auto groups = (*folder)->GroupsOf(name); groups.ok()) return groups->front().tasks;
  }
  return {name};
}

// Whether a file describes a suite rather than a task.
bool IsSuiteFile(const std::string& path) {
  const auto map = ConfigMap::Load(path);
  return map.ok() && map->Has("suite");
}

// (folder, task) of what the command line names: tasks and groups of the folder, files of tasks and
// of suites, which are checked with all of theirs, or nothing for all.
Result<std::vector<std::pair<std::string, std::string>>> Chosen(TaskFolders& folders,
                                                                const TasksFlags& flags) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& name : flags.tasks) {
    if (!name.ends_with(".yaml") && !name.ends_with(".yml")) {
      for (const std::string& task : TasksOf(folders, flags.tasks_dir, name)) {
        out.emplace_back(flags.tasks_dir, task);
      }
      continue;
    }
    if (!std::filesystem::is_regular_file(name)) return NotFound("there is no file " + name);
    if (IsSuiteFile(name)) {
      ASSIGN_OR_RETURN(const ev::Suite suite, ev::LoadSuite(name));
      for (const std::string& task : ev::SuiteTasks(suite)) out.emplace_back(suite.tasks_dir, task);
      continue;
    }
    const std::string folder = std::filesystem::absolute(name).parent_path().string();
    ASSIGN_OR_RETURN(const auto opened, folders.Get(folder));
    ASSIGN_OR_RETURN(const auto listed, opened->Tasks());
    const auto found = std::find_if(listed.begin(), listed.end(), [&](const auto& task) {
      std::error_code ignored;
      return std::filesystem::equivalent(task.file, name, ignored);
    });
    if (found == listed.end()) {
      return NotFound(fmt::format("{} defines no task", name));
    }
    out.emplace_back(folder, found->task);
  }
  if (!flags.tasks.empty()) return out;
  ASSIGN_OR_RETURN(const auto opened, folders.Get(flags.tasks_dir));
  ASSIGN_OR_RETURN(const auto listed, opened->Tasks());
  for (const auto& task : listed) out.emplace_back(flags.tasks_dir, task.task);
  return out;
}

Status Validate(const Shell& shell, const TasksFlags& flags) {
  ASSIGN_OR_RETURN(const ev::Options options, OptionsOf(flags));
  TaskFolders folders;
  ASSIGN_OR_RETURN(const auto chosen, Chosen(folders, flags));
  Json findings = Json::array();
  size_t wrong = 0, without_rows = 0;
  for (const auto& [folder, name] : chosen) {
    const Finding finding = Check(folders, folder, name, options, flags);
    wrong += finding.status.ok() ? 0 : 1;
    without_rows += finding.status.ok() && !finding.has_rows ? 1 : 0;
    if (shell.json) {
      findings.push_back({{"task", finding.task},
                          {"ok", finding.status.ok()},
                          {"has_rows", finding.has_rows},
                          {"message", finding.status.message()},
                          {"notes", finding.notes},
                          {"description", finding.description}});
    } else {
      PrintFinding(finding, /*shows_examples=*/!flags.tasks.empty());
    }
  }
  if (shell.json) {
    PrintJson(Document("validate", "tasks", findings));
  } else {
    Print(fmt::format("{} tasks: {} ok, {} valid without rows, {} wrong\n", chosen.size(),
                      chosen.size() - wrong - without_rows, without_rows, wrong));
  }
  if (wrong == 0) return OkStatus();
  return InvalidArgument(
      fmt::format("{} of {} tasks are not valid; see above", wrong, chosen.size()));
}

using Action = Status (*)(const Shell&, const TasksFlags&);

void AddAction(CLI::App& parent, Shell& shell, const std::shared_ptr<TasksFlags>& flags,
               const std::string& name, const std::string& help, const std::string& example,
               bool names_tasks, Action action) {
  CLI::App* command = parent.add_subcommand(name, help);
  command->add_option("--tasks-dir", flags->tasks_dir, "Folder with task files")
      ->capture_default_str();
  if (names_tasks) {
    command
        ->add_option("task", flags->tasks, "Names of tasks; for validate also task and suite files")
        ->required(name == "show");
    command
        ->add_option("--datasets-dir", flags->datasets_dir,
                     "Folder with the rows of tasks that name a dataset")
        ->envname("KOEVAL_DATASETS_DIR");
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
            "koeval tasks validate --tasks-dir configs/tasks --datasets-dir /srv/datasets\n"
            "  koeval tasks validate mine.yaml --examples 2",
            true, Validate);
}

}  // namespace koeval::cli
