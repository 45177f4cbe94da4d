// Splits of datasets, by card and by name.
#include "common/hub/dataset_files.h"

#include <fmt/core.h>
#include <fnmatch.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <utility>

#include "common/base/file.h"
#include "common/evaluation/dataset.h"
#include "common/hub/model_card.h"

namespace koeval::hub {
namespace {

namespace fs = std::filesystem;

constexpr size_t kConfigsMax = 10'000;
constexpr size_t kHeadBytesMax = 4 << 20;  // of a dataset with many configurations

// (configuration, split) -> paths.
using Found = std::map<std::pair<std::string, std::string>, std::vector<std::string>>;

bool HoldsRows(const std::string& path) {
  return evaluation::DatasetFormatOf(path).has_value();
}

// A file that may hold rows by its name, in a format that is read here or not.
bool IsData(const std::string& path) {
  static constexpr std::array<std::string_view, 5> kOthers = {".arrow", ".gz", ".zip", ".zst",
                                                              ".xz"};
  // What the `datasets` library writes beside rows.
  static constexpr std::array<std::string_view, 4> kFacts = {
      "dataset_dict.json", "dataset_info.json", "dataset_infos.json", "state.json"};
  const std::string name = fs::path(path).filename().string();
  if (std::find(kFacts.begin(), kFacts.end(), name) != kFacts.end()) return false;
  const std::string extension = fs::path(path).extension().string();
  return HoldsRows(path) || std::find(kOthers.begin(), kOthers.end(), extension) != kOthers.end();
}

std::string UsualSplit(const std::string& name) {
  if (name == "training") return "train";
  if (name == "valid" || name == "val" || name == "dev") return "validation";
  if (name == "testing" || name == "eval" || name == "evaluation") return "test";
  return name;
}

Found ByNames(const RepositoryInfo& info) {
  Found found;
  for (const RepositoryFile& file : info.files) {
    if (!IsData(file.path) || file.path.starts_with('.')) continue;
    fs::path folder = fs::path(file.path).parent_path();
    std::string config;
    for (const fs::path& part : folder) {
      if (part != "data") config += (config.empty() ? "" : "/") + part.string();
    }
    const std::string split = UsualSplit(evaluation::DatasetSplitOf(file.path));
    found[{config, split}].push_back(file.path);
  }
  return found;
}

Status AddPattern(const RepositoryInfo& info, const std::string& config, const std::string& split,
                  const YAML::Node& patterns, Found& found) {
  const auto add = [&](const std::string& pattern) {
    for (const RepositoryFile& file : info.files) {
      // Without FNM_PATHNAME a star crosses slashes, so ** needs no rule of its own.
      if (::fnmatch(pattern.c_str(), file.path.c_str(), 0) == 0) {
        found[{config, split}].push_back(file.path);
      }
    }
  };
  if (patterns.IsScalar()) add(patterns.Scalar());
  if (!patterns.IsSequence()) return OkStatus();
  for (const YAML::Node& pattern : patterns) {
    if (!pattern.IsScalar()) return InvalidArgument("a path of data_files is no text");
    add(pattern.Scalar());
  }
  return OkStatus();
}

// One entry of `configs`.
Status AddConfig(const RepositoryInfo& info, const YAML::Node& entry, Found& found) {
  if (!entry.IsMap() || !entry["config_name"] || !entry["config_name"].IsScalar()) {
    return InvalidArgument("an entry of configs has no config_name");
  }
  std::string config = entry["config_name"].Scalar();
  if (config == "default") config.clear();
  if (!config.empty()) RETURN_IF_ERROR(CheckFilePath(config));
  const YAML::Node files = entry["data_files"];
  if (!files) return OkStatus();
  if (files.IsScalar()) return AddPattern(info, config, "train", files, found);
  if (!files.IsSequence()) return InvalidArgument("data_files is no list");
  for (const YAML::Node& file : files) {
    if (file.IsScalar()) {
      RETURN_IF_ERROR(AddPattern(info, config, "train", file, found));
    } else if (file.IsMap() && file["split"] && file["split"].IsScalar() && file["path"]) {
      const std::string split = file["split"].Scalar();
      RETURN_IF_ERROR(CheckFilePath(split));
      RETURN_IF_ERROR(AddPattern(info, config, split, file["path"], found));
    } else {
      return InvalidArgument("an entry of data_files has no split and path");
    }
  }
  return OkStatus();
}

Result<Found> ByCard(const RepositoryInfo& info, std::string_view readme) {
  Found found;
  const std::string head = CardHeader(readme);
  if (head.empty()) return found;
  if (head.size() > kHeadBytesMax) {
    return InvalidArgument(
        fmt::format("{}: the head of README.md has {} bytes, at most {} are read", info.id,
                    head.size(), kHeadBytesMax));
  }
  try {
    const YAML::Node card = YAML::Load(head);
    const YAML::Node configs = card.IsMap() ? card["configs"] : YAML::Node();
    if (!configs || !configs.IsSequence()) return found;
    if (configs.size() > kConfigsMax) return InvalidArgument("README.md has too many configs");
    for (const YAML::Node& entry : configs) {
      const Status status = AddConfig(info, entry, found);
      if (!status.ok()) return status.WithContext(info.id + ": the head of README.md");
    }
  } catch (const YAML::Exception& error) {
    return InvalidArgument(
        fmt::format("{}: the head of README.md is no YAML: {}", info.id, error.what()));
  }
  return found;
}

Status NotRead(const RepositoryInfo& info, const std::string& path, std::string_view why) {
  return Unimplemented(fmt::format(
      "{}: {} {}; load the dataset with Hugging Face's `datasets`, write each split with "
      "to_json(\"SPLIT.jsonl\") and put the files below the datasets folder",
      info.id, path, why));
}

Result<DatasetSplit> MakeSplit(const RepositoryInfo& info, const std::string& config,
                               const std::string& split, std::vector<std::string> paths) {
  std::sort(paths.begin(), paths.end());
  paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
  const std::string extension = fs::path(paths.front()).extension().string();
  for (const std::string& path : paths) {
    if (!HoldsRows(path)) return NotRead(info, path, "is of a format that is not read");
    if (fs::path(path).extension() != extension) {
      return NotRead(info, path, "has another format than the rest of its split");
    }
  }
  return DatasetSplit{config, split, extension, std::move(paths)};
}

// Name of a file -> the files that it is made of.
using Parts = std::map<std::string, std::vector<std::string>>;

Parts PartsOf(const DatasetSplit& split) {
  const size_t count = split.paths.size();
  if (count == 1 || split.extension == ".jsonl") {
    return {{split.split + split.extension, split.paths}};
  }
  Parts parts;
  for (size_t i = 0; i < count; ++i) {
    parts[fmt::format("{}-{:05}-of-{:05}{}", split.split, i, count, split.extension)] = {
        split.paths[i]};
  }
  return parts;
}

// `by_line`: the last line of each file is ended.
Status Join(const std::vector<std::string>& sources, const std::string& dir, bool by_line,
            const std::string& path) {
  ASSIGN_OR_RETURN(const auto file, AtomicFile::Create(path));
  for (const std::string& source : sources) {
    ASSIGN_OR_RETURN(const auto bytes, MappedFile::Open(dir + "/" + source));
    RETURN_IF_ERROR(file->Append(bytes->bytes()));
    if (by_line && !bytes->bytes().ends_with('\n')) RETURN_IF_ERROR(file->Append("\n"));
  }
  return file->Commit();
}

// What an earlier revision had of the split would be read beside the new files.
void RemoveOthers(const fs::path& folder, const std::string& split, const Parts& parts) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    const std::string name = at->path().filename().string();
    const bool same_split = HoldsRows(name) && evaluation::DatasetSplitOf(name) == split;
    std::error_code ignored;
    if (same_split && !parts.contains(name)) fs::remove(at->path(), ignored);
  }
}

