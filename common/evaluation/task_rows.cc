// The rows of a task: where its definition says that they lie, and what shots are taken from.
#include "common/evaluation/task_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>

#include "common/base/endings.h"
#include "common/evaluation/builtin.h"
#include "common/evaluation/dataset.h"
#include "common/evaluation/task_config.h"

namespace koeval::evaluation {
namespace {

namespace fs = std::filesystem;

// As every failure that has an ending begins.
std::string UnavailablePrefix() {
  return std::string(EndingName(Ending::kDatasetUnavailable)) + ": ";
}

// Where the rows of each split lie, and how to read them.
struct Source {
  std::map<std::string, std::vector<std::string>> files;
  DatasetOptions options;
  std::optional<DatasetOrigin> registered;
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
  } else if (key == "header") {
    // Only with column_names, which say the same.
    if (!value.is_null()) return wrong("null, with column_names");
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

// Options of the `datasets` library that a file needs none of.
const std::set<std::string> kHarmlessOptions = {"trust_remote_code", "revision", "streaming",
                                                "verification_mode"};

// The format of dataset_path where it names a builder of the `datasets` library.
std::optional<DatasetFormat> BuilderFormat(const std::string& name) {
  if (name == "json") return DatasetFormat::kJson;
  if (name == "csv") return DatasetFormat::kCsv;
  if (name == "tsv") return DatasetFormat::kTsv;
  if (name == "parquet") return DatasetFormat::kParquet;
  return std::nullopt;
}

// A folder with a file per split, or its parts: test.jsonl, train-00000-of-00002.parquet, ...
Status AddFolder(const std::string& folder, Source& source) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.is_regular_file() && DatasetFormatOf(entry.path().string())) {
      source.files[DatasetSplitOf(entry.path().string())].push_back(entry.path().string());
    }
  }
  for (auto& [split, files] : source.files) std::sort(files.begin(), files.end());
  return OkStatus();
}

bool HasParentSteps(const fs::path& path) {
  return std::any_of(path.begin(), path.end(), [](const fs::path& part) { return part == ".."; });
}

// The folder of a registered dataset; NOT_FOUND when it has none for `inner`.
Result<fs::path> RegisteredFolder(const Definition& definition, const RegisteredDataset& registered,
                                  const std::string& inner) {
  std::error_code ignored;
  const fs::path folder = fs::path(registered.folder) / inner;
  if (fs::is_directory(folder, ignored)) return folder;
  return NotFound(fmt::format(
      "{}{}: the registered dataset \"{}\" has no part \"{}\"; add it again with files "
      "{}/<split>.jsonl",
      UnavailablePrefix(), definition.Place("dataset_name"), registered.origin.name, inner, inner));
}

// The folder, or the one file, of a dataset that is named by `name` and dataset_name: a registered
// one, else below the datasets folder, else beside the task file or in the working directory.
Result<fs::path> FindDataset(const Definition& definition, const std::string& name,
                             const DatasetSources& datasets, Source& source) {
  const Json* part = JsonFind(definition.merged, "dataset_name");
  const std::string inner = part != nullptr && part->is_string() ? part->get<std::string>() : "";
  std::error_code ignored;
  const fs::path below = fs::path(datasets.folder) / name / inner;
  const bool is_inside = !fs::path(name).is_absolute() && !fs::path(inner).is_absolute() &&
                         !HasParentSteps(name) && !HasParentSteps(inner);
  if (datasets.registered && is_inside) {
    if (auto registered = datasets.registered(name)) {
      source.registered = registered->origin;
      return RegisteredFolder(definition, *registered, inner);
    }
  }
  if (!datasets.folder.empty() && is_inside && fs::is_directory(below, ignored)) return below;
  const fs::path local = Resolve(name, definition.path);
  if (fs::exists(local, ignored)) {
    return !inner.empty() && fs::is_directory(local / inner, ignored) ? local / inner : local;
  }
  const std::string remedy =
      datasets.folder.empty()
          ? "name the folder of datasets that holds it (datasets_dir of the scheduler, "
            "--datasets-dir of koeval)"
          : fmt::format(
                "bring them with `koeval datasets fetch {}`, or put a file for each split "
                "(test.jsonl, ...) into {}",
                name, below.lexically_normal().string());
  return NotFound(
      fmt::format("{}{}: the rows of \"{}\" are not here; {}, or give files under "
                  "dataset_kwargs.data_files",
                  UnavailablePrefix(), definition.Place("dataset_path"),
                  inner.empty() ? name : name + "/" + inner, remedy));
}

