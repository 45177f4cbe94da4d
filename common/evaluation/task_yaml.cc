// Task files: the harness's YAML format into TaskConfig, with the datasets that they name.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "common/evaluation/builtin.h"
#include "common/evaluation/dataset.h"
#include "common/evaluation/metrics.h"
#include "common/evaluation/task.h"
#include "common/evaluation/yaml_value.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

constexpr int kIncludesMax = 16;
constexpr int64_t kTaskFilesMax = 100'000;

// Keys that decide nothing here.
const std::set<std::string> kIgnored = {"tag",         "should_decontaminate",
                                        "unsafe_code", "doc_to_decontamination_query",
                                        "group_alias", "generation_kwargs"};
const std::set<std::string> kUnderstood = {"task",
                                           "task_alias",
                                           "include",
                                           "dataset_path",
                                           "dataset_name",
                                           "dataset_kwargs",
                                           "training_split",
                                           "validation_split",
                                           "test_split",
                                           "fewshot_split",
                                           "process_docs",
                                           "doc_to_text",
                                           "doc_to_target",
                                           "doc_to_choice",
                                           "process_results",
                                           "description",
                                           "target_delimiter",
                                           "fewshot_delimiter",
                                           "fewshot_config",
                                           "num_fewshot",
                                           "metric_list",
                                           "output_type",
                                           "repeats",
                                           "metadata",
                                           "profile_overrides"};
// Keys of the harness that would change a result and are not supported.
const std::set<std::string> kRefused = {"filter_list",    "gen_prefix",   "use_prompt",  "group",
                                        "custom_dataset", "doc_to_image", "doc_to_audio"};

// Keys of fewshot_config that write shots otherwise than documents.
const std::set<std::string> kShotKeys = {"doc_to_text", "doc_to_target", "doc_to_choice",
                                         "target_delimiter", "fewshot_delimiter"};

// A task file with its includes merged: the file's own keys win.
struct Definition {
  YamlFile file;
  Json merged;
};

size_t EditDistance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t up = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = up;
    }
  }
  return row[b.size()];
}

std::string NearestKey(const std::string& key) {
  std::string best;
  for (const std::string& known : kUnderstood) {
    if (best.empty() || EditDistance(key, known) < EditDistance(key, best)) best = known;
  }
  return best;
}

Status CheckKeys(const YamlFile& file) {
  for (const auto& [key, value] : file.value.items()) {
    if (kUnderstood.contains(key) || kIgnored.contains(key)) continue;
    if (kRefused.contains(key) && value.is_null()) continue;
    if (kRefused.contains(key)) {
      return Unimplemented(file.Place(key) +
                           ": is not supported; remove it, or evaluate this task "
                           "with the harness itself");
    }
    return InvalidArgument(
        fmt::format("{}: unknown key; did you mean {}?", file.Place(key), NearestKey(key)));
  }
  return OkStatus();
}

Result<Definition> ReadDefinition(const std::string& path, int includes_left) {
  if (includes_left == 0) {
    return InvalidArgument(fmt::format("{}: more than {} includes", path, kIncludesMax));
  }
  Definition definition;
  ASSIGN_OR_RETURN(definition.file, ReadYamlFile(path));
  RETURN_IF_ERROR(CheckKeys(definition.file));
  definition.merged = Json::object();
  if (const Json* include = JsonFind(definition.file.value, "include")) {
    const Json list = include->is_array() ? *include : Json::array({*include});
    for (const Json& name : list) {
      if (!name.is_string()) {
        return InvalidArgument(definition.file.Place("include") + ": must be the path of a file");
      }
      const fs::path included = fs::path(path).parent_path() / name.get<std::string>();
      ASSIGN_OR_RETURN(const Definition base, ReadDefinition(included.string(), includes_left - 1));
      for (const auto& [key, value] : base.merged.items()) definition.merged[key] = value;
    }
  }
  for (const auto& [key, value] : definition.file.value.items()) {
    if (key != "include") definition.merged[key] = value;
  }
  return definition;
}

// Typed look-ups in a definition; the first error sticks.
class Reader {
 public:
  explicit Reader(const Definition& definition) : d_(definition) {}

