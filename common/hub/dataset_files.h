// Which files of a dataset repository hold which split, and the folder that evaluation reads.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "common/hub/repository.h"

namespace koeval::hub {

struct DatasetSplit {
  std::string config;              // "" without configurations, or for the one called "default"
  std::string split;               // "train", "validation", "test" or another name
  std::string extension;           // ".jsonl", ".parquet" and the like
  std::vector<std::string> paths;  // shards in their order
};

// What the `configs` of the card's head say, as the hub's `datasets` library reads them (patterns
// with * and **); without them, by names: [data/][CONFIG/]SPLIT[-00000-of-00002].EXT, where train,
// test and validation have their usual other names (valid, val, dev; eval, evaluation). With
// `only`, that configuration alone. NOT_FOUND when nothing holds rows or `only` is not there.
// UNIMPLEMENTED, with the remedy, when what is wanted is Parquet or another format that is not
// read, or shards that are neither JSON lines nor alone. INVALID_ARGUMENT for a head that is none.
Result<std::vector<DatasetSplit>> FindDatasetSplits(const RepositoryInfo& info,
                                                    std::string_view readme,
                                                    const std::string& only);

// Writes <datasets_dir>/<id>/<config>/<split><extension> of each split from the files below `dir`
// (JSON lines joined, shards of other formats as parts), each whole or not at all, and removes
// other files of the same split beside them. Gives the paths written.
Result<std::vector<std::string>> WriteDatasetSplits(const std::vector<DatasetSplit>& splits,
                                                    const std::string& dir, const std::string& id,
                                                    const std::string& datasets_dir);

}  // namespace koeval::hub