Result<Source> FindSource(const Definition& definition, const DatasetSources& datasets) {
  Source source;
  const std::string place = definition.Place("dataset_path");
  const Json* path = JsonFind(definition.merged, "dataset_path");
  const std::string name = path != nullptr && path->is_string() ? path->get<std::string>() : "";
  bool set_delimiter = false, set_quoting = false;
  if (const Json* kwargs = JsonFind(definition.merged, "dataset_kwargs")) {
    const std::string where = definition.Place("dataset_kwargs");
    if (!kwargs->is_object()) return InvalidArgument(where + ": must be a mapping");
    for (const auto& [key, value] : kwargs->items()) {
      if (key == "data_files" && value.is_object()) {
        for (const auto& [split, files] : value.items()) {
          RETURN_IF_ERROR(AddFiles(files, split, where, definition.path, source));
        }
      } else if (key == "data_files") {
        RETURN_IF_ERROR(AddFiles(value, "train", where, definition.path, source));
      } else if (!kHarmlessOptions.contains(key)) {
        set_delimiter |= key == "sep" || key == "delimiter";
        set_quoting |= key == "quoting";
        RETURN_IF_ERROR(ReadTableOption(key, value, where, source.options));
      }
    }
  }
  const std::optional<DatasetFormat> builder = BuilderFormat(name);
  if (!builder) {
    if (name.empty() || !source.files.empty()) {
      return InvalidArgument(
          fmt::format("{}: \"{}\" is neither json, csv, tsv nor parquet, which "
                      "dataset_kwargs.data_files needs",
                      place, name));
    }
    ASSIGN_OR_RETURN(const fs::path found, FindDataset(definition, name, datasets, source));
    std::error_code ignored;
    if (fs::is_directory(found, ignored)) {
      RETURN_IF_ERROR(AddFolder(found.string(), source));
    } else {
      source.files["train"].push_back(found.string());
    }
  }
  // A builder's name decides, but csv reads .tsv too; else the first file's name does.
  source.options.format = builder.value_or(DatasetFormat::kJson);
  if (!source.files.empty() && (!builder || builder == DatasetFormat::kCsv)) {
    const auto named = DatasetFormatOf(source.files.begin()->second.front());
    if (named && (!builder || named == DatasetFormat::kTsv)) source.options.format = *named;
  }
  // A .tsv has tabs, and its quotes are text.
  if (source.options.format == DatasetFormat::kTsv) {
    if (!set_delimiter) source.options.delimiter = '\t';
    if (!set_quoting) source.options.quoting = false;
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
        "{}: task {}: the dataset has no split \"{}\"; it has {}", definition.path, config.task,
        split, known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
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

}  // namespace

bool IsDatasetUnavailable(const Status& status) {
  return status.message().find(UnavailablePrefix()) != std::string::npos;
}

Result<Task> LoadTaskRows(Definition definition, const DatasetSources& datasets) {
  Task task;
  ASSIGN_OR_RETURN(task.config, ReadTaskConfig(definition));
  task.notes = definition.notes;
  ASSIGN_OR_RETURN(const Source source, FindSource(definition, datasets));
  task.dataset = source.registered;
  const TaskConfig& config = task.config;
  const std::string evaluated =
      config.test_split.empty() ? config.validation_split : config.test_split;
  if (evaluated.empty()) {
    return InvalidArgument(definition.Place("test_split") +
                           ": name the split to evaluate (test_split or validation_split)");
  }
  ASSIGN_OR_RETURN(task.docs, LoadSplit(definition, source, config, evaluated));
  if (task.docs.empty()) {
    return InvalidArgument(fmt::format("{}: task {}: split \"{}\" has no rows", definition.path,
                                       config.task, evaluated));
  }
  const Json* fewshot = JsonFind(definition.merged, "fewshot_config");
  const Json* samples = fewshot == nullptr ? nullptr : JsonFind(*fewshot, "samples");
  if (config.fewshot_split.empty() && samples != nullptr) {
    const bool rows =
        samples->is_array() && std::all_of(samples->begin(), samples->end(),
                                           [](const Json& row) { return row.is_object(); });
    if (!rows) {
      return InvalidArgument(definition.Place("fewshot_config") +
                             ": samples must be a list of mappings");
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

}  // namespace koeval::evaluation