  const Json* Find(const char* key) const { return JsonFind(d_.merged, key); }
  std::string Text(const char* key, std::string fallback = "") {
    const Json* value = Find(key);
    if (value == nullptr) return fallback;
    if (value->is_string()) return value->get<std::string>();
    Fail(key, "must be text");
    return fallback;
  }
  Json Any(const char* key) const {
    const Json* value = Find(key);
    return value == nullptr ? Json(nullptr) : *value;
  }
  std::optional<int64_t> Int(const char* key) {
    const Json* value = Find(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_integer() && value->get<int64_t>() >= 0) return value->get<int64_t>();
    Fail(key, "must be a whole number that is not negative");
    return std::nullopt;
  }
  void Fail(const std::string& key, const std::string& what) {
    if (status_.ok()) status_ = InvalidArgument(d_.file.Place(key) + ": " + what);
  }
  const Status& status() const { return status_; }

 private:
  const Definition& d_;
  Status status_;
};

void ReadMetrics(Reader& reader, TaskConfig& config) {
  const Json* list = reader.Find("metric_list");
  if (list == nullptr) {
    if (config.output_type == OutputType::kMultipleChoice) {
      config.metrics = {{"acc", "mean", true}, {"acc_norm", "mean", true}};
    } else {
      config.metrics = {{"perplexity", "perplexity", false}, {"acc", "mean", true}};
    }
    return;
  }
  if (!list->is_array()) return reader.Fail("metric_list", "must be a list");
  for (const Json& item : *list) {
    const Json* name = JsonFind(item, "metric");
    if (name == nullptr || !name->is_string()) {
      return reader.Fail("metric_list", "every entry needs a \"metric\"");
    }
    MetricConfig metric;
    metric.metric = name->get<std::string>();
    if (const Json* aggregation = JsonFind(item, "aggregation")) {
      if (!aggregation->is_string())
        return reader.Fail("metric_list", "aggregation must be a name");
      metric.aggregation = aggregation->get<std::string>();
    }
    if (const Json* higher = JsonFind(item, "higher_is_better")) {
      if (!higher->is_boolean()) {
        return reader.Fail("metric_list", "higher_is_better must be true or false");
      }
      metric.higher_is_better = higher->get<bool>();
    } else {
      metric.higher_is_better = metric.metric != "perplexity";
    }
    config.metrics.push_back(std::move(metric));
  }
}

void ReadFewshotConfig(Reader& reader, TaskConfig& config) {
  const Json* fewshot = reader.Find("fewshot_config");
  if (fewshot == nullptr) return;
  if (!fewshot->is_object()) return reader.Fail("fewshot_config", "must be a mapping");
  for (const auto& [key, value] : fewshot->items()) {
    if (key == "sampler" && (value == "default" || value == "first_n")) {
      config.fewshot_sampler = value.get<std::string>();
    } else if (key == "split" && value.is_string()) {
      config.fewshot_split = value.get<std::string>();
    } else if (kShotKeys.contains(key)) {
      config.fewshot_config[key] = value;
    } else if (key != "samples") {
      return reader.Fail("fewshot_config",
                         fmt::format("\"{}\" is not supported; known are sampler (default, "
                                     "first_n), split, samples, {}",
                                     key, fmt::join(kShotKeys, ", ")));
    }
  }
}

void ReadOverrides(Reader& reader, TaskConfig& config) {
  config.overrides = reader.Any("profile_overrides");
  if (config.overrides.is_null()) {
    config.overrides = Json::object();
    return;
  }
  if (!config.overrides.is_object()) return reader.Fail("profile_overrides", "must be a mapping");
  for (const auto& [key, value] : config.overrides.items()) {
    if (key != "shuffle_documents" || !value.is_boolean()) {
      return reader.Fail("profile_overrides",
                         fmt::format("\"{}\": known is shuffle_documents: true or false", key));
    }
  }
}

void ReadOutputType(Reader& reader, TaskConfig& config) {
  const std::string type = reader.Text("output_type", "generate_until");
  if (type == "multiple_choice") {
    config.output_type = OutputType::kMultipleChoice;
  } else if (type == "loglikelihood") {
    config.output_type = OutputType::kLoglikelihood;
  } else {
    reader.Fail("output_type",
                fmt::format("\"{}\" is not supported; use multiple_choice or loglikelihood", type));
  }
}

