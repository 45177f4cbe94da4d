// Settings of the hub from the command line.
#include "scheduler/cli/hub_flags.h"

#include <unistd.h>

#include <cstdio>

#include "common/base/cancel.h"
#include "common/base/size_text.h"

namespace koeval::cli {

void AddHubFlags(CLI::App& command, HubFlags& flags) {
  command.add_option("--hub-endpoint", flags.endpoint,
                     "Hub to read from (default: HF_ENDPOINT, else https://huggingface.co)");
  command.add_option("--hub-cache", flags.cache_dir,
                     "Folder of what was downloaded (default: that of the hub's own tools)");
  command.add_option("--hub-token-file", flags.token_file,
                     "File with your token of the hub, readable by you alone");
  command
      .add_option("--downloads", flags.downloads, "Files of a model that are downloaded at a time")
      ->check(CLI::Range(1, hub::kDownloadsMax))
      ->capture_default_str();
  command.add_flag("--offline", flags.offline, "Read the cache only");
}

hub::HubSettings SettingsOf(const HubFlags& flags) {
  hub::HubSettings settings = hub::SettingsFromEnvironment(hub::ProcessEnvironment);
  if (!flags.endpoint.empty()) settings.endpoint = flags.endpoint;
  if (!flags.cache_dir.empty()) settings.cache_dir = flags.cache_dir;
  if (!flags.token_file.empty()) settings.token_file = flags.token_file;
  settings.downloads = flags.downloads;
  settings.offline = settings.offline || flags.offline;
  return settings;
}

hub::HubCache::OnProgress DownloadProgress() {
  if (::isatty(STDERR_FILENO) != 1) return nullptr;
  return [](const hub::CacheProgress& progress) {
    std::fprintf(stderr, "\r\x1b[K%s of %s  %s%s", SizeText(progress.done_bytes).c_str(),
                 SizeText(progress.total_bytes).c_str(), progress.file.c_str(),
                 progress.done_bytes == progress.total_bytes ? "\n" : "");
  };
}

Result<hub::Snapshot> FetchModel(const HubFlags& flags, const std::string& id,
                                 const std::string& revision) {
  ASSIGN_OR_RETURN(const auto cache, hub::OpenHubCache(SettingsOf(flags)));
  return cache->Fetch(hub::RepositoryKind::kModel, id, revision, hub::EvaluationFiles,
                      DownloadProgress(), Cancel());
}

}  // namespace koeval::cli