std::string NamesOf(const Found& found) {
  std::string out;
  for (const auto& [key, paths] : found) {
    if (out.find("\"" + key.first + "\"") != std::string::npos) continue;
    out += (out.empty() ? "\"" : ", \"") + key.first + "\"";
  }
  return out;
}

}  // namespace

Result<std::vector<DatasetSplit>> FindDatasetSplits(const RepositoryInfo& info,
                                                    std::string_view readme,
                                                    const std::string& only) {
  ASSIGN_OR_RETURN(Found found, ByCard(info, readme));
  if (found.empty()) found = ByNames(info);
  if (found.empty()) return NotFound(info.id + " has no files with rows");
  std::vector<DatasetSplit> splits;
  for (auto& [key, paths] : found) {
    if (!only.empty() && key.first != only) continue;
    ASSIGN_OR_RETURN(DatasetSplit split, MakeSplit(info, key.first, key.second, std::move(paths)));
    splits.push_back(std::move(split));
  }
  if (!splits.empty()) return splits;
  return NotFound(
      fmt::format("{} has no configuration \"{}\"; it has {}", info.id, only, NamesOf(found)));
}

Result<std::vector<std::string>> WriteDatasetSplits(const std::vector<DatasetSplit>& splits,
                                                    const std::string& dir, const std::string& id,
                                                    const std::string& datasets_dir) {
  std::vector<std::string> written;
  for (const DatasetSplit& split : splits) {
    const fs::path folder = (fs::path(datasets_dir) / id / split.config).lexically_normal();
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
      return Unavailable(fmt::format("cannot make {}: {}", folder.string(), error.message()));
    const auto parts = PartsOf(split);
    for (const auto& [name, sources] : parts) {
      const std::string path = (folder / name).string();
      RETURN_IF_ERROR(Join(sources, dir, split.extension == ".jsonl", path));
      written.push_back(path);
    }
    RemoveOthers(folder, split.split, parts);
  }
  return written;
}

}  // namespace koeval::hub