void ReadVersion(Reader& reader, TaskConfig& config) {
  const Json* metadata = reader.Find("metadata");
  if (metadata == nullptr) return;
  if (!metadata->is_object()) return reader.Fail("metadata", "must be a mapping");
  if (const Json* version = JsonFind(*metadata, "version")) {
    config.version = version->is_string() ? version->get<std::string>() : version->dump();
  }
}

Result<TaskConfig> ReadConfig(const Definition& definition) {
  Reader reader(definition);
  TaskConfig config;
  config.raw = definition.merged;
  config.task = reader.Text("task");
  config.task_alias = reader.Text("task_alias");
  ReadOutputType(reader, config);
  config.training_split = reader.Text("training_split");
  config.validation_split = reader.Text("validation_split");
  config.test_split = reader.Text("test_split");
  config.fewshot_split = reader.Text("fewshot_split");
  config.doc_to_text = reader.Any("doc_to_text");
  config.doc_to_target = reader.Any("doc_to_target");
  config.doc_to_choice = reader.Any("doc_to_choice");
  config.description = reader.Text("description");
  config.target_delimiter = reader.Text("target_delimiter", " ");
  config.fewshot_delimiter = reader.Text("fewshot_delimiter", "\n\n");
  config.num_fewshot = reader.Int("num_fewshot");
  config.process_docs = reader.Text("process_docs");
  config.process_results = reader.Text("process_results");
  ReadMetrics(reader, config);
  ReadFewshotConfig(reader, config);
  ReadOverrides(reader, config);
  ReadVersion(reader, config);
  if (reader.Int("repeats").value_or(1) != 1) reader.Fail("repeats", "only 1 is supported");
  if (!config.process_docs.empty() && !IsDocsBuiltin(config.process_docs)) {
    reader.Fail("process_docs", "unknown built-in; known: " + DocsBuiltins());
  }
  RETURN_IF_ERROR(reader.status());
  const Status metrics = CheckMetrics(config);
  if (!metrics.ok()) return metrics.WithContext(definition.file.path);
  return config;
}

// Where the rows of each split lie, and how to read them.
struct Source {
  std::map<std::string, std::vector<std::string>> files;
  DatasetOptions options;
};

std::string Resolve(const std::string& path, const std::string& task_file) {
  if (fs::path(path).is_absolute()) return path;
  const fs::path beside = fs::path(task_file).parent_path() / path;
  std::error_code ignored;
  return fs::exists(beside, ignored) ? beside.string() : path;
}

Status AddFiles(const Json& value, const std::string& split, const std::string& place,
                const std::string& task_file, Source& source) {
  const Json list = value.is_array() ? value : Json::array({value});
  for (const Json& path : list) {
    if (!path.is_string()) return InvalidArgument(place + ": data_files must name files");
    source.files[split].push_back(Resolve(path.get<std::string>(), task_file));
  }
  return OkStatus();
}

Status ReadTableOption(const std::string& key, const Json& value, const std::string& place,
                       DatasetOptions& options) {
  const auto wrong = [&](const char* wanted) {
    return InvalidArgument(fmt::format("{}: {} must be {}", place, key, wanted));
  };
  if (key == "field") {
    if (!value.is_string()) return wrong("text");
    options.field = value.get<std::string>();
  } else if (key == "sep" || key == "delimiter") {
    if (!value.is_string() || value.get<std::string>().size() != 1) return wrong("one character");
    options.delimiter = value.get<std::string>()[0];
  } else if (key == "quoting") {
    // pandas: 3 is QUOTE_NONE.
    if (!value.is_boolean() && !value.is_number_integer()) return wrong("true, false or 0 to 3");
    options.quoting = value.is_boolean() ? value.get<bool>() : value.get<int64_t>() != 3;
  } else if (key == "dtype") {
    if (value != "str") return wrong("str");
    options.all_text = true;
  } else if (key == "skiprows") {
    if (!value.is_number_integer() || value.get<int64_t>() < 0) return wrong("a whole number");
    options.skip_rows = value.get<int64_t>();
  } else if (key == "column_names" || key == "names") {
    if (!value.is_array()) return wrong("a list of names");
    for (const Json& name : value) {
      if (!name.is_string()) return wrong("a list of names");
      options.column_names.push_back(name.get<std::string>());
    }
  } else {
    return InvalidArgument(
        fmt::format("{}: \"{}\" is not known; known are data_files, field, sep, quoting, skiprows, "
                    "column_names, dtype",
                    place, key));
  }
  return OkStatus();
}

