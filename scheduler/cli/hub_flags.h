// Flags of commands that read from a hub, and the line that shows a download.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "common/base/status.h"
#include "common/hub/cache.h"
#include "common/hub/hub_settings.h"

namespace koeval::cli {

struct HubFlags {
  std::string endpoint, cache_dir, token_file;
  bool offline = false;
  int downloads = hub::kDownloadsDefault;
};

// --hub-endpoint, --hub-cache, --hub-token-file, --downloads, --offline.
void AddHubFlags(CLI::App& command, HubFlags& flags);

// The environment's settings with the flags over them.
hub::HubSettings SettingsOf(const HubFlags& flags);

// Rewrites one line on a terminal's stderr; prints nothing elsewhere.
hub::HubCache::OnProgress DownloadProgress();

// The files that an evaluation of `id` at `revision` reads, held in the cache while it lives.
Result<hub::Snapshot> FetchModel(const HubFlags& flags, const std::string& id,
                                 const std::string& revision);

}  // namespace koeval::cli
