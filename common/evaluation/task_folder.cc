// Scanning a folder of task files, and building what names select.
#include "common/evaluation/task_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "common/evaluation/group_definition.h"
#include "common/evaluation/task_config.h"
#include "common/evaluation/task_definition.h"
#include "common/evaluation/task_rows.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTaskFilesMax = 100'000;
constexpr int kGroupDepthMax = 16;
constexpr size_t kNamesShownMax = 50;

// Name -> file of tasks and groups, tag -> tasks, and what kept a file from being read.
struct Folder {
  std::string path;
  std::map<std::string, std::string> tasks, groups;
  std::map<std::string, std::set<std::string>> tags;
  Status first_error;
};

Result<std::vector<std::string>> YamlPaths(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return NotFound("there is no folder of tasks " + folder);
  }
  std::vector<std::string> paths;
  int64_t files = 0;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string extension = it->path().extension().string();
    if (extension == ".yaml" || extension == ".yml") paths.push_back(it->path().string());
    if (++files > kTaskFilesMax) {
      return ResourceExhausted(fmt::format("{} has more than {} files", folder, kTaskFilesMax));
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

Status AddName(std::map<std::string, std::string>& names, const char* kind, const Json& name,
               const std::string& path) {
  const auto [known, fresh] = names.emplace(name.get<std::string>(), path);
  if (fresh) return OkStatus();
  return InvalidArgument(fmt::format("{} {} is defined twice: in {} and in {}", kind, known->first,
                                     known->second, path));
}

Status AddFile(const Definition& definition, Folder& folder) {
  const Json* task = JsonFind(definition.merged, "task");
  const Json* group = JsonFind(definition.merged, "group");
  const bool is_task = task != nullptr && task->is_string();
  if (group != nullptr && group->is_string() && !JsonFind(definition.merged, "dataset_path")) {
    return AddName(folder.groups, "group", *group, definition.path);
  }
  if (!is_task) return OkStatus();  // a file for others to include
  RETURN_IF_ERROR(AddName(folder.tasks, "task", *task, definition.path));
  const Json* tag = JsonFind(definition.merged, "tag");
  if (tag == nullptr) return OkStatus();
  for (const Json& name : tag->is_array() ? *tag : Json::array({*tag})) {
    if (name.is_string()) folder.tags[name.get<std::string>()].insert(task->get<std::string>());
  }
  return OkStatus();
}

Result<Folder> ScanFolder(const std::string& path, DefinitionReader& reader) {
  Folder out;
  out.path = path;
  ASSIGN_OR_RETURN(const std::vector<std::string> paths, YamlPaths(path));
  for (const std::string& file : paths) {
    const auto definition = reader.Read(file);
    if (!definition.ok()) {
      if (out.first_error.ok()) out.first_error = definition.status();
      continue;
    }
    RETURN_IF_ERROR(AddFile(*definition, out));
  }
  return out;
}

std::vector<TaskListing> Listing(const std::map<std::string, std::string>& names) {
  std::vector<TaskListing> out;
  for (const auto& [name, file] : names) out.push_back({name, file});
  return out;
}

// A task to load: its file, or none for one that a group defines itself, and what groups change.
struct Selected {
  std::string name;
  std::string file;
  Json overrides;
  std::string place;  // of the group that defines it
};

void Merge(const Json& from, Json& into) {
  for (const auto& [key, value] : from.items()) into[key] = value;
}

// Whether `overrides` change more than what tables call a task.
bool ChangesMore(const Json& overrides) {
  return std::any_of(overrides.items().begin(), overrides.items().end(),
                     [](const auto& member) { return member.key() != "task_alias"; });
}

// Follows names to tasks and groups.
class Selector {
 public:
  Selector(const Folder& folder, DefinitionReader& reader) : folder_(folder), reader_(reader) {}

  Status Add(const std::string& name) {
    if (folder_.tasks.contains(name)) return AddTask(name, Json::object(), nullptr);
    if (folder_.groups.contains(name)) return AddGroup(name, Json::object(), nullptr, 0);
    if (const auto tag = folder_.tags.find(name); tag != folder_.tags.end()) {
      for (const std::string& task : tag->second) {
        RETURN_IF_ERROR(AddTask(task, Json::object(), nullptr));
      }
      return OkStatus();
    }
    return AddTask(name, Json::object(), nullptr);
  }

  const std::vector<Selected>& tasks() const { return tasks_; }
  std::vector<Group>& groups() { return groups_; }

 private:
  Status Unknown(const std::string& name) const {
    RETURN_IF_ERROR(folder_.first_error);
    std::vector<std::string> known;
    for (const auto* names : {&folder_.groups, &folder_.tasks}) {
      for (const auto& [other, file] : *names) known.push_back(other);
    }
    const size_t more = known.size() > kNamesShownMax ? known.size() - kNamesShownMax : 0;
    known.resize(known.size() - more);
    return NotFound(fmt::format("no task \"{}\" in {}; there is {}{}", name, folder_.path,
                                known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")),
                                more > 0 ? fmt::format(" and {} more", more) : ""));
  }

  // `above`: positions in groups_ of the groups that the task is in.
  Status AddTask(const std::string& name, const Json& overrides, const std::vector<size_t>* above) {
    const auto file = folder_.tasks.find(name);
    if (file == folder_.tasks.end()) return Unknown(name);
    return Select({name, file->second, overrides, ""}, above);
  }

  Status Select(Selected task, const std::vector<size_t>* above) {
    if (!names_.insert(task.name).second) {
      return InvalidArgument(fmt::format("task {} is selected twice; name it once", task.name));
    }
    if (above != nullptr) {
      for (const size_t index : *above) {
        groups_[index].tasks.push_back(task.name);
        if (ChangesMore(task.overrides)) groups_[index].overridden.push_back(task.name);
      }
    }
    tasks_.push_back(std::move(task));
    return OkStatus();
  }

  // The group that the file of `name` defines.
  Status AddGroup(const std::string& name, const Json& overrides, const std::vector<size_t>* above,
                  int depth) {
    ASSIGN_OR_RETURN(const Definition definition, reader_.Read(folder_.groups.at(name)));
    RETURN_IF_ERROR(CheckFunctions(definition));
    ASSIGN_OR_RETURN(const GroupDefinition group,
                     ReadGroup(name, definition.merged, definition.path));
    return AddMembers(group, overrides, above, definition.path, depth);
  }

  Status AddMembers(const GroupDefinition& group, const Json& overrides,
                    const std::vector<size_t>* above, const std::string& place, int depth) {
    if (depth == kGroupDepthMax) {
      return InvalidArgument(fmt::format("{}: group {}: groups lie more than {} deep in each other",
                                         place, group.group.name, kGroupDepthMax));
    }
    for (const Group& other : groups_) {
      if (other.name == group.group.name) {
        return InvalidArgument(fmt::format("group {} is selected twice; name it once", other.name));
      }
    }
    std::vector<size_t> path = above == nullptr ? std::vector<size_t>() : *above;
    const size_t index = groups_.size();
    path.push_back(index);
    groups_.push_back(group.group);
    // What comes from above wins over what the group itself says.
    Json merged = group.overrides;
    Merge(overrides, merged);
    for (const GroupMember& member : group.members) {
      const Status status = AddMember(member, group.group.name, merged, path, place, depth);
      if (!status.ok()) return status;
    }
    return OkStatus();
  }

  Status AddMember(const GroupMember& member, const std::string& group, const Json& overrides,
                   const std::vector<size_t>& path, const std::string& place, int depth) {
    const auto is_below = [&](const std::string& name) {
      groups_[path.back()].members.push_back(name);
    };
    Json changes = overrides;
    if (member.inline_group && !folder_.groups.contains(member.name)) {
      const std::string name = group + "::" + member.name;
      is_below(name);
      ASSIGN_OR_RETURN(const GroupDefinition inner, ReadGroup(name, member.settings, place));
      return AddMembers(inner, overrides, &path, place, depth + 1);
    }
    Merge(member.settings, changes);
    if (folder_.groups.contains(member.name)) {
      is_below(member.name);
      return AddGroup(member.name, changes, &path, depth + 1);
    }
    if (folder_.tasks.contains(member.name)) {
      is_below(member.name);
      return AddTask(member.name, changes, &path);
    }
    if (const auto tag = folder_.tags.find(member.name); tag != folder_.tags.end()) {
      for (const std::string& task : tag->second) {
        is_below(task);
        RETURN_IF_ERROR(AddTask(task, changes, &path));
      }
      return OkStatus();
    }
    if (member.settings.empty()) return Unknown(member.name);
    const std::string name = group + "::" + member.name;
    is_below(name);
    return Select({name, "", changes, place}, &path);
  }

  const Folder& folder_;
  DefinitionReader& reader_;
  std::vector<Selected> tasks_;
  std::vector<Group> groups_;
  std::set<std::string> names_;
};

Result<Definition> DefinitionOf(const Selected& selected, DefinitionReader& reader) {
  Definition definition;
  if (selected.file.empty()) {
    definition.path = selected.place;
    definition.merged = {{"task", selected.name}};
  } else {
    ASSIGN_OR_RETURN(definition, reader.Read(selected.file));
  }
  Merge(selected.overrides, definition.merged);
  return definition;
}

}  // namespace