// A folder with one file per split: test.jsonl, train.csv, ...
Status AddFolder(const std::string& folder, Source& source) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    static const std::set<std::string> kExtensions = {".jsonl", ".json", ".csv", ".tsv"};
    if (entry.is_regular_file() && kExtensions.contains(entry.path().extension().string())) {
      source.files[entry.path().stem().string()].push_back(entry.path().string());
    }
  }
  return OkStatus();
}

Result<Source> FindSource(const Definition& definition) {
  Source source;
  const std::string place = definition.file.Place("dataset_path");
  const Json* path = JsonFind(definition.merged, "dataset_path");
  const std::string name = path != nullptr && path->is_string() ? path->get<std::string>() : "";
  bool set_delimiter = false, set_quoting = false;
  if (const Json* kwargs = JsonFind(definition.merged, "dataset_kwargs")) {
    const std::string where = definition.file.Place("dataset_kwargs");
    if (!kwargs->is_object()) return InvalidArgument(where + ": must be a mapping");
    for (const auto& [key, value] : kwargs->items()) {
      if (key == "data_files" && value.is_object()) {
        for (const auto& [split, files] : value.items()) {
          RETURN_IF_ERROR(AddFiles(files, split, where, definition.file.path, source));
        }
      } else if (key == "data_files") {
        RETURN_IF_ERROR(AddFiles(value, "train", where, definition.file.path, source));
      } else {
        set_delimiter |= key == "sep" || key == "delimiter";
        set_quoting |= key == "quoting";
        RETURN_IF_ERROR(ReadTableOption(key, value, where, source.options));
      }
    }
  }
  if (name != "json" && name != "csv" && name != "tsv") {
    const std::string local = Resolve(name, definition.file.path);
    std::error_code ignored;
    if (name.empty() || !source.files.empty() || !fs::exists(local, ignored)) {
      return NotFound(
          fmt::format("{}: \"{}\" is neither json, csv, tsv nor a folder or file here; give the "
                      "files of each split under "
                      "dataset_kwargs.data_files",
                      place, name));
    }
    if (fs::is_directory(local, ignored)) {
      RETURN_IF_ERROR(AddFolder(local, source));
    } else {
      source.files["train"].push_back(local);
    }
  }
  // The format follows the first file's name: a .tsv has tabs, and its quotes are text.
  std::string extension = name == "csv" || name == "tsv" ? "." + name : ".jsonl";
  if (!source.files.empty() && name != "json" && name != "tsv") {
    extension = fs::path(source.files.begin()->second.front()).extension().string();
  }
  if (extension == ".tsv") {
    source.options.format = DatasetFormat::kTsv;
    if (!set_delimiter) source.options.delimiter = '\t';
    if (!set_quoting) source.options.quoting = false;
  } else if (extension == ".csv" || name == "csv") {
    source.options.format = DatasetFormat::kCsv;
  }
  return source;
}

