// Suites and bundles.
#include "scheduler/service/suites.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/sha256.h"
#include "common/evaluation/generation.h"
#include "scheduler/service/limits.h"
#include "scheduler/service/private_folder.h"

namespace koeval::service {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kPrivateFile = 0600;
constexpr size_t kSuiteFileBytesMax = 16 << 20;

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

// Writes a bundle unless a whole one is there already; whether it was written.
Result<bool> KeepBundle(const std::string& path, const std::string& digest,
                        const std::string& text) {
  if (const auto old = ReadFile(path, kBundleBytesMax); old.ok() && Sha256Hex(*old) == digest) {
    return false;
  }
  RETURN_IF_ERROR(WriteFileAtomically(path, text, kPrivateFile));
  return true;
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

void AddOrigin(const evaluation::Task& task, std::vector<evaluation::DatasetOrigin>* origins) {
  if (!task.dataset) return;
  const bool known = std::any_of(origins->begin(), origins->end(), [&task](const auto& origin) {
    return origin.digest == task.dataset->digest;
  });
  if (!known) origins->push_back(*task.dataset);
}

// `datasets`, noting in `names` what is looked for among the registered ones.
evaluation::DatasetSources Noting(const evaluation::DatasetSources& datasets,
                                  std::set<std::string>* names) {
  evaluation::DatasetSources out = datasets;
  out.registered = [&datasets, names](const std::string& name) {
    names->insert(name);
    return datasets.registered ? datasets.registered(name) : std::nullopt;
  };
  return out;
}

Status AddGeneration(const evaluation::Task& task, GenerationNeed* need) {
  if (task.config.output_type != evaluation::OutputType::kGenerateUntil) return OkStatus();
  ASSIGN_OR_RETURN(const evaluation::GenerationLimits limits,
                   evaluation::ReadGenerationLimits(task.config.generation_kwargs));
  need->new_tokens = std::max(need->new_tokens, limits.max_tokens);
  need->documents = std::max(need->documents, static_cast<int64_t>(task.docs.size()));
  return OkStatus();
}

// `written` gets the path of the bundle if it is new.
Result<LoadedSuite> LoadOne(const evaluation::Suite& suite, const std::string& suites_dir,
                            const evaluation::DatasetSources& datasets,
                            const std::string& state_dir, std::vector<std::string>* written) {
  LoadedSuite out;
  std::string text = "{\"tasks\":[";
  {
    ASSIGN_OR_RETURN(
        const std::vector<evaluation::Task> tasks,
        evaluation::LoadTasks(TasksFolder(suite, suites_dir), evaluation::SuiteTasks(suite),
                              Noting(datasets, &out.dataset_names)));
    for (size_t i = 0; i < tasks.size(); ++i) {
      if (i > 0) text += ',';
      text += CompactJson(evaluation::TaskToJson(tasks[i]));
      out.documents += static_cast<int64_t>(tasks[i].docs.size());
      AddOrigin(tasks[i], &out.datasets);
      const Status read = AddGeneration(tasks[i], &out.generation);
      if (!read.ok()) {
        return read.WithContext("task " + tasks[i].config.task + ", generation_kwargs");
      }
      if (text.size() > kBundleBytesMax) {
        return ResourceExhausted(
            fmt::format("the tasks are larger than {} bytes; split the suite", kBundleBytesMax));
      }
    }
  }
  text += ']';
  if (!suite.logits_dtype.empty()) {
    text += ",\"logits_dtype\":" + CompactJson(Json(suite.logits_dtype));
  }
  text += '}';
  out.bundle_digest = Sha256Hex(text);
  const std::string path = BundlePath(state_dir, out.bundle_digest);
  ASSIGN_OR_RETURN(const bool is_new, KeepBundle(path, out.bundle_digest, text));
  if (is_new) written->push_back(path);
  RETURN_IF_ERROR(
      KeepSuite(SuitePath(state_dir, suite.name, suite.version, out.bundle_digest), suite));
  out.suite = suite;
  return out;
}

const LoadedSuite* FindIn(const std::vector<LoadedSuite>& suites, const std::string& name) {
  const auto found = std::find_if(suites.begin(), suites.end(), [&name](const LoadedSuite& suite) {
    return suite.suite.name == name;
  });
  return found == suites.end() ? nullptr : &*found;
}

bool IsDefinedAlike(const evaluation::Suite& a, const evaluation::Suite& b) {
  return a.tasks_dir == b.tasks_dir && SuiteToJson(a) == SuiteToJson(b);
}

std::string NamesOf(const std::vector<LoadedSuite>& suites) {
  std::vector<std::string> names;
  for (const LoadedSuite& suite : suites) names.push_back(suite.suite.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

// Those of `kept` that are still defined alike are taken as they are.
Result<std::unique_ptr<SuiteGeneration>> LoadAll(const std::string& suites_dir,
                                                 const evaluation::DatasetSources& datasets,
                                                 const std::string& state_dir,
                                                 const std::vector<LoadedSuite>& kept,
                                                 std::vector<std::string>* written) {
  auto found = evaluation::LoadSuites(suites_dir);
  if (!found.ok()) return found.status().WithContext("suites_dir " + suites_dir);
  auto out = std::make_unique<SuiteGeneration>();
  for (const evaluation::Suite& suite : *found) {
    const LoadedSuite* known = FindIn(kept, suite.name);
    if (known != nullptr && IsDefinedAlike(known->suite, suite)) {
      out->suites.push_back(*known);
      continue;
    }
    auto loaded = LoadOne(suite, suites_dir, datasets, state_dir, written);
    if (!loaded.ok() && evaluation::IsDatasetUnavailable(loaded.status())) {
      spdlog::warn("suite {} is unavailable: {}", LogSafe(suite.name),
                   LogSafe(loaded.status().message()));
      LoadedSuite& missing = out->suites.emplace_back();
      missing.suite = suite;
      missing.unavailable = loaded.status().message();
      continue;
    }
    if (!loaded.ok()) return loaded.status().WithContext("suite " + suite.name);
    out->suites.push_back(std::move(*loaded));
  }
  if (out->suites.empty()) {
    return NotFound(fmt::format("suites_dir {} holds no suite file (*.yaml)", suites_dir));
  }
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
  Json out = {{"suite", suite.name},
              {"title", suite.title},
              {"version", suite.version},
              {"profile", std::string(evaluation::ProfileName(suite.profile))},
              {"entries", std::move(entries)}};
  if (!suite.logits_dtype.empty()) out["logits_dtype"] = suite.logits_dtype;
  return out;
}

Result<evaluation::Suite> SuiteFromJson(const Json& json) {
  evaluation::Suite suite;
  ASSIGN_OR_RETURN(suite.name, JsonString(json, "suite", "suite"));
  ASSIGN_OR_RETURN(suite.title, JsonString(json, "title", "suite"));
  ASSIGN_OR_RETURN(suite.version, JsonString(json, "version", "suite"));
  ASSIGN_OR_RETURN(const std::string profile, JsonString(json, "profile", "suite"));
  ASSIGN_OR_RETURN(suite.profile, evaluation::ParseProfile(profile));
  if (JsonFind(json, "logits_dtype") != nullptr) {
    ASSIGN_OR_RETURN(suite.logits_dtype, JsonString(json, "logits_dtype", "suite"));
  }
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

SuiteCatalogue::SuiteCatalogue(std::string suites_dir, std::string state_dir,
                               std::string default_suite)
    : suites_dir_(std::move(suites_dir)),
      state_dir_(std::move(state_dir)),
      default_wanted_(std::move(default_suite)) {}

Result<std::unique_ptr<SuiteCatalogue>> SuiteCatalogue::Load(
    const std::string& suites_dir, const evaluation::DatasetSources& datasets,
    const std::string& state_dir, const std::string& default_suite) {
  RETURN_IF_ERROR(MakePrivateFolder(state_dir));
  RETURN_IF_ERROR(MakePrivateFolder(fs::path(state_dir) / "bundles"));
  RETURN_IF_ERROR(MakePrivateFolder(fs::path(state_dir) / "suites"));
  std::unique_ptr<SuiteCatalogue> out(new SuiteCatalogue(suites_dir, state_dir, default_suite));
  ASSIGN_OR_RETURN(auto generation, out->LoadGeneration(datasets, {}));
  RETURN_IF_ERROR(out->Publish(std::move(generation)));
  return out;
}

Result<std::unique_ptr<SuiteGeneration>> SuiteCatalogue::Prepare(
    const evaluation::DatasetSources& datasets, const std::string& changed) const {
  std::vector<LoadedSuite> kept;
  for (const LoadedSuite& suite : all()) {
    if (suite.unavailable.empty() && !suite.dataset_names.contains(changed)) kept.push_back(suite);
  }
  return LoadGeneration(datasets, kept);
}

Result<std::unique_ptr<SuiteGeneration>> SuiteCatalogue::LoadGeneration(
    const evaluation::DatasetSources& datasets, const std::vector<LoadedSuite>& kept) const {
  std::vector<std::string> written;
  auto generation = LoadAll(suites_dir_, datasets, state_dir_, kept, &written);
  if (generation.ok() && !default_wanted_.empty() &&
      FindIn((*generation)->suites, default_wanted_) == nullptr) {
    generation =
        NotFound(fmt::format("default_suite \"{}\" is not among the suites of {}: {}",
                             default_wanted_, suites_dir_, NamesOf((*generation)->suites)));
  }
  if (!generation.ok()) {
    std::error_code ignored;
    for (const std::string& path : written) fs::remove(path, ignored);
    return generation;
  }
  const auto& suites = (*generation)->suites;
  (*generation)->default_suite = default_wanted_;
  if (default_wanted_.empty() && suites.size() == 1) {
    (*generation)->default_suite = suites.front().suite.name;
  }
  return generation;
}

Status SuiteCatalogue::Publish(std::unique_ptr<const SuiteGeneration> generation) {
  MutexLock lock(mutex_);
  if (generations_.size() >= kSuiteGenerationsMax) {
    return ResourceExhausted(fmt::format(
        "the suites were loaded {} times; restart the scheduler to go on", kSuiteGenerationsMax));
  }
  generations_.push_back(std::move(generation));
  current_.store(generations_.back().get());
  return OkStatus();
}

const LoadedSuite* SuiteCatalogue::Find(const std::string& name) const {
  const SuiteGeneration& now = *current_.load();
  return FindIn(now.suites, name.empty() ? now.default_suite : name);
}

GenerationNeed SuiteCatalogue::GenerationOf(const core::RequestSpec& spec) const {
  const LoadedSuite* suite = Find(spec.suite);
  if (suite == nullptr) return {};
  GenerationNeed need = suite->generation;
  need.documents = std::min(need.documents, spec.limit.value_or(need.documents));
  return need;
}

std::string SuiteCatalogue::Names() const {
  return NamesOf(all());
}

void SuiteCatalogue::DropBundle(const std::string& digest) const {
  std::error_code ignored;
  if (IsDigest(digest)) fs::remove(BundlePath(state_dir_, digest), ignored);
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