struct TaskFolder::Impl {
  Folder folder;
  DefinitionReader reader;
};

TaskFolder::TaskFolder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TaskFolder::TaskFolder(TaskFolder&&) noexcept = default;
TaskFolder& TaskFolder::operator=(TaskFolder&&) noexcept = default;
TaskFolder::~TaskFolder() = default;

Result<TaskFolder> TaskFolder::Open(const std::string& path) {
  auto impl = std::make_unique<Impl>();
  ASSIGN_OR_RETURN(impl->folder, ScanFolder(path, impl->reader));
  return TaskFolder(std::move(impl));
}

Result<TaskSelection> TaskFolder::Load(const std::vector<std::string>& names,
                                       const DatasetSources& datasets) {
  Selector selector(impl_->folder, impl_->reader);
  for (const std::string& name : names) RETURN_IF_ERROR(selector.Add(name));
  TaskSelection out;
  for (const Selected& selected : selector.tasks()) {
    ASSIGN_OR_RETURN(Definition definition, DefinitionOf(selected, impl_->reader));
    ASSIGN_OR_RETURN(Task task, LoadTaskRows(std::move(definition), datasets));
    out.tasks.push_back(std::move(task));
  }
  out.groups = std::move(selector.groups());
  return out;
}

Result<TaskConfig> TaskFolder::Config(const std::string& name) {
  const auto file = impl_->folder.tasks.find(name);
  if (file == impl_->folder.tasks.end()) {
    RETURN_IF_ERROR(impl_->folder.first_error);
    return NotFound(fmt::format("no task \"{}\" in {}", name, impl_->folder.path));
  }
  ASSIGN_OR_RETURN(Definition definition, impl_->reader.Read(file->second));
  return ReadTaskConfig(definition);
}