Result<std::vector<Json>> LoadSplit(const Definition& definition, const Source& source,
                                    const TaskConfig& config, const std::string& split) {
  const auto found = source.files.find(split);
  if (found == source.files.end()) {
    std::vector<std::string> known;
    for (const auto& [name, files] : source.files) known.push_back(name);
    return NotFound(fmt::format(
        "{}: task {}: the dataset has no split \"{}\"; it has {}", definition.file.path,
        config.task, split, known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
  }
  std::vector<Json> rows;
  for (const std::string& path : found->second) {
    auto part = ReadDatasetFile(path, source.options);
    if (!part.ok()) return part.status().WithContext("task " + config.task);
    rows.insert(rows.end(), part->begin(), part->end());
  }
  if (config.process_docs.empty()) return rows;
  auto processed = RunDocsBuiltin(config.process_docs, std::move(rows));
  if (!processed.ok()) return processed.status().WithContext("task " + config.task);
  return processed;
}

Result<Task> LoadTask(const std::string& path) {
  ASSIGN_OR_RETURN(const Definition definition, ReadDefinition(path, kIncludesMax));
  Task task;
  ASSIGN_OR_RETURN(task.config, ReadConfig(definition));
  ASSIGN_OR_RETURN(const Source source, FindSource(definition));
  const TaskConfig& config = task.config;
  const std::string evaluated =
      config.test_split.empty() ? config.validation_split : config.test_split;
  if (evaluated.empty()) {
    return InvalidArgument(definition.file.Place("test_split") +
                           ": name the split to evaluate (test_split or validation_split)");
  }
  ASSIGN_OR_RETURN(task.docs, LoadSplit(definition, source, config, evaluated));
  if (task.docs.empty()) {
    return InvalidArgument(
        fmt::format("{}: task {}: split \"{}\" has no rows", path, config.task, evaluated));
  }
  const Json* fewshot = JsonFind(definition.merged, "fewshot_config");
  const Json* samples = fewshot == nullptr ? nullptr : JsonFind(*fewshot, "samples");
  if (config.fewshot_split.empty() && samples != nullptr) {
    if (!samples->is_array()) {
      return InvalidArgument(definition.file.Place("fewshot_config") + ": samples must be a list");
    }
    task.fewshot_docs.assign(samples->begin(), samples->end());
    return task;
  }
  const std::array<std::string, 4> pools = {config.fewshot_split, config.training_split,
                                            config.validation_split, config.test_split};
  const std::string pool = *std::find_if(pools.begin(), pools.end(),
                                         [](const std::string& name) { return !name.empty(); });
  task.fewshot_pool_is_docs = pool == evaluated;
  if (!task.fewshot_pool_is_docs) {
    ASSIGN_OR_RETURN(task.fewshot_docs, LoadSplit(definition, source, config, pool));
  }
  return task;
}

// Task name -> file, and what kept a file from being read.
struct Folder {
  std::map<std::string, std::string> tasks;
  Status first_error;
};

Result<Folder> ScanFolder(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return NotFound("there is no folder of tasks " + folder);
  }
  Folder out;
  int64_t files = 0;
  std::vector<std::string> paths;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string extension = it->path().extension().string();
    if (extension == ".yaml" || extension == ".yml") paths.push_back(it->path().string());
    if (++files > kTaskFilesMax) {
      return ResourceExhausted(fmt::format("{} has more than {} files", folder, kTaskFilesMax));
    }
  }
  std::sort(paths.begin(), paths.end());
  for (const std::string& path : paths) {
    const auto file = ReadYamlFile(path);
    if (!file.ok()) {
      if (out.first_error.ok()) out.first_error = file.status();
      continue;
    }
    const Json* task = JsonFind(file->value, "task");
    if (task == nullptr || !task->is_string())
      continue;  // a file for others to include, or a group
    const auto [known, fresh] = out.tasks.emplace(task->get<std::string>(), path);
    if (!fresh) {
      return InvalidArgument(fmt::format("task {} is defined twice: in {} and in {}", known->first,
                                         known->second, path));
    }
  }
  return out;
}

}  // namespace

Result<std::vector<TaskListing>> ListTasks(const std::string& folder) {
  ASSIGN_OR_RETURN(const Folder scanned, ScanFolder(folder));
  RETURN_IF_ERROR(scanned.first_error);
  std::vector<TaskListing> out;
  for (const auto& [task, file] : scanned.tasks) out.push_back({task, file});
  return out;
}

Result<std::vector<Task>> LoadTasks(const std::string& folder,
                                    const std::vector<std::string>& names) {
  ASSIGN_OR_RETURN(const Folder scanned, ScanFolder(folder));
  std::vector<Task> tasks;
  for (const std::string& name : names) {
    const auto found = scanned.tasks.find(name);
    if (found == scanned.tasks.end()) {
      RETURN_IF_ERROR(scanned.first_error);
      std::vector<std::string> known;
      for (const auto& [task, file] : scanned.tasks) known.push_back(task);
      return NotFound(
          fmt::format("no task \"{}\" in {}; there is {}", name, folder,
                      known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
    }
    ASSIGN_OR_RETURN(Task task, LoadTask(found->second));
    tasks.push_back(std::move(task));
  }
  return tasks;
}

}  // namespace koeval::evaluation
