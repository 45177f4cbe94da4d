// Registered datasets on disk: <state_dir>/datasets, for the scheduler's user alone.
//
//   index.json            every version of every dataset, in the order in which they were added
//   by-digest/<digest>/   the files of one version: [config/]split.ext
//   incoming/             uploads under way; emptied when the scheduler starts
//
// Folders are 0700, files 0600; what the index names was synced before the index.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/evaluation/dataset_source.h"

namespace koeval::service {

struct DatasetSplitFacts {
  std::string config;  // dataset_name of the tasks that use it; "" without
  std::string split;
  int64_t rows = 0;
  int64_t bytes = 0;
};

// One version of a dataset.
struct DatasetRecord {
  evaluation::DatasetOrigin origin;
  bool is_public = false;  // readers may see its texts
  std::vector<DatasetSplitFacts> splits;
  std::string added_by;
  WallTime added_at;
  std::vector<std::string> bundles;  // digests of every bundle that was made with its rows
};
using DatasetRecords = std::vector<DatasetRecord>;

// NAME or ORG/NAME, each 1 to 96 of letters, digits and . _ -, not starting with a dot.
// INVALID_ARGUMENT.
Status ValidateDatasetName(const std::string& name);
// [config/]split.ext with the same letters and ext jsonl, json, csv or tsv. INVALID_ARGUMENT.
Status ValidateDatasetFile(const std::string& file);

// Thread-safe. Changes come from one caller at a time (DatasetAdmin).
class DatasetStore {
 public:
  // Makes the folders, empties incoming/, removes versions that the index does not name. DATA_LOSS
  // for an index that cannot be read, naming the file; PERMISSION_DENIED.
  static Result<std::unique_ptr<DatasetStore>> Open(const std::string& state_dir);

  DatasetRecords All() const EXCLUDES(mutex_);
  // Whether every record of these rows is public; false for unknown ones.
  bool IsPublic(const std::string& digest) const EXCLUDES(mutex_);

  // A new empty folder below incoming/.
  Result<std::string> MakeIncoming();
  // Removes a folder of MakeIncoming, if it is still there.
  static void Discard(const std::string& incoming);
  // What lies in a folder of MakeIncoming: digest and splits, each row looked at. INVALID_ARGUMENT
  // names the file and the row, never a text; blocks as long as reading takes.
  static Result<DatasetRecord> Inspect(const std::string& incoming);
  // Moves a folder of MakeIncoming to its digest, durably; one that is there already stays.
  Status Keep(const std::string& incoming, const std::string& digest);
  // Removes the rows of `digest` from the disk.
  void Drop(const std::string& digest);
  // Replaces the index, durably.
  Status Save(DatasetRecords records) EXCLUDES(mutex_);

  // Finds the newest version of a name among `records`; stays valid after changes.
  std::function<std::optional<evaluation::RegisteredDataset>(const std::string&)> Lookup(
      const DatasetRecords& records) const;

 private:
  DatasetStore(std::string root, DatasetRecords records);
  std::string FolderOf(const std::string& digest) const;

  const std::string root_;
  mutable Mutex mutex_;
  DatasetRecords records_ GUARDED_BY(mutex_);
};

}  // namespace koeval::service
