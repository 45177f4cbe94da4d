// koeval datasets add, list, remove.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "common/base/clock.h"
#include "common/base/size_text.h"
#include "common/evaluation/dataset.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/table.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

namespace fs = std::filesystem;

constexpr size_t kDigestShown = 12;

struct DatasetFlags {
  std::string name, digest;
  std::vector<std::string> paths;
  bool is_public = false;
};

Json ToJson(const DatasetView& dataset) {
  Json splits = Json::array();
  for (const DatasetSplitView& split : dataset.splits) {
    splits.push_back({{"config", split.config},
                      {"split", split.split},
                      {"rows", split.rows},
                      {"bytes", split.bytes}});
  }
  return {
      {"name", dataset.name},         {"digest", dataset.digest},
      {"public", dataset.is_public},  {"current", dataset.is_current},
      {"splits", std::move(splits)},  {"rows", dataset.rows()},
      {"bytes", dataset.bytes()},     {"requests", dataset.requests},
      {"added_by", dataset.added_by}, {"added_at", FormatUtcMicros(WallTime{dataset.added_at_us})}};
}

// Every file with rows below `folder`, named relative to it.
Status AddFolder(const fs::path& folder, std::vector<DatasetFile>* files) {
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(folder, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (!it->is_regular_file() || !evaluation::DatasetFormatOf(it->path().string())) continue;
    files->push_back({it->path().string(), fs::relative(it->path(), folder).string()});
  }
  if (error) return InvalidArgument(folder.string() + ": " + error.message());
  return OkStatus();
}

Result<std::vector<DatasetFile>> FilesOf(const std::vector<std::string>& paths) {
  std::vector<DatasetFile> files;
  std::error_code error;
  for (const std::string& path : paths) {
    if (fs::is_directory(path, error)) {
      RETURN_IF_ERROR(AddFolder(path, &files));
    } else if (fs::is_regular_file(path, error)) {
      files.push_back({path, fs::path(path).filename().string()});
    } else {
      return InvalidArgument(path + " is neither a file nor a folder");
    }
  }
  if (files.empty()) {
    return InvalidArgument(fmt::format("no file with rows is there (a split each, in {})",
                                       evaluation::kDatasetExtensions));
  }
  std::sort(files.begin(), files.end(),
            [](const DatasetFile& a, const DatasetFile& b) { return a.name < b.name; });
  return files;
}

Status Add(Client& client, const Shell& shell, const DatasetFlags& flags) {
  ASSIGN_OR_RETURN(const auto files, FilesOf(flags.paths));
  ASSIGN_OR_RETURN(const DatasetAddedView added,
                   client.AddDataset(flags.name, flags.is_public, files));
  if (shell.json) {
    Json value = ToJson(added.dataset);
    value["already_known"] = added.already_known;
    value["suites_opened"] = added.suites_opened;
    PrintJson(Document("dataset", "dataset", std::move(value)));
    return OkStatus();
  }
  Print(fmt::format("{} {}: {} rows, {}{}\n", added.dataset.name, added.dataset.digest,
                    added.dataset.rows(), added.dataset.is_public ? "public" : "private",
                    added.already_known ? ", was there already" : ""));
  if (!added.suites_opened.empty()) {
    Print(fmt::format("now available: {}\n", fmt::join(added.suites_opened, ", ")));
  }
  return OkStatus();
}

Status List(Client& client, const Shell& shell) {
  ASSIGN_OR_RETURN(const auto datasets, client.Datasets());
  if (shell.json) {
    Json list = Json::array();
    for (const DatasetView& dataset : datasets) list.push_back(ToJson(dataset));
    PrintJson(Document("datasets", "datasets", std::move(list)));
    return OkStatus();
  }
  std::vector<std::vector<Cell>> rows;
  for (const DatasetView& dataset : datasets) {
    std::vector<std::string> splits;
    for (const DatasetSplitView& split : dataset.splits) {
      splits.push_back(split.config.empty() ? split.split : split.config + "/" + split.split);
    }
    rows.push_back({dataset.name, dataset.digest.substr(0, kDigestShown),
                    dataset.is_current ? "current" : "older",
                    dataset.is_public ? "public" : "private",
                    fmt::format("{}", fmt::join(splits, " ")), std::to_string(dataset.rows()),
                    SizeText(dataset.bytes()), std::to_string(dataset.requests), dataset.added_by,
                    FormatUtc(WallTime{dataset.added_at_us})});
  }
  Print(RenderTable(shell.terminal,
                    {{"dataset", false, 8, true},
                     {"digest"},
                     {"version"},
                     {"texts"},
                     {"splits", false, 6, true},
                     {"rows", true},
                     {"bytes", true},
                     {"requests", true},
                     {"by", false, 4, true},
                     {"added"}},
                    rows));
  return OkStatus();
}

Status Remove(Client& client, const Shell& shell, const DatasetFlags& flags) {
  ASSIGN_OR_RETURN(const DatasetRemovedView removed,
                   client.RemoveDataset(flags.name, flags.digest));
  if (shell.json) {
    PrintJson(Document(
        "dataset-removed", "dataset",
        {{"name", flags.name}, {"removed", removed.versions}, {"suites_closed", removed.suites}}));
    return OkStatus();
  }
  Print(fmt::format("{}: {} version{} removed\n", flags.name, removed.versions,
                    removed.versions == 1 ? "" : "s"));
  if (!removed.suites.empty()) {
    Print(fmt::format("now unavailable: {}\n", fmt::join(removed.suites, ", ")));
  }
  return OkStatus();
}

}  // namespace

void AddDatasetsCommands(CLI::App& app, Shell& shell) {
  CLI::App* datasets = app.add_subcommand("datasets", "Datasets of the scheduler, and of the hub");
  datasets->require_subcommand(1);
  auto flags = std::make_shared<DatasetFlags>();

  CLI::App* add = datasets->add_subcommand(
      "add", "Send files to the scheduler under a name that tasks know (role operator)");
  add->add_option("name", flags->name, "dataset_path of the tasks: NAME or ORG/NAME")->required();
  add->add_option("files", flags->paths,
                  "split.jsonl (.json, .csv, .tsv, .parquet), or a folder of them")
      ->required();
  add->add_flag("--public", flags->is_public, "Readers may see its texts in samples and results");
  add->footer(
      "A folder may hold <dataset_name>/<split>.jsonl. Adding a name again makes a new version,\n"
      "which later submissions get.\n"
      "Example:\n  koeval datasets add ko-arc-private test.jsonl train.jsonl");
  add->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      return WithClient(shell, [&](Client& c) { return Add(c, shell, *flags); });
    };
  });

  CLI::App* list = datasets->add_subcommand("list", "Every version with digest, splits and size");
  list->callback([&shell] {
    shell.command = [&shell] {
      return WithClient(shell, [&](Client& c) { return List(c, shell); });
    };
  });

  AddDatasetsFetchCommand(*datasets, shell);

  CLI::App* remove = datasets->add_subcommand(
      "remove", "Remove a dataset that no stored request was submitted with (role operator)");
  remove->add_option("name", flags->name, "The dataset")->required();
  remove->add_option("--digest", flags->digest, "This version alone");
  remove->footer("Example:\n  koeval datasets remove ko-arc-private");
  remove->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      return WithClient(shell, [&](Client& c) { return Remove(c, shell, *flags); });
    };
  });
}

}  // namespace koeval::cli
