// Suites and bundles.
#include "scheduler/service/suites.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/sha256.h"
#include "scheduler/service/limits.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kPrivateFile = 0600;
constexpr uint32_t kPrivateFolder = 0700;
constexpr size_t kSuiteFileBytesMax = 16 << 20;

Status MakePrivateFolder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return PermissionDenied(
        fmt::format("cannot create {}: {}; set state_dir to a folder that this "
                    "user may write",
                    path.string(), error.message()));
  }
  if (::chmod(path.c_str(), kPrivateFolder) != 0) {
    return PermissionDenied(fmt::format("cannot make {} private", path.string()));
  }
  return OkStatus();
}

std::string BundlePath(const std::string& state_dir, const std::string& digest) {
  return (fs::path(state_dir) / "bundles" / (digest + ".json")).string();
}

// Names and versions are free text, so that the file is named by a digest of them.
std::string SuitePath(const std::string& state_dir, const std::string& name,
                      const std::string& version, const std::string& digest) {
  const std::string key = Sha256Hex(name + "\n" + version + "\n" + digest);
  return (fs::path(state_dir) / "suites" / (key + ".json")).string();
}

bool IsDigest(const std::string& text) {
  return text.size() == 64 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Writes a bundle unless a whole one is there already.
Status KeepBundle(const std::string& path, const std::string& digest, const std::string& text) {
  if (const auto old = ReadFile(path, kBundleBytesMax); old.ok() && Sha256Hex(*old) == digest) {
    return OkStatus();
  }
  return WriteFileAtomically(path, text, kPrivateFile);
}

Status KeepSuite(const std::string& path, const evaluation::Suite& suite) {
  const std::string text = CompactJson(SuiteToJson(suite));
  if (const auto old = ReadFile(path, kSuiteFileBytesMax); old.ok()) {
    if (*old == text) return OkStatus();
    spdlog::warn(
        "suite {} changed under version \"{}\"; open requests are scored by the new form. "
        "Give a changed suite a new version.",
        LogSafe(suite.name), LogSafe(suite.version));
  }
  return WriteFileAtomically(path, text, kPrivateFile);
}

std::string TasksFolder(const evaluation::Suite& suite, const std::string& suites_dir) {
  const fs::path folder(suite.tasks_dir);
  return folder.is_absolute() ? suite.tasks_dir : (fs::path(suites_dir) / folder).string();
}

Result<LoadedSuite> LoadOne(const evaluation::Suite& suite, const std::string& suites_dir,
                            const std::string& datasets_dir, const std::string& state_dir) {
  LoadedSuite out;
  std::string text = "{\"tasks\":[";
  {
    ASSIGN_OR_RETURN(const std::vector<evaluation::Task> tasks,
                     evaluation::LoadTasks(TasksFolder(suite, suites_dir),
                                           evaluation::SuiteTasks(suite), datasets_dir));
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (i > 0) text += ',';
      text += CompactJson(evaluation::TaskToJson(tasks[i]));
      out.documents += static_cast<int64_t>(tasks[i].docs.size());
      if (text.size() > kBundleBytesMax) {
        return ResourceExhausted(
            fmt::format("the tasks are larger than {} bytes; split the suite", kBundleBytesMax));
      }
    }
  }
  text += "]}";
  out.bundle_digest = Sha256Hex(text);
  RETURN_IF_ERROR(KeepBundle(BundlePath(state_dir, out.bundle_digest), out.bundle_digest, text));
  RETURN_IF_ERROR(
      KeepSuite(SuitePath(state_dir, suite.name, suite.version, out.bundle_digest), suite));
  out.suite = suite;
  return out;
}

Result<evaluation::SuiteEntry> EntryFromJson(const Json& json) {
  evaluation::SuiteEntry entry;
  ASSIGN_OR_RETURN(entry.name, JsonString(json, "name", "suite entry"));
  ASSIGN_OR_RETURN(entry.metric, JsonString(json, "metric", "suite entry"));
  ASSIGN_OR_RETURN(entry.weight_by_size, JsonBool(json, "weight_by_size", "suite entry"));
  if (JsonFind(json, "num_fewshot") != nullptr) {
    ASSIGN_OR_RETURN(entry.num_fewshot, JsonInt(json, "num_fewshot", "suite entry"));
  }
  const Json* tasks = JsonFind(json, "tasks");
  if (tasks == nullptr || !tasks->is_array()) {
    return InvalidArgument("suite entry: tasks must be a list");
  }
  for (const Json& task : *tasks) {
    if (!task.is_string()) return InvalidArgument("suite entry: tasks must be names");
    entry.tasks.push_back(task.get<std::string>());
  }
  return entry;
}

}  // namespace

Json SuiteToJson(const evaluation::Suite& suite) {
  Json entries = Json::array();
  for (const evaluation::SuiteEntry& entry : suite.entries) {
    entries.push_back({{"name", entry.name},
                       {"tasks", entry.tasks},
                       {"num_fewshot", entry.num_fewshot ? Json(*entry.num_fewshot) : Json()},
                       {"metric", entry.metric},
                       {"weight_by_size", entry.weight_by_size}});
  }
  return {{"suite", suite.name},
          {"title", suite.title},
          {"version", suite.version},
          {"profile", std::string(evaluation::ProfileName(suite.profile))},
          {"entries", std::move(entries)}};
}

