// koeval datasets fetch: rows of a dataset of the hub into the datasets folder.
#include <fmt/format.h>

#include <cstdio>

#include "common/base/cancel.h"
#include "common/base/file.h"
#include "common/hub/dataset_files.h"
#include "scheduler/cli/commands.h"
#include "scheduler/cli/exit_code.h"
#include "scheduler/cli/hub_flags.h"
#include "scheduler/cli/view_json.h"

namespace koeval::cli {
namespace {

constexpr size_t kReadmeBytesMax = 16 << 20;
constexpr char kReadme[] = "README.md";

struct FetchFlags {
  HubFlags hub;
  std::string id, revision = "main", config, datasets_dir;
};

Status FetchDataset(const Shell& shell, const FetchFlags& flags) {
  using hub::RepositoryKind;
  ASSIGN_OR_RETURN(const auto cache, hub::OpenHubCache(SettingsOf(flags.hub)));
  const Cancel cancel;
  ASSIGN_OR_RETURN(const hub::Snapshot card,
                   cache->Fetch(
                       RepositoryKind::kDataset, flags.id, flags.revision,
                       [](const hub::RepositoryInfo&) { return std::vector<std::string>{kReadme}; },
                       nullptr, cancel));
  const auto readme = ReadFile(card.dir + "/" + kReadme, kReadmeBytesMax);
  ASSIGN_OR_RETURN(const auto splits,
                   hub::FindDatasetSplits(card.info, readme.ok() ? *readme : "", flags.config));
  std::vector<std::string> paths;
  for (const hub::DatasetSplit& split : splits) {
    paths.insert(paths.end(), split.paths.begin(), split.paths.end());
  }
  ASSIGN_OR_RETURN(
      const hub::Snapshot data,
      cache->Fetch(
          RepositoryKind::kDataset, flags.id, card.info.commit,
          [&](const hub::RepositoryInfo&) { return paths; }, DownloadProgress(), cancel));
  ASSIGN_OR_RETURN(const auto written,
                   hub::WriteDatasetSplits(splits, data.dir, flags.id, flags.datasets_dir));
  if (shell.json) {
    PrintJson(
        Document("dataset-fetched", "dataset",
                 {{"name", flags.id}, {"commit", data.info.commit}, {"files", Json(written)}}));
    return OkStatus();
  }
  for (const std::string& path : written) Print(path + "\n");
  std::fprintf(stderr, "%s at commit %s\n", flags.id.c_str(), data.info.commit.c_str());
  return OkStatus();
}

}  // namespace

void AddDatasetsFetchCommand(CLI::App& datasets, Shell& shell) {
  auto flags = std::make_shared<FetchFlags>();
  CLI::App* fetch = datasets.add_subcommand(
      "fetch", "Download a dataset of the hub into the datasets folder of this machine");
  fetch->add_option("dataset", flags->id, "ORG/NAME, the dataset_path of the tasks")->required();
  fetch->add_option("--revision", flags->revision, "Branch, tag or commit")->capture_default_str();
  fetch->add_option("--config", flags->config, "This configuration (dataset_name) alone");
  fetch
      ->add_option("--datasets-dir", flags->datasets_dir,
                   "The folder that tasks find their rows below")
      ->envname("KOEVAL_DATASETS_DIR")
      ->required();
  AddHubFlags(*fetch, flags->hub);
  fetch->footer(
      "JSON lines, JSON, CSV and TSV are taken as they are.\n"
      "Example:\n  koeval datasets fetch skt/kobest_v1 --datasets-dir /srv/datasets");
  fetch->callback([&shell, flags] {
    shell.command = [&shell, flags] {
      const Status status = FetchDataset(shell, *flags);
      return status.ok() ? kExitDone : Fail(status);
    };
  });
}

}  // namespace koeval::cli