Result<std::vector<Group>> TaskFolder::GroupsOf(const std::string& name) {
  if (!impl_->folder.groups.contains(name)) {
    RETURN_IF_ERROR(impl_->folder.first_error);
    return NotFound(fmt::format("no group \"{}\" in {}", name, impl_->folder.path));
  }
  Selector selector(impl_->folder, impl_->reader);
  RETURN_IF_ERROR(selector.Add(name));
  return std::move(selector.groups());
}

Result<std::vector<TaskListing>> TaskFolder::Tasks() const {
  RETURN_IF_ERROR(impl_->folder.first_error);
  return Listing(impl_->folder.tasks);
}

Result<std::vector<TaskListing>> TaskFolder::Groups() const {
  RETURN_IF_ERROR(impl_->folder.first_error);
  return Listing(impl_->folder.groups);
}

Result<std::vector<TaskListing>> ListTasks(const std::string& folder) {
  ASSIGN_OR_RETURN(const TaskFolder opened, TaskFolder::Open(folder));
  return opened.Tasks();
}

Result<std::vector<TaskListing>> ListGroups(const std::string& folder) {
  ASSIGN_OR_RETURN(const TaskFolder opened, TaskFolder::Open(folder));
  return opened.Groups();
}

Result<TaskSelection> LoadSelection(const std::string& folder,
                                    const std::vector<std::string>& names,
                                    const DatasetSources& datasets) {
  ASSIGN_OR_RETURN(TaskFolder opened, TaskFolder::Open(folder));
  return opened.Load(names, datasets);
}

Result<std::vector<Task>> LoadTasks(const std::string& folder,
                                    const std::vector<std::string>& names,
                                    const DatasetSources& datasets) {
  ASSIGN_OR_RETURN(TaskSelection selection, LoadSelection(folder, names, datasets));
  return std::move(selection.tasks);
}

Result<TaskConfig> LoadTaskConfig(const std::string& folder, const std::string& name) {
  ASSIGN_OR_RETURN(TaskFolder opened, TaskFolder::Open(folder));
  return opened.Config(name);
}

Result<std::vector<Group>> LoadGroup(const std::string& folder, const std::string& name) {
  ASSIGN_OR_RETURN(TaskFolder opened, TaskFolder::Open(folder));
  return opened.GroupsOf(name);
}

}  // namespace koeval::evaluation