Result<evaluation::Suite> SuiteFromJson(const Json& json) {
  evaluation::Suite suite;
  ASSIGN_OR_RETURN(suite.name, JsonString(json, "suite", "suite"));
  ASSIGN_OR_RETURN(suite.title, JsonString(json, "title", "suite"));
  ASSIGN_OR_RETURN(suite.version, JsonString(json, "version", "suite"));
  ASSIGN_OR_RETURN(const std::string profile, JsonString(json, "profile", "suite"));
  ASSIGN_OR_RETURN(suite.profile, evaluation::ParseProfile(profile));
  const Json* entries = JsonFind(json, "entries");
  if (entries == nullptr || !entries->is_array()) {
    return InvalidArgument("suite: entries must be a list");
  }
  for (const Json& entry : *entries) {
    ASSIGN_OR_RETURN(evaluation::SuiteEntry read, EntryFromJson(entry));
    suite.entries.push_back(std::move(read));
  }
  return suite;
}

SuiteCatalogue::SuiteCatalogue(std::string state_dir, std::vector<LoadedSuite> suites,
                               std::string default_suite)
    : state_dir_(std::move(state_dir)),
      suites_(std::move(suites)),
      default_(std::move(default_suite)) {}

Result<std::unique_ptr<SuiteCatalogue>> SuiteCatalogue::Load(const std::string& suites_dir,
                                                             const std::string& datasets_dir,
                                                             const std::string& state_dir,
                                                             const std::string& default_suite) {
  RETURN_IF_ERROR(MakePrivateFolder(state_dir));
  RETURN_IF_ERROR(MakePrivateFolder(fs::path(state_dir) / "bundles"));
  RETURN_IF_ERROR(MakePrivateFolder(fs::path(state_dir) / "suites"));
  auto found = evaluation::LoadSuites(suites_dir);
  if (!found.ok()) return found.status().WithContext("suites_dir " + suites_dir);
  std::vector<LoadedSuite> suites;
  for (const evaluation::Suite& suite : *found) {
    auto loaded = LoadOne(suite, suites_dir, datasets_dir, state_dir);
    if (!loaded.ok() && evaluation::IsDatasetUnavailable(loaded.status())) {
      spdlog::warn("suite {} is unavailable: {}", LogSafe(suite.name),
                   LogSafe(loaded.status().message()));
      LoadedSuite& missing = suites.emplace_back();
      missing.suite = suite;
      missing.unavailable = loaded.status().message();
      continue;
    }
    if (!loaded.ok()) return loaded.status().WithContext("suite " + suite.name);
    suites.push_back(std::move(*loaded));
  }
  if (suites.empty()) {
    return NotFound(fmt::format("suites_dir {} holds no suite file (*.yaml)", suites_dir));
  }
  std::string chosen = default_suite;
  if (chosen.empty() && suites.size() == 1) chosen = suites.front().suite.name;
  std::unique_ptr<SuiteCatalogue> out(
      new SuiteCatalogue(state_dir, std::move(suites), std::move(chosen)));
  if (!default_suite.empty() && out->Find(default_suite) == nullptr) {
    return NotFound(fmt::format("default_suite \"{}\" is not among the suites of {}: {}",
                                default_suite, suites_dir, out->Names()));
  }
  return out;
}

const LoadedSuite* SuiteCatalogue::Find(const std::string& name) const {
  const std::string& wanted = name.empty() ? default_ : name;
  for (const LoadedSuite& suite : suites_) {
    if (suite.suite.name == wanted) return &suite;
  }
  return nullptr;
}

std::string SuiteCatalogue::Names() const {
  std::vector<std::string> names;
  for (const LoadedSuite& suite : suites_) names.push_back(suite.suite.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<evaluation::Suite> SuiteCatalogue::SuiteOf(const core::RequestSpec& spec) const {
  const LoadedSuite* current = Find(spec.suite);
  if (current != nullptr && current->bundle_digest == spec.bundle_digest &&
      current->suite.version == spec.suite_version) {
    return current->suite;
  }
  ASSIGN_OR_RETURN(
      const std::string text,
      ReadFile(SuitePath(state_dir_, spec.suite, spec.suite_version, spec.bundle_digest),
               kSuiteFileBytesMax));
  ASSIGN_OR_RETURN(const Json json, ParseJson(text));
  return SuiteFromJson(json);
}

Result<std::unique_ptr<MappedFile>> SuiteCatalogue::OpenBundle(const std::string& digest) const {
  if (!IsDigest(digest)) {
    return InvalidArgument("a bundle's digest is 64 lower-case hexadecimal digits");
  }
  return MappedFile::Open(BundlePath(state_dir_, digest));
}

}  // namespace koeval::service
